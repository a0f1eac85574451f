import CaptureFiles
import CaptureFormat

/// The lines of several captures in the order of their time; of lines of one moment, those of the first capture first.
struct CaptureMerge: ~Copyable {
  private final class Cursor {
    var source: CaptureSource
    var time: CaptureTimestamp?

    init(path: String) throws {
      source = try CaptureSource(path: path)
      time = try source.peek()
    }

    func take() throws -> [UInt8] {
      let line = source.take()
      time = try source.peek()
      return line
    }
  }

  private let paths: [String]
  private let cursors: [Cursor]

  init(_ paths: [String]) throws(CaptureSlicing.Fault) {
    self.paths = paths
    var cursors: [Cursor] = []
    for path in paths {
      cursors.append(try Self.naming(path) { try Cursor(path: path) })
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
    return (earliest, try Self.naming(paths[earliest]) { try cursors[earliest].take() })
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
