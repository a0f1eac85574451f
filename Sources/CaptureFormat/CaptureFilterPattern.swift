import JSONText

/// A regular expression of a filter, matched anywhere in a text, case-sensitively, by Unicode scalars.
///
/// A pattern that is plain text is looked for as bytes: it is what people type most, and far faster.
struct CaptureFilterPattern {
  private let plain: [UInt8]?
  private let regex: Regex<AnyRegexOutput>?

  /// - Throws: what `Regex` says of a malformed pattern.
  init(_ pattern: String) throws {
    let isPlain = pattern.utf8.allSatisfy { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x20, 0x22, 0x27, 0x2C, 0x2D, 0x2F, 0x3A, 0x40, 0x5F: true
      default: byte >= 0x80
      }
    }
    plain = isPlain ? Array(pattern.utf8) : nil
    regex = isPlain ? nil : try Regex(pattern).matchingSemantics(.unicodeScalar)
  }

  /// Whether the pattern is found in what a JSON value says: a string without quotes and escapes, else its text.
  func isFound(inValue literal: UnsafeRawBufferPointer) -> Bool {
    guard literal.count >= 2, literal[0] == 0x22 else { return isFound(in: literal) }
    let inner = UnsafeRawBufferPointer(rebasing: literal[1..<literal.count - 1])
    guard inner.contains(0x5C) else { return isFound(in: inner) }
    var decoded = JSONString.decode(literal)
    return decoded.withUTF8 { isFound(in: UnsafeRawBufferPointer($0)) }
  }

  /// Whether the pattern is found in a text.
  func isFound(in text: UnsafeRawBufferPointer) -> Bool {
    if let plain { return contains(text, plain) }
    guard let regex else { return false }
    // An expression that gives up while matching has not matched.
    return ((try? regex.firstMatch(in: String(decoding: text, as: UTF8.self))) ?? nil) != nil
  }

  private func contains(_ text: UnsafeRawBufferPointer, _ wanted: [UInt8]) -> Bool {
    guard let first = wanted.first else { return true }
    guard text.count >= wanted.count else { return false }
    for start in 0...text.count - wanted.count where text[start] == first {
      if text[start..<start + wanted.count].elementsEqual(wanted) { return true }
    }
    return false
  }
}
