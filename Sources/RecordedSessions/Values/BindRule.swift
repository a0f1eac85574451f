import JSONText

/// A value that is learnt by rule: `room = send ack of create_room $.id`.
///
/// Where a client's emit has a member of that name (or a value at that path) with the value that the recorded packet had at `path`,
/// the value that came now takes its place. For ids so short that they cannot be told from other values.
package struct BindRule: Sendable {
  /// Where the value goes.
  package var target: ValueTarget
  /// Which packets of the server give it.
  package var subject: PacketSubject
  /// Where in the packet it stands.
  package var path: JSONPath

  /// Parses `NAME = [send] SUBJECT PATH`: NAME a member's name or a path, SUBJECT as in `PacketSubject`.
  package init(parsing text: String) throws(JSONPath.Fault) {
    let parts = text.split(separator: "=", maxSplits: 1)
    guard parts.count == 2 else {
      throw JSONPath.Fault(
        explanation: "'\(text)' has no '='; a rule is like 'room = ack of create_room $.id'")
    }
    target = try ValueTarget(parsing: parts[0].split(separator: " ").joined(separator: " "))
    var words = parts[1].split(separator: " ").map(String.init)
    // "send" reads well and says nothing; an event of that name is meant where nothing else names one.
    if words.first == "send", words.count > 2 { words.removeFirst() }
    guard words.count >= 2, let last = words.popLast() else {
      throw JSONPath.Fault(
        explanation:
          "'\(text)' does not say from which packet and path; a rule is like 'room = ack of create_room $.id'"
      )
    }
    path = try JSONPath(parsing: last)
    subject = try PacketSubject(parsing: words.joined(separator: " "))
  }
}

/// Which values in what a client sends are meant.
package enum ValueTarget: Sendable {
  /// Members of that name, at any depth.
  case member(String)
  case path(JSONPath)
  /// Wherever the capture has this text in place of a secret.
  case secret(String)

  /// Parses a member's name, a path that begins with `$`, or the mark of a secret.
  package init(parsing text: String) throws(JSONPath.Fault) {
    if text.hasPrefix("[redacted:") {
      self = .secret(text)
    } else if text.hasPrefix("$") {
      self = .path(try JSONPath(parsing: text))
    } else if text.isEmpty {
      throw JSONPath.Fault(explanation: "a name is missing before the '='")
    } else {
      self = .member(text)
    }
  }

  func covers(_ value: JSONValue, name: String?, at path: JSONPath) -> Bool {
    switch self {
    case .member(let wanted): name == wanted
    case .path(let pattern): pattern.matches(path)
    case .secret(let mark): value.string == mark
    }
  }
}

/// A value that is given by the user: `NAME=VALUE`.
package struct SetRule: Sendable {
  package var target: ValueTarget
  /// What is sent. `{n}` in a string becomes the number of the copy, so that copies can be told apart.
  package var value: JSONValue

  package init(target: ValueTarget, value: JSONValue) {
    self.target = target
    self.value = value
  }

  /// The value for one copy.
  func value(copy: Int) -> JSONValue {
    guard case .string(let text) = value, text.contains("{n}") else { return value }
    return .string(
      text.split(separator: "{n}", omittingEmptySubsequences: false).joined(separator: String(copy)))
  }
}
