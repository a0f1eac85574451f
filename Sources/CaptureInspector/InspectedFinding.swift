import CaptureFormat
import JSONText

/// A finding of a capture, with all it names.
struct InspectedFinding {
  /// The place of its capture among those read.
  var capture: Int
  var seq: Int
  var time: CaptureTimestamp
  var conn: Int?
  var session: Int?
  var name: String
  var certainty: String?
  /// The record's members in their order, `type` left out.
  var members: [(name: String, value: JSONValue)]

  /// What the finding names beyond the members that every finding has.
  var details: [(name: String, value: JSONValue)] {
    let common = ["seq", "ts", "conn", "session", "finding", "certainty", "evidence"]
    return members.filter { !common.contains($0.name) }
  }

  init(_ record: CaptureRecord, name: String, capture: Int) {
    self.capture = capture
    self.name = name
    seq = record.seq
    time = record.time
    conn = record.conn
    session = record.session
    certainty = record.string(.certainty)
    // The scanner has accepted the line, so this fails on very deep nesting only; then the name remains.
    if case .object(let all)? = try? JSONValue(parsing: record.line) {
      members = all.filter { $0.name != "type" }
    } else {
      members = [("seq", .number("\(record.seq)")), ("finding", .string(name))]
    }
  }
}
