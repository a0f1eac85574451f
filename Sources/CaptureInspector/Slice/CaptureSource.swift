import CaptureFiles
import CaptureFormat

/// A capture read record by record, for those who read several at once.
struct CaptureSource: ~Copyable {
  /// A line with its record's time.
  struct Line {
    var bytes: [UInt8]
    var time: CaptureTimestamp
  }

  let path: String
  private var file: CaptureFile
  private var reader = CaptureReader()
  private var lines: [Line] = []
  private var next = 0
  private var isAtEnd = false
  /// Lines that were no records.
  private(set) var damages: [CaptureDamage] = []
  /// The length of an unfinished last line.
  private(set) var torn = 0

  init(path: String) throws(CaptureFile.Fault) {
    self.path = path
    file = try CaptureFile(path: path)
  }

  /// The line that comes next, left in place; nil at the end.
  mutating func peek() throws -> CaptureTimestamp? {
    while next == lines.count {
      if isAtEnd { return nil }
      lines.removeAll(keepingCapacity: true)
      next = 0
      guard let block = try file.nextBlock() else {
        isAtEnd = true
        torn = try reader.ended()
        return nil
      }
      try reader.bytesArrived(block) { item in
        switch item {
        case .record(let record): lines.append(Line(bytes: Array(record.line), time: record.time))
        case .damage(let damage): damages.append(damage)
        }
      }
    }
    return lines[next].time
  }

  /// Takes the line that `peek` found.
  mutating func take() -> [UInt8] {
    defer { next += 1 }
    return lines[next].bytes
  }
}
