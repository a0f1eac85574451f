import CaptureStorage
import CaptureFormat

/// The lines of several captures in the order of their time; of lines of one moment, those of the first capture first.
struct CaptureMerge: ~Copyable {
  private final class Cursor {
    var source: CaptureSource
    var time: CaptureTimestamp?

    init(paths: [String]) throws {
      source = try CaptureSource(paths: paths)
      time = try source.peek()
    }

    func take() throws -> [UInt8] {
      let line = source.take()
      time = try source.peek()
      return line
    }
  }

  private let captures: [[String]]
  private let cursors: [Cursor]

  /// - Parameter captures: the files of each.
  init(_ captures: [[String]]) throws(CaptureSlicing.Fault) {
    self.captures = captures
    var cursors: [Cursor] = []
    for paths in captures {
      cursors.append(try Self.naming(paths[0]) { try Cursor(paths: paths) })
    }
    self.cursors = cursors
  }

  /// The next line and the place of its capture among the paths; nil behind the last.
  mutating func next() throws(CaptureSlicing.Fault) -> (place: Int, line: [UInt8])? {
    var earliest: Int?
    for (place, cursor) in cursors.enumerated() {
      guard let time = cursor.time else { continue }
      if let found = earliest, let best = cursors[found].time, best <= time { continue }
      earliest = place
    }
    guard let earliest else { return nil }
    return (earliest, try Self.naming(captures[earliest][0]) { try cursors[earliest].take() })
  }

  /// Runs the body; what it throws becomes one line that names the file.
  static func naming<Value>(
    _ path: String, _ body: () throws -> Value
  ) throws(CaptureSlicing.Fault) -> Value {
    do {
      return try body()
    } catch let refusal as CaptureRefusal {
      throw CaptureSlicing.Fault(message: refusal.message(for: path))
    } catch let fault as CaptureFile.Fault {
      throw CaptureSlicing.Fault(message: fault.message)
    } catch {
      throw CaptureSlicing.Fault(message: "\(TerminalText.harmless(path)): \(error)")
    }
  }
}
