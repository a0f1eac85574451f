import JSONText

/// Whether a value is of a kind that differs from run to run: times, ids, tokens, session ids, recovery offsets, and
/// what the capture has as the mark of a secret.
enum VolatileValue {
  /// What a volatile value is.
  enum Kind: Equatable {
    case time
    case identifier
    case secret
  }

  /// The kind of a pair of values that stand at the same place, or nil where a difference between them counts.
  static func kind(_ expected: JSONValue, _ actual: JSONValue, name: String?) -> Kind? {
    if isSecret(expected) || isSecret(actual) {
      return expected.isNull || actual.isNull ? nil : .secret
    }
    switch (expected, actual) {
    case (.string(let first), .string(let second)):
      if RedactedText(first).stands(for: second) || RedactedText(second).stands(for: first) { return .secret }
      if isTime(first), isTime(second) { return .time }
      if isIdentifier(first), isIdentifier(second) { return .identifier }
      guard let name else { return nil }
      switch nameKind(name) {
      case .time:
        return first.utf8.contains(where: isDigit) && second.utf8.contains(where: isDigit) ? .time : nil
      case .identifier:
        // A word such as "lobby" is a name that somebody gave, not an id that was made up.
        let looksMade = { (text: String) in
          text.utf8.contains(where: isDigit) || ScalarKey.isUnusual(text.utf8)
        }
        return looksMade(first) && looksMade(second) ? .identifier : nil
      default: return nil
      }
    case (.number(let first), .number(let second)):
      if isEpoch(first), isEpoch(second) { return .time }
      return name.flatMap(nameKind)
    default: return nil
    }
  }

  /// `[redacted:xxxxxxxx]`, as captures have it in place of secrets.
  static func isSecret(_ value: JSONValue) -> Bool {
    guard case .string(let text) = value else { return false }
    return text.hasPrefix("[redacted:") && text.hasSuffix("]")
  }

  /// What a member's name says of its value.
  static func nameKind(_ name: String) -> Kind? {
    let words = words(of: name)
    guard let last = words.last else { return nil }
    if timeNames.contains(last) || words.count > 1 && last == "at" { return .time }
    return identifierNames.contains(last) ? .identifier : nil
  }

  private static let timeNames: Set<String> = [
    "ts", "time", "timestamp", "date", "datetime", "now", "expires", "expiry", "uptime", "elapsed", "latency",
    "duration",
  ]
  private static let identifierNames: Set<String> = [
    "id", "ids", "sid", "pid", "uid", "uuid", "guid", "token", "nonce", "offset", "cursor", "etag", "ulid",
    "cuid",
  ]

  /// `createdAt`, `created_at` and `created-at` are the words created and at.
  private static func words(of name: String) -> [String] {
    var words: [String] = []
    var current = ""
    var wasLower = false
    for character in name {
      let isBreak = !(character.isLetter || character.isNumber)
      if isBreak || character.isUppercase && wasLower {
        if !current.isEmpty { words.append(current.lowercased()) }
        current = ""
      }
      if !isBreak { current.append(character) }
      wasLower = character.isLowercase || character.isNumber
    }
    if !current.isEmpty { words.append(current.lowercased()) }
    return words
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

  /// `2026-11-24`, alone or with a time of day behind it; `10:00:02`, alone.
  private static func isTime(_ text: String) -> Bool {
    let bytes = Array(text.utf8.prefix(40))
    func fits(_ pattern: StaticString) -> Bool {
      guard bytes.count >= pattern.utf8CodeUnitCount else { return false }
      for index in 0..<pattern.utf8CodeUnitCount {
        let wanted = pattern.utf8Start[index]
        if wanted == 0x30 ? !isDigit(bytes[index]) : bytes[index] != wanted { return false }
      }
      return true
    }
    let isShort = text.utf8.count <= 40
    return isShort && (fits("0000-00-00") && (bytes.count == 10 || bytes[10] == 0x54 || bytes[10] == 0x20))
      || bytes.count <= 15 && fits("00:00:00")
  }

  /// Seconds, milliseconds or microseconds since 1970, between 2001 and 2100.
  private static func isEpoch(_ literal: String) -> Bool {
    guard let number = Double(literal) else { return false }
    return [1.0, 1e3, 1e6, 1e9].contains { number >= 1e9 * $0 && number < 4.1e9 * $0 }
  }

  /// A UUID, or a run of letters, digits, `-` and `_` that no one writes by hand.
  private static func isIdentifier(_ text: String) -> Bool {
    let bytes = text.utf8
    guard bytes.count >= 8, bytes.count <= 512 else { return false }
    var digits = 0
    var lower = 0
    var upper = 0
    var hex = 0
    var marks = 0
    var runs = 0
    var wasDigit = false
    for byte in bytes {
      let digit = isDigit(byte)
      switch byte {
      case 0x30...0x39: digits += 1
      case 0x61...0x7A: lower += 1
      case 0x41...0x5A: upper += 1
      case 0x2D, 0x5F: marks += 1
      default: return false
      }
      if digit || byte | 0x20 >= 0x61 && byte | 0x20 <= 0x66 { hex += 1 }
      if digit != wasDigit { runs += 1 }
      wasDigit = digit
    }
    // Hexadecimal with both letters and digits, or digits alone that no one counts to.
    if hex + marks == bytes.count, digits > 0, hex >= 8 { return true }
    // Base64 and its kind: letters of both cases, or digits scattered among letters.
    if bytes.count >= 16, lower > 0, upper > 0, marks <= 4 { return digits > 0 || upper > 2 }
    return bytes.count >= 12 && digits >= 2 && runs >= 4
  }
}
