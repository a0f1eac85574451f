/// A JSON value as a tree, for everything outside the hot path: comparing, pretty-printing, tests.
///
/// Numbers keep their literal text and objects their order, so writing a parsed value loses nothing but the
/// white space and the choice of escapes.
package indirect enum JSONValue: Sendable {
  case null
  case boolean(Bool)
  case number(String)
  case string(String)
  case array([JSONValue])
  case object([(name: String, value: JSONValue)])

  /// Parses a whole text: exactly one value, white space around it allowed.
  package init(parsing bytes: UnsafeRawBufferPointer) throws(JSONFault) {
    var scanner = JSONScanner(bytes)
    self = try JSONValue(at: &scanner, depth: 0)
    try scanner.expectEnd()
  }

  package init(parsing text: String) throws(JSONFault) {
    self = try Self.parse(Array(text.utf8))
  }

  package init(parsing bytes: [UInt8]) throws(JSONFault) {
    self = try Self.parse(bytes)
  }

  private static func parse(_ bytes: [UInt8]) throws(JSONFault) -> JSONValue {
    let result: Result<JSONValue, JSONFault> = bytes.withUnsafeBytes { raw in
      do throws(JSONFault) { return .success(try JSONValue(parsing: raw)) } catch { return .failure(error) }
    }
    return try result.get()
  }

  /// Recursion is bounded, lower than the scanner's own depth, because each level costs stack.
  private static let maximumDepth = 512

  private init(at scanner: inout JSONScanner, depth: Int) throws(JSONFault) {
    guard depth < Self.maximumDepth else { throw JSONFault(.tooDeep, at: scanner.position) }
    switch try scanner.peekKind() {
    case .object:
      var members: [(name: String, value: JSONValue)] = []
      try scanner.enterObject()
      var isFirst = true
      while let name = try scanner.nextMember(&isFirst) {
        let key = JSONString.decode(UnsafeRawBufferPointer(rebasing: scanner.bytes[name]))
        members.append((key, try JSONValue(at: &scanner, depth: depth + 1)))
      }
      self = .object(members)
    case .array:
      var elements: [JSONValue] = []
      try scanner.enterArray()
      var isFirst = true
      while try scanner.nextElement(&isFirst) {
        elements.append(try JSONValue(at: &scanner, depth: depth + 1))
      }
      self = .array(elements)
    case .string:
      let range = try scanner.skipString()
      self = .string(JSONString.decode(UnsafeRawBufferPointer(rebasing: scanner.bytes[range])))
    case .number:
      let range = try scanner.skipValue()
      self = .number(String(decoding: scanner.bytes[range], as: UTF8.self))
    case .boolean:
      let range = try scanner.skipValue()
      self = .boolean(range.count == 4)
    case .null:
      try scanner.skipValue()
      self = .null
    }
  }

  /// The last member of that name (as `JSON.parse` resolves duplicates), or nil.
  package subscript(name: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.last { $0.name.utf8.elementsEqual(name.utf8) }?.value
  }

  package subscript(index: Int) -> JSONValue? {
    guard case .array(let elements) = self, elements.indices.contains(index) else { return nil }
    return elements[index]
  }

  package var string: String? { if case .string(let text) = self { text } else { nil } }
  package var number: String? { if case .number(let literal) = self { literal } else { nil } }
  package var integer: Int? { number.flatMap { Int($0) } }
  package var boolean: Bool? { if case .boolean(let value) = self { value } else { nil } }
  package var array: [JSONValue]? { if case .array(let elements) = self { elements } else { nil } }
  package var isNull: Bool { if case .null = self { true } else { false } }

  /// The value as compact JSON text.
  package var text: String {
    var sink = ByteSink()
    write(to: &sink)
    return String(decoding: sink.bytes, as: UTF8.self)
  }

  /// Appends the value as compact JSON text.
  package func write(to sink: inout ByteSink) {
    switch self {
    case .null: sink.append("null" as StaticString)
    case .boolean(let value): sink.append(value ? "true" as StaticString : "false")
    case .number(let literal): sink.append(literal)
    case .string(let text): sink.append(jsonString: text)
    case .array(let elements):
      sink.append(0x5B)
      for (index, element) in elements.enumerated() {
        if index > 0 { sink.append(0x2C) }
        element.write(to: &sink)
      }
      sink.append(0x5D)
    case .object(let members):
      sink.append(0x7B)
      for (index, member) in members.enumerated() {
        if index > 0 { sink.append(0x2C) }
        sink.append(jsonString: member.name)
        sink.append(0x3A)
        member.value.write(to: &sink)
      }
      sink.append(0x7D)
    }
  }
}

extension JSONValue: Equatable {
  /// Equality of meaning: member order does not matter, `1`, `1.0` and `10e-1` are one number, and numbers are
  /// compared digit by digit, not as floating point.
  package static func == (left: JSONValue, right: JSONValue) -> Bool {
    switch (left, right) {
    case (.null, .null): true
    case (.boolean(let first), .boolean(let second)): first == second
    case (.string(let first), .string(let second)):
      first.utf8.elementsEqual(second.utf8)
    case (.number(let first), .number(let second)):
      first == second || DecimalDigits(first) == DecimalDigits(second)
    case (.array(let first), .array(let second)): first == second
    case (.object(let first), .object(let second)): membersAreEqual(first, second)
    default: false
    }
  }

  private static func membersAreEqual(
    _ first: [(name: String, value: JSONValue)], _ second: [(name: String, value: JSONValue)]
  ) -> Bool {
    // Keyed by bytes: as strings, names that differ in nothing but their Unicode normalisation would be one.
    let left = Dictionary(first.map { (Array($0.name.utf8), $0.value) }, uniquingKeysWith: { $1 })
    let right = Dictionary(second.map { (Array($0.name.utf8), $0.value) }, uniquingKeysWith: { $1 })
    return left.count == right.count && left.allSatisfy { right[$0.key] == $0.value }
  }
}

/// A JSON number in one canonical form: sign, digits without outer zeros, and the power of ten behind them.
private struct DecimalDigits: Equatable {
  var isNegative = false
  var digits: [UInt8] = []
  /// Kept within a range that nothing written in digits can leave; see `far`.
  var exponent = 0

  /// What an exponent beyond all reason is taken for: numbers that differ only there count as equal.
  private static let far = Int.max / 4

  init(_ literal: String) {
    var written = 0
    var seenPoint = false
    let characters = Array(literal.utf8)
    var index = 0
    if characters.first == 0x2D {
      isNegative = true
      index = 1
    }
    while index < characters.count {
      let character = characters[index]
      index += 1
      if character == 0x2E {
        seenPoint = true
      } else if character == 0x65 || character == 0x45 {
        let text = String(decoding: characters[index...], as: UTF8.self)
        let unlimited = Int(text) ?? (text.hasPrefix("-") ? -Self.far : Self.far)
        written = min(max(unlimited, -Self.far), Self.far)
        break
      } else {
        digits.append(character)
        if seenPoint { exponent -= 1 }
      }
    }
    exponent += written
    while digits.last == 0x30 {
      digits.removeLast()
      exponent += 1
    }
    digits.removeFirst(digits.prefix { $0 == 0x30 }.count)
    if digits.isEmpty {
      exponent = 0
      isNegative = false
    }
  }
}
