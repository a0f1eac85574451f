/// Numbers as JavaScript's `Number(text)` reads them, where decoders lean on that: attachment counts, the lengths of
/// Engine.IO 3 payloads, and the white space that passes for digits in ack ids (PROTOCOL.md A.6, B.1).
enum JavaScriptNumber {
  /// The length of the white space or line terminator at `index` (ECMA-262 `StrWhiteSpaceChar`), or 0.
  static func whitespaceLength(_ bytes: UnsafeRawBufferPointer, at index: Int) -> Int {
    func byte(_ offset: Int) -> UInt8 { index + offset < bytes.count ? bytes[index + offset] : 0 }
    switch byte(0) {
    case 0x09...0x0D, 0x20: return index < bytes.count ? 1 : 0
    case 0xC2: return byte(1) == 0xA0 ? 2 : 0
    case 0xE1: return byte(1) == 0x9A && byte(2) == 0x80 ? 3 : 0
    case 0xE2:
      if byte(1) == 0x80 {
        // U+2000 to U+200A, U+2028, U+2029, U+202F
        switch byte(2) {
        case 0x80...0x8A, 0xA8, 0xA9, 0xAF: return 3
        default: return 0
        }
      }
      return byte(1) == 0x81 && byte(2) == 0x9F ? 3 : 0
    case 0xE3: return byte(1) == 0x80 && byte(2) == 0x80 ? 3 : 0
    case 0xEF: return byte(1) == 0xBB && byte(2) == 0xBF ? 3 : 0
    default: return 0
    }
  }

  /// The integer that a double is, or nil. Without `Int64(exactly:)`, which needs the C math library.
  static func integer(_ value: Double) -> Int64? {
    guard value > -9.2e18, value < 9.2e18 else { return nil }
    let integer = Int64(value)
    return Double(integer) == value ? integer : nil
  }

  /// What a text that should be a count stands for.
  enum Count: Equatable {
    /// A whole number; `Int.max` for everything above it.
    case whole(Int)
    /// A number that is negative, fractional or infinite.
    case otherNumber
    /// `NaN`.
    case notANumber
  }

  /// Reads a count; an empty text is 0, as in JavaScript.
  static func count(_ bytes: UnsafeRawBufferPointer, in range: Range<Int>) -> Count {
    var value = 0
    for index in range {
      let digit = bytes[index] &- 0x30
      guard digit < 10 else { return unusualCount(bytes, in: range) }
      value = saturating(value, times: 10, plus: Int(digit))
    }
    return .whole(value)
  }

  private static func saturating(_ value: Int, times base: Int, plus digit: Int) -> Int {
    let (product, overflow) = value.multipliedReportingOverflow(by: base)
    guard !overflow else { return .max }
    let (sum, carry) = product.addingReportingOverflow(digit)
    return carry ? .max : sum
  }

  /// Longest literal looked at: nothing longer was ever written by an encoder, and plain digits are not meant here.
  private static let longestLiteral = 400

  private static func unusualCount(_ bytes: UnsafeRawBufferPointer, in range: Range<Int>) -> Count {
    var low = range.lowerBound
    let limited = UnsafeRawBufferPointer(rebasing: bytes[..<range.upperBound])
    while case let length = whitespaceLength(limited, at: low), length > 0 { low += length }
    var high = low
    var index = low
    while index < range.upperBound {
      let length = whitespaceLength(limited, at: index)
      if length > 0 {
        index += length
      } else {
        index += 1
        high = index
      }
    }
    let literal = bytes[low..<high]
    guard literal.count <= longestLiteral else { return .notANumber }
    if literal.isEmpty { return .whole(0) }
    if literal.count > 2, literal[low] == 0x30 {
      let base: Int? =
        switch literal[low + 1] | 0x20 {
        case 0x78: 16
        case 0x6F: 8
        case 0x62: 2
        default: nil
        }
      if let base { return radixCount(literal.dropFirst(2), base: base) }
    }
    return decimalCount(literal)
  }

  private static func radixCount(_ digits: UnsafeRawBufferPointer.SubSequence, base: Int) -> Count {
    var value = 0
    for byte in digits {
      let digit: UInt8
      switch byte {
      case 0x30...0x39: digit = byte - 0x30
      case 0x41...0x46: digit = byte - 0x41 + 10
      case 0x61...0x66: digit = byte - 0x61 + 10
      default: return .notANumber
      }
      guard digit < base else { return .notANumber }
      value = saturating(value, times: base, plus: Int(digit))
    }
    return .whole(value)
  }

  private static func decimalCount(_ literal: UnsafeRawBufferPointer.SubSequence) -> Count {
    // Checked by hand first: the standard library's reader takes spellings that JavaScript does not.
    var rest = literal
    if rest.first == 0x2B || rest.first == 0x2D { rest = rest.dropFirst() }
    if rest.elementsEqual("Infinity".utf8) { return .otherNumber }
    func dropDigits() -> Int {
      let digits = rest.prefix { $0 &- 0x30 < 10 }
      rest = rest.dropFirst(digits.count)
      return digits.count
    }
    var digits = dropDigits()
    if rest.first == 0x2E {
      rest = rest.dropFirst()
      digits += dropDigits()
    }
    guard digits > 0 else { return .notANumber }
    if rest.first == 0x65 || rest.first == 0x45 {
      rest = rest.dropFirst()
      if rest.first == 0x2B || rest.first == 0x2D { rest = rest.dropFirst() }
      guard dropDigits() > 0 else { return .notANumber }
    }
    guard rest.isEmpty else { return .notANumber }
    var text = String(decoding: literal, as: UTF8.self)
    if text.hasSuffix(".") { text += "0" }
    text = text.replacingFirst(".e", with: ".0e").replacingFirst(".E", with: ".0e")
    guard let value = Double(text) else { return .notANumber }
    guard value.isFinite, value >= 0 else { return .otherNumber }
    // Every double of that size is whole.
    guard value < 9e18 else { return .whole(.max) }
    return integer(value).map { .whole(Int($0)) } ?? .otherNumber
  }
}

extension String {
  fileprivate func replacingFirst(_ part: String, with replacement: String) -> String {
    guard let index = utf8.indices.first(where: { utf8[$0...].starts(with: part.utf8) }) else { return self }
    return String(self[..<index]) + replacement
      + String(self[utf8.index(index, offsetBy: part.utf8.count)...])
  }
}
