import JSONText

/// Makes what a client sends now of what it sent in the recording: values that the server had made up give way to those
/// that it made now, and values that the user set are put in.
package struct Substitution: Sendable {
  /// What was learnt of made-up values.
  package var learned = LearnedValues()
  /// Names of members that still hold the mark of a secret when they are sent, in order of appearance.
  package private(set) var unknownSecrets: [String] = []
  /// How many values were replaced.
  package private(set) var replacedCount = 0

  private let sets: [SetRule]
  private let binds: [BindRule]
  private let copy: Int
  /// For each rule, what stands now for a recorded value.
  private var bound: [[ScalarKey: JSONValue]]

  /// - Parameter copy: the number of the copy that is played, from 1.
  package init(sets: [SetRule] = [], binds: [BindRule] = [], copy: Int = 1) {
    self.sets = sets
    self.binds = binds
    self.copy = copy
    bound = binds.map { _ in [:] }
  }

  /// A packet of the server came in place of a recorded one: the rules about it learn.
  package mutating func packetCame(
    _ subject: PacketSubject, recorded: RecordedPayload, actual: RecordedPayload
  ) {
    for (index, rule) in binds.enumerated() where rule.subject == subject {
      let before = rule.path.values(in: PayloadComparison.root(recorded.value))
      let now = rule.path.values(in: PayloadComparison.root(actual.value))
      for (first, second) in zip(before, now) {
        if let key = ScalarKey(first) {
          bound[index][key] = second
          learned.standsAlso(second, for: key)
        }
      }
    }
  }

  /// What is sent in place of a recorded payload.
  package mutating func payload(for recorded: RecordedPayload) -> JSONValue {
    let root = PayloadComparison.root(recorded.value)
    let isWrapped = recorded.value.array?.count == 1
    let value = replaced(root, name: nil, at: JSONPath())
    return isWrapped ? .array([value]) : value
  }

  private mutating func replaced(_ value: JSONValue, name: String?, at path: JSONPath) -> JSONValue {
    for rule in sets where rule.target.covers(value, name: name, at: path) {
      let given = rule.value(copy: copy)
      if let key = ScalarKey(value) { learned.standsAlso(given, for: key) }
      replacedCount += 1
      return given
    }
    switch value {
    case .array(let elements):
      return .array(elements.enumerated().map { replaced($1, name: name, at: path.appending(.element($0))) })
    case .object(let members):
      return .object(
        members.map { ($0.name, replaced($0.value, name: $0.name, at: path.appending(.member($0.name)))) })
    case .string, .number:
      if let key = ScalarKey(value) {
        for (index, rule) in binds.enumerated() where rule.target.covers(value, name: name, at: path) {
          if let now = bound[index][key] {
            replacedCount += 1
            return now
          }
        }
      }
      let now = learned.substituted(value)
      if now != value {
        replacedCount += 1
      } else if RedactedText.isIn(value) {
        secretSent(name ?? "an argument")
      }
      return now
    default: return value
    }
  }

  private mutating func secretSent(_ name: String) {
    if !unknownSecrets.contains(name), unknownSecrets.count < 20 { unknownSecrets.append(name) }
  }
}
