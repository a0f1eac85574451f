import JSONText

/// A text in which a capture has put marks in place of secrets: `https://chat.example/?token=[redacted:1f2e3d4c]&room=7`.
struct RedactedText {
  private static let opening = "[redacted:"

  /// What stands around the marks; a single part where there is none.
  private let parts: [Substring]

  init(_ text: String) {
    var parts: [Substring] = []
    var rest = text[...]
    while let mark = rest.firstRange(of: Self.opening),
      let end = rest[mark.upperBound...].firstIndex(of: "]")
    {
      parts.append(rest[..<mark.lowerBound])
      rest = rest[rest.index(after: end)...]
    }
    self.parts = parts + [rest]
  }

  /// Whether a value is a string that holds a mark.
  static func isIn(_ value: JSONValue) -> Bool {
    guard case .string(let text) = value else { return false }
    return text.contains(opening)
  }

  /// Whether the text may be the other one with its secrets replaced: what stands around the marks stands in it, too, in that
  /// order. False for a text without marks.
  func stands(for other: String) -> Bool {
    guard parts.count > 1, let first = parts.first, let last = parts.last, other.hasPrefix(first),
      other.utf8.count >= first.utf8.count + last.utf8.count, other.hasSuffix(last)
    else { return false }
    var rest = other.dropFirst(first.count).dropLast(last.count)
    for part in parts.dropFirst().dropLast() where !part.isEmpty {
      guard let found = rest.firstRange(of: part) else { return false }
      rest = rest[found.upperBound...]
    }
    return true
  }
}
