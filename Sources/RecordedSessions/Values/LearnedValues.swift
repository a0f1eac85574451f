import JSONText

/// What stands now for values that a recorded server had made up: ids of rooms and messages, tokens, session ids.
package struct LearnedValues: Sendable {
  private var values: [ScalarKey: JSONValue] = [:]
  /// Values that were learnt where it was not sure which recorded packet had come: they may prove to be others.
  private var weak: Set<ScalarKey> = []
  /// What else a value may come back as, because it was sent as that: not put in place of the recorded value.
  private var others: [ScalarKey: JSONValue] = [:]

  package init() {}

  /// What stands for a recorded value now, or nil where nothing is known.
  package func value(for key: ScalarKey) -> JSONValue? { values[key] }

  /// Takes note of a pair; the latest counts.
  ///
  /// - Parameter isWeak: whether another recorded packet would fit what came as well. Such a pair never replaces one that is sure.
  package mutating func learn(_ recorded: ScalarKey, _ actual: JSONValue, isWeak: Bool = false) {
    if isWeak, values[recorded] != nil, !weak.contains(recorded) { return }
    values[recorded] = actual
    if isWeak { weak.insert(recorded) } else if !weak.isEmpty { weak.remove(recorded) }
  }

  /// Whether what is known of a value is sure enough to hold the server to it.
  package func isSure(of key: ScalarKey) -> Bool { values[key] != nil && !weak.contains(key) }

  /// Takes note that a value was sent instead of a recorded one by rule: the server may give it back.
  package mutating func standsAlso(_ actual: JSONValue, for recorded: ScalarKey) { others[recorded] = actual }

  /// Whether a value is what the recorded one has become.
  package func stands(_ actual: JSONValue, for recorded: ScalarKey) -> Bool {
    values[recorded] == actual || others[recorded] == actual
  }

  /// How many values differ from what was recorded.
  package var count: Int { values.count }

  /// A recorded value with everything that is known now put in place, also within strings where an id stands between
  /// other characters (`room:8f14e45f`).
  package func substituted(_ value: JSONValue) -> JSONValue {
    if values.isEmpty { return value }
    switch value {
    case .array(let elements): return .array(elements.map(substituted))
    case .object(let members): return .object(members.map { ($0.name, substituted($0.value)) })
    case .number(let literal): return values[.number(literal)] ?? value
    case .string(let text):
      if let known = values[.string(text)] { return known }
      var replaced = text
      for token in UnusualTokens(text) {
        guard let known = values[.string(String(token))], let actual = known.string, actual != token else {
          continue
        }
        replaced = replaced.replacing(String(token), with: actual)
      }
      return .string(replaced)
    default: return value
    }
  }
}

extension String {
  /// Without Foundation: every occurrence of `part` replaced.
  fileprivate func replacing(_ part: String, with other: String) -> String {
    var result = ""
    var rest = Substring(self)
    while let found = rest.firstRange(of: part) {
      result += rest[..<found.lowerBound] + other
      rest = rest[found.upperBound...]
    }
    return result + rest
  }
}
