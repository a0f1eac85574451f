import JSONText

/// A string or number as something to look up. Numbers are told apart by how they are written.
package enum ScalarKey: Hashable, Sendable {
  case string(String)
  case number(String)

  /// Nil for what is no string and no number.
  package init?(_ value: JSONValue) {
    switch value {
    case .string(let text): self = .string(text)
    case .number(let literal): self = .number(literal)
    default: return nil
    }
  }

  /// Whether the value is so long and mixed that it hardly occurs twice by chance: an id or a token, and no word.
  package var isUnusual: Bool {
    switch self {
    case .number(let literal): literal.utf8.count { $0 >= 0x30 && $0 <= 0x39 } >= 5
    case .string(let text): Self.isUnusual(text.utf8)
    }
  }

  static func isUnusual(_ text: some Collection<UInt8>) -> Bool {
    let count = text.count
    guard count >= 6, count <= 4096 else { return false }
    var digits = 0
    var letters = 0
    for byte in text {
      if byte <= 0x20 { return false }
      if byte >= 0x30 && byte <= 0x39 { digits += 1 }
      if byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A { letters += 1 }
    }
    return digits > 0 && (letters > 0 || digits >= 6) || count >= 20 && letters > 0
  }
}
