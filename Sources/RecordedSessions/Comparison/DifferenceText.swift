import CaptureFormat
import JSONText

extension Difference {
  /// Appends the difference for people: where in the recording, what is wrong, what was expected and what came, and
  /// the places in which they differ.
  package func write(to sink: inout ByteSink, indent: String = "  ") {
    var place: [String] = []
    if let session { place.append("session \(session)") }
    if let seq { place.append("seq \(seq)") }
    if let time {
      var clock = ByteSink()
      clock.append(timeOfDay: time)
      place.append("at \(String(decoding: clock.bytes, as: UTF8.self))")
    }
    if let namespace, namespace != "/" { place.append("namespace \(TerminalText.harmless(namespace))") }
    sink.append("\(indent)\(TerminalText.harmless(words))\n")
    if !place.isEmpty {
      sink.append("\(indent)  \(isUnexpected ? "behind:  " : "recorded:") \(place.joined(separator: ", "))\n")
    }
    if let expected { line("expected ", expected, indent, &sink) }
    if let actual { line("came     ", actual, indent, &sink) }
    for each in places {
      sink.append("\(indent)    \(TerminalText.harmless(each.path.description))\n")
      if let value = each.expected { line("    - ", value.text, indent, &sink) }
      if let value = each.actual { line("    + ", value.text, indent, &sink) }
      if !each.note.isEmpty { sink.append("\(indent)      \(TerminalText.harmless(each.note))\n") }
    }
  }

  /// Whether the recording has nothing in its place: it only came behind something.
  private var isUnexpected: Bool {
    switch kind {
    case .eventUnexpected, .closeUnexpected, .disconnectUnexpected: true
    default: false
    }
  }

  /// Columns of JSON shown at most.
  private static let columns = 400

  private func line(_ title: String, _ json: String, _ indent: String, _ sink: inout ByteSink) {
    sink.append("\(indent)  \(title) ")
    sink.append(terminalText: json, columns: Self.columns)
    sink.append("\n")
  }

  /// The difference as a JSON object.
  package var json: JSONValue {
    var members: [(name: String, value: JSONValue)] = [("kind", .string(kind.rawValue))]
    func add(_ name: String, _ number: Int?) {
      if let number { members.append((name, .number(String(number)))) }
    }
    func add(_ name: String, _ text: String?) {
      if let text { members.append((name, .string(text))) }
    }
    add("session", session)
    add("seq", seq)
    if let time {
      var clock = ByteSink()
      clock.append(timestamp: time)
      add("ts", String(decoding: clock.bytes, as: UTF8.self))
    }
    add("namespace", namespace)
    add("event", event)
    add("words", words)
    if let expected { members.append(("expected", (try? JSONValue(parsing: expected)) ?? .string(expected))) }
    if let actual { members.append(("actual", (try? JSONValue(parsing: actual)) ?? .string(actual))) }
    if !places.isEmpty {
      members.append(
        (
          "places",
          .array(
            places.map { place in
              var parts: [(name: String, value: JSONValue)] = [("path", .string(place.path.description))]
              if let value = place.expected { parts.append(("expected", value)) }
              if let value = place.actual { parts.append(("actual", value)) }
              if !place.note.isEmpty { parts.append(("note", .string(place.note))) }
              return .object(parts)
            })
        ))
    }
    return .object(members)
  }
}
