import JSONText

/// What counts as the same: JSON of equal meaning, but for what is ignored.
package struct ComparisonRules: Sendable {
  /// Places whose values are not compared.
  package var ignored: [IgnoredPlace]
  /// Whether times, ids that the server made up, session ids, recovery offsets and redacted secrets may differ.
  package var usesDefaults: Bool

  package init(ignored: [IgnoredPlace] = [], usesDefaults: Bool = true) {
    self.ignored = ignored
    self.usesDefaults = usesDefaults
  }
}

/// A place whose values are not compared: `$.ts` in any packet, `message $.ts` in emits of that event, `ack of
/// create_room $.n` in the acks of that event.
package struct IgnoredPlace: Sendable {
  /// Nil for any.
  package var subject: PacketSubject?
  package var path: JSONPath

  package init(subject: PacketSubject? = nil, path: JSONPath) {
    self.subject = subject
    self.path = path
  }

  /// Parses `[SUBJECT ]PATH`.
  package init(parsing text: String) throws(JSONPath.Fault) {
    var words = text.split(separator: " ")
    guard let last = words.popLast() else { throw JSONPath.Fault(explanation: "an empty text is no path") }
    path = try JSONPath(parsing: String(last))
    subject = words.isEmpty ? nil : try PacketSubject(parsing: words.joined(separator: " "))
  }
}

/// Which packets a rule is about.
package enum PacketSubject: Sendable, Equatable {
  /// The emits of an event.
  case emit(event: String)
  /// The acks of an event's emits.
  case ack(event: String)
  /// The answer to a CONNECT.
  case connect

  /// Parses `EVENT`, `event EVENT`, `ack of EVENT` or `connect`.
  package init(parsing text: String) throws(JSONPath.Fault) {
    let words = text.split(separator: " ").map(String.init)
    switch (words.count, words.first) {
    case (1, "connect"): self = .connect
    case (1, let event?): self = .emit(event: event)
    case (2, "event"): self = .emit(event: words[1])
    case (3, "ack") where words[1] == "of": self = .ack(event: words[2])
    default:
      throw JSONPath.Fault(
        explanation: "'\(text)' names no packet; say EVENT, 'ack of EVENT' or 'connect'")
    }
  }
}
