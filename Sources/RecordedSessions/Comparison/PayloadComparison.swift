import JSONText

/// Compares the payload of one packet with that of another: what differs, and what it teaches about made-up values.
package struct PayloadComparison {
  /// What differs, in the order of the JSON; no more than `limit`.
  package private(set) var differences: [JSONDifference] = []
  /// How many leaves are equal: the measure of how alike two payloads are that differ.
  package private(set) var equalCount = 0
  /// Recorded values that the server had made up, with what stands at their places now.
  package private(set) var learned: [(key: ScalarKey, value: JSONValue)] = []

  /// Differences listed at most.
  package static let limit = 100

  private let ignored: [JSONPath]
  private let usesDefaults: Bool
  private let origins: ValueOrigins
  /// Given back once everything is compared: a copy that lives on makes the next value that is learnt copy all of them.
  private var known: LearnedValues
  private let expectedAttachments: [[UInt8]?]
  private let actualAttachments: [[UInt8]?]

  /// - Parameters:
  ///   - subject: what the packet is, for the rules that are about some packets only.
  ///   - lastIsOffset: whether the last argument is a recovery offset where it is a string.
  package init(
    expected: RecordedPayload, actual: RecordedPayload, subject: PacketSubject?, rules: ComparisonRules,
    origins: ValueOrigins, known: LearnedValues, lastIsOffset: Bool = false
  ) {
    ignored = rules.ignored.filter { $0.subject == nil || $0.subject == subject }.map(\.path)
    usesDefaults = rules.usesDefaults
    self.origins = origins
    self.known = known
    defer { self.known = LearnedValues() }
    expectedAttachments = expected.attachments
    actualAttachments = actual.attachments
    guard !expected.isIncomplete, !actual.isIncomplete,
      expected.text != actual.text || !expected.attachments.isEmpty
        || usesDefaults
    else { return }
    var first = Self.root(expected.value)
    var second = Self.root(actual.value)
    if lastIsOffset, usesDefaults, case .array(var left) = expected.value,
      case .array(var right) = actual.value,
      left.count == right.count, left.last?.string != nil, right.last?.string != nil
    {
      left.removeLast()
      right.removeLast()
      first = Self.root(.array(left))
      second = Self.root(.array(right))
    }
    // With one argument on one side only, both are shown as lists.
    if case .array(let left) = expected.value, case .array(let right) = actual.value,
      left.count != right.count
    {
      (first, second) = (expected.value, actual.value)
    }
    compare(first, second, JSONPath(), name: nil)
  }

  /// The only element of an array, or the value itself (`JSONPath`).
  package static func root(_ value: JSONValue) -> JSONValue {
    if case .array(let elements) = value, elements.count == 1 { return elements[0] }
    return value
  }

  package var isEqual: Bool { differences.isEmpty }

  private mutating func compare(_ expected: JSONValue, _ actual: JSONValue, _ path: JSONPath, name: String?) {
    if !ignored.isEmpty, ignored.contains(where: { $0.matches(path) }) { return }
    switch (expected, actual) {
    case (.object(let first), .object(let second)):
      if let number = Self.placeholder(expected), let other = Self.placeholder(actual) {
        return compareAttachments(number, other, path)
      }
      compareMembers(first, second, expected, actual, path)
    case (.array(let first), .array(let second)):
      for index in 0..<max(first.count, second.count) {
        let place = path.appending(.element(index))
        if index < first.count, index < second.count {
          compare(first[index], second[index], place, name: name)
        } else {
          add(place, index < first.count ? first[index] : nil, index < second.count ? second[index] : nil)
        }
      }
    default: compareScalars(expected, actual, path, name: name)
    }
  }

  private mutating func compareMembers(
    _ first: [(name: String, value: JSONValue)], _ second: [(name: String, value: JSONValue)],
    _ expected: JSONValue, _ actual: JSONValue, _ path: JSONPath
  ) {
    // Objects of packets are small: looking names up one by one beats a dictionary; large ones get one.
    let places =
      second.count > 16 ? Dictionary(second.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 }) : nil
    for member in first {
      let place = path.appending(.member(member.name))
      if let other = places.map({ $0[member.name] }) ?? actual[member.name] {
        compare(member.value, other, place, name: member.name)
      } else {
        add(place, member.value, nil)
      }
    }
    let names = first.count > 16 ? Set(first.map(\.name)) : nil
    for member in second {
      let isKnown = names?.contains(member.name) ?? first.contains { $0.name == member.name }
      if !isKnown { add(path.appending(.member(member.name)), nil, member.value) }
    }
  }

  private mutating func compareScalars(
    _ expected: JSONValue, _ actual: JSONValue, _ path: JSONPath, name: String?
  ) {
    let key = ScalarKey(expected)
    let mayBeMade = key.map { $0.isUnusual && origins.isServerMade($0) } ?? false
    if expected == actual {
      equalCount += 1
      if mayBeMade, let key { learned.append((key, actual)) }
      return
    }
    if let key, known.stands(actual, for: key) {
      equalCount += 1
      return
    }
    if usesDefaults, let kind = VolatileValue.kind(expected, actual, name: name) {
      switch kind {
      case .secret, .time:
        if mayBeMade, let key { learned.append((key, actual)) }
        return
      case .identifier:
        if key.map(origins.isServerMade) ?? true {
          if mayBeMade, let key {
            if let stands = known.value(for: key), stands != actual, !stands.isNumber, known.isSure(of: key) {
              let note = "\(expected.text) was \(stands.text) before, in this run"
              return add(path, expected, actual, note)
            }
            learned.append((key, actual))
          }
          return
        }
      }
    }
    if mayBeMade, let key, ScalarKey(actual) != nil { learned.append((key, actual)) }
    if case .string = expected, known.substituted(expected) == actual { return }
    add(path, expected, actual)
  }

  private mutating func compareAttachments(_ number: Int, _ other: Int, _ path: JSONPath) {
    guard expectedAttachments.indices.contains(number), actualAttachments.indices.contains(other) else {
      return
    }
    // An attachment that a capture does not give cannot be compared.
    guard let first = expectedAttachments[number], let second = actualAttachments[other], first != second
    else {
      equalCount += 1
      return
    }
    let place = zip(first, second).enumerated().first { $0.element.0 != $0.element.1 }?.offset
    add(
      path, .string("\(first.count) bytes"), .string("\(second.count) bytes"),
      "attachments differ from byte \(place ?? min(first.count, second.count)) on")
  }

  /// The number of an attachment's placeholder, where the value is one (PROTOCOL.md B.2).
  package static func placeholder(_ value: JSONValue) -> Int? {
    guard case .object(let members) = value, members.count == 2, value["_placeholder"]?.boolean == true else {
      return nil
    }
    return value["num"]?.integer
  }

  private mutating func add(
    _ path: JSONPath, _ expected: JSONValue?, _ actual: JSONValue?, _ note: String = ""
  ) {
    if ignored.contains(where: { $0.matches(path) }) { return }
    guard differences.count < Self.limit else { return }
    differences.append(JSONDifference(path: path, expected: expected, actual: actual, note: note))
  }
}

extension JSONValue {
  var isNumber: Bool { if case .number = self { true } else { false } }
}
