import CaptureFormat
import CaptureInspector
import RecordedSessions

/// Recordings read from captures, for the commands that play or compare them.
enum RecordingFile {
  /// Reads a capture; `-` is standard input, and the name of a set stands for its files.
  ///
  /// - Parameter filter: keeps the sessions in which anything matches.
  /// - Throws: `Failure`, for a file that is no capture or cannot be read.
  static func read(_ path: String, filter: CaptureFilter? = nil) throws -> Recording {
    var reader = RecordingReader(filter: filter)
    do throws(CaptureInspection.Unreadable) {
      var torn = 0
      for file in CaptureInspection.files(of: path) {
        torn = try CaptureInspection.read(file) { item in
          switch item {
          case .record(let record): reader.recordRead(record)
          case .damage(let damage): reader.damageFound(damage)
          }
        }
      }
      return reader.captureEnded(torn: torn)
    } catch {
      throw Failure(explanation: error.explanation + hint(path))
    }
  }

  private static func hint(_ path: String) -> String {
    path.lowercased().hasSuffix(".har")
      ? " A HAR becomes one with 'ackscope convert \(path) chat.jsonl'." : ""
  }

  /// Parses the filter of an option.
  static func filter(_ text: String?, option: String) throws -> CaptureFilter? {
    guard let text else { return nil }
    do {
      return try CaptureFilter(parsing: text)
    } catch {
      throw Failure(explanation: "\(option): \(error)")
    }
  }
}
