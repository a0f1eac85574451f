import CaptureStorage
import CaptureFormat

/// A capture, in one file or in a set of them, read record by record, for those who read several at once.
struct CaptureSource: ~Copyable {
  /// A line with its record's time.
  struct Line {
    var bytes: [UInt8]
    var time: CaptureTimestamp
  }

  /// The file that is read now.
  private(set) var path: String
  private var later: ArraySlice<String>
  private var file: CaptureFile
  private var reader = CaptureReader()
  private var lines: [Line] = []
  private var next = 0
  private var isAtEnd = false
  /// Lines that were no records, and last lines that were never finished: a line for people each.
  private(set) var faults: [String] = []

  /// - Parameter paths: the files of one capture, in the order of time; at least one.
  init(paths: [String]) throws(CaptureFile.Fault) {
    path = paths.first ?? ""
    later = paths.dropFirst()
    file = try CaptureFile(path: path)
  }

  /// The line that comes next, left in place; nil at the end.
  mutating func peek() throws -> CaptureTimestamp? {
    while next == lines.count {
      if isAtEnd { return nil }
      lines.removeAll(keepingCapacity: true)
      next = 0
      guard let block = try file.nextBlock() else {
        let torn = try reader.ended()
        if torn > 0 {
          faults.append("\(TerminalText.harmless(path)): the last line is torn: \(torn) bytes, dropped")
        }
        guard let next = later.popFirst() else {
          isAtEnd = true
          return nil
        }
        path = next
        file = try CaptureFile(path: path)
        reader = CaptureReader()
        continue
      }
      let path = path
      try reader.bytesArrived(block) { item in
        switch item {
        case .record(let record): lines.append(Line(bytes: Array(record.line), time: record.time))
        case .damage(let damage): faults.append(damage.message(for: path))
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
