import CaptureFormat
import JSONText

/// What `ackscope diff` says.
package struct DiffReport: Sendable {
  package var expected: String
  package var actual: String
  package var diff: RecordingDiff
  /// Everything that differs, latencies included.
  package var differences: [Difference]

  package init(expected: String, actual: String, diff: RecordingDiff, slower: [Difference] = []) {
    self.expected = expected
    self.actual = actual
    self.diff = diff
    differences = diff.differences + slower
  }

  /// Differences shown to people at most; the JSON form has all.
  private static let shown = 200

  /// Appends the report for people.
  package func writeText(to sink: inout ByteSink) {
    sink.append("first     " + TerminalText.harmless(expected) + "\n")
    sink.append("second    " + TerminalText.harmless(actual) + "\n")
    sink.append("compared  \(diff.sessions) sessions, \(diff.emits) emits, \(diff.acks) acks\n\n")
    guard !differences.isEmpty else { return sink.append("no differences\n" as StaticString) }
    for difference in differences.prefix(Self.shown) {
      difference.write(to: &sink, indent: "")
      sink.append(0x0A)
    }
    if differences.count > Self.shown {
      sink.append("… and \(differences.count - Self.shown) more; --format json lists them\n\n")
    }
    sink.append("\(differences.count) difference\(differences.count == 1 ? "" : "s")\n")
  }

  /// Appends one JSON object and a line break.
  package func writeJSON(to sink: inout ByteSink) {
    func number(_ value: Int) -> JSONValue { .number("\(value)") }
    JSONValue.object([
      ("first", .string(expected)), ("second", .string(actual)), ("same", .boolean(differences.isEmpty)),
      ("sessions", number(diff.sessions)), ("emits", number(diff.emits)), ("acks", number(diff.acks)),
      ("differences", .array(differences.map(\.json))),
    ]).write(to: &sink)
    sink.append(0x0A)
  }
}
