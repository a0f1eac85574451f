import JSONText

/// Arguments of an event as JSON, compared by meaning.
enum JSONArguments {
  /// The arguments as values; nil where they are not JSON.
  static func parse(_ arguments: UnsafeRawBufferPointer) -> [JSONValue]? {
    var bytes: [UInt8] = [0x5B]
    bytes.reserveCapacity(arguments.count + 2)
    bytes.append(contentsOf: arguments)
    bytes.append(0x5D)
    guard let value = try? JSONValue(parsing: bytes) else { return nil }
    return value.array
  }

  /// The same, of bytes that were kept.
  static func parse(_ arguments: [UInt8]) -> [JSONValue]? {
    arguments.withUnsafeBytes { parse($0) }
  }

  /// What a NestJS handler gets as its body: the only argument, an array of several, or nothing
  /// (PROTOCOL.md D.1).
  static func body(_ arguments: [JSONValue]) -> JSONValue? {
    switch arguments.count {
    case 0: nil
    case 1: arguments[0]
    default: .array(arguments)
    }
  }

  /// The name that an event literal stands for.
  static func name(_ literal: String) -> String {
    var literal = literal
    return literal.withUTF8 { bytes in
      bytes.first == 0x22
        ? JSONString.decode(UnsafeRawBufferPointer(bytes)) : String(decoding: bytes, as: UTF8.self)
    }
  }

  /// Whether two values share a string that is not empty: what is passed on to others usually keeps the text.
  static func shareText(_ first: [JSONValue], _ second: [JSONValue]) -> Bool {
    var texts = Set<String>()
    for value in first { collectText(value, into: &texts) }
    guard !texts.isEmpty else { return false }
    var others = Set<String>()
    for value in second { collectText(value, into: &others) }
    return !texts.isDisjoint(with: others)
  }

  private static func collectText(_ value: JSONValue, into texts: inout Set<String>) {
    guard texts.count < 64 else { return }
    switch value {
    case .string(let text): if !text.isEmpty { texts.insert(text) }
    case .array(let elements): for element in elements { collectText(element, into: &texts) }
    case .object(let members): for member in members { collectText(member.value, into: &texts) }
    case .null, .boolean, .number: break
    }
  }
}
