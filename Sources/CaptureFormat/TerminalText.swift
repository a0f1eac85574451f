import JSONText

/// Text from the wire made fit for a terminal: nothing in it can move the cursor, change colours, reorder what
/// stands around it, break the line, or hide.
///
/// Shown as escapes (`\n`, `\u001b`, `\u202e`): C0 and C1 controls, DEL, line and paragraph separators,
/// bidirectional controls, invisible characters, tags. Broken UTF-8 is shown as U+FFFD.
/// Joiners and variation selectors stay, because scripts and emoji need them.
package enum TerminalText {
  /// `text` with everything harmful shown as an escape.
  package static func harmless(_ text: String) -> String {
    var sink = ByteSink(capacity: text.utf8.count + 16)
    sink.append(terminalText: text)
    return String(decoding: sink.bytes, as: UTF8.self)
  }

  /// How many columns a terminal uses for `text`, escapes as they would be shown.
  package static func columns(of text: String) -> Int {
    var sink = ByteSink()
    return sink.append(terminalText: text)
  }

  /// More marks than this on one character pile up over the lines around it: the rest is shown as escapes.
  static let maximumCombiningRun = 4

  /// Whether a scalar must not reach a terminal as it is.
  package static func isHarmful(_ scalar: UInt32) -> Bool {
    switch scalar {
    case 0..<0x20, 0x7F..<0xA0: true
    case 0xAD, 0x61C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180E, 0x200B, 0x200E, 0x200F: true
    case 0x2028...0x202E, 0x2060...0x206F, 0x3164, 0xFEFF, 0xFFA0, 0xFFF9...0xFFFB: true
    case 0xFDD0...0xFDEF, 0xFFFE, 0xFFFF, 0xE0000...0xE0FFF, 0x1D173...0x1D17A: true
    default: false
    }
  }

  /// The columns that a harmless scalar takes: 0 for what combines with the one before, 2 for wide ones
  /// (Unicode East Asian Width, in coarse blocks).
  package static func columns(of scalar: UInt32) -> Int {
    if scalar < 0x300 { return 1 }
    switch scalar {
    case 0x300...0x36F, 0x483...0x489, 0x591...0x5BD, 0x610...0x61A, 0x64B...0x65F, 0x1AB0...0x1AFF,
      0x1DC0...0x1DFF, 0x200C, 0x200D, 0x20D0...0x20FF, 0xFE00...0xFE0F, 0xFE20...0xFE2F:
      return 0
    case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF,
      0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F680...0x1F6FF,
      0x1F900...0x1FAFF,
      0x20000...0x3FFFD:
      return 2
    default: return 1
    }
  }
}

extension ByteSink {
  /// Appends `text` made harmless, in at most `limit` columns: where it does not fit it ends with `…`.
  ///
  /// - Returns: the columns used.
  @discardableResult
  package mutating func append(terminalText text: UnsafeRawBufferPointer, columns limit: Int = .max) -> Int {
    guard limit > 0 else { return 0 }
    var used = 0
    // The last place that left a column for the ellipsis.
    var cut = count
    var cutUsed = 0
    var combining = 0
    var index = 0
    while index < text.count {
      var width = 1
      let byte = text[index]
      if byte >= 0x20 && byte < 0x7F {
        append(byte)
        index &+= 1
      } else if case let length = validUTF8Length(text, at: index), length > 0 {
        let scalar = unicodeScalar(text, at: index, length: length)
        width = TerminalText.columns(of: scalar)
        combining = width == 0 ? combining &+ 1 : 0
        if TerminalText.isHarmful(scalar) || combining > TerminalText.maximumCombiningRun {
          width = append(escaped: scalar)
        } else {
          append(UnsafeRawBufferPointer(rebasing: text[index..<index &+ length]))
        }
        index &+= length
      } else {
        append("\u{FFFD}" as StaticString)
        index &+= 1
      }
      used &+= width
      if used > limit {
        truncate(to: cut)
        append("…" as StaticString)
        return cutUsed &+ 1
      }
      if used < limit {
        cut = count
        cutUsed = used
      }
    }
    return used
  }

  @discardableResult
  package mutating func append(terminalText text: String, columns limit: Int = .max) -> Int {
    var text = text
    return text.withUTF8 { append(terminalText: UnsafeRawBufferPointer($0), columns: limit) }
  }

  /// Appends what a JSON value says: a string without quotes and escapes, anything else as it is written; made
  /// harmless, in at most `limit` columns.
  ///
  /// - Returns: the columns used.
  @discardableResult
  package mutating func append(terminalJSON literal: UnsafeRawBufferPointer, columns limit: Int = .max) -> Int
  {
    guard literal.count >= 2, literal[0] == 0x22 else { return append(terminalText: literal, columns: limit) }
    let inner = UnsafeRawBufferPointer(rebasing: literal[1..<literal.count - 1])
    guard inner.contains(0x5C) else { return append(terminalText: inner, columns: limit) }
    return append(terminalText: JSONString.decode(literal), columns: limit)
  }

  /// Appends JSON with characters that are harmful to a terminal written as JSON escapes: the same value, safe to look at.
  ///
  /// Such characters can only stand inside strings; white space between tokens is ASCII and stays as it is.
  package mutating func append(harmlessJSON json: UnsafeRawBufferPointer) {
    var plainStart = 0
    var index = 0
    while index < json.count {
      guard json[index] >= 0x80, case let length = validUTF8Length(json, at: index), length > 0 else {
        index &+= 1
        continue
      }
      let scalar = unicodeScalar(json, at: index, length: length)
      if TerminalText.isHarmful(scalar) {
        append(UnsafeRawBufferPointer(rebasing: json[plainStart..<index]))
        for unit in String(Character(Unicode.Scalar(scalar) ?? "\u{FFFD}")).utf16 {
          _ = append(escaped: UInt32(unit))
        }
        plainStart = index &+ length
      }
      index &+= length
    }
    append(UnsafeRawBufferPointer(rebasing: json[plainStart...]))
  }

  private mutating func append(escaped scalar: UInt32) -> Int {
    append(0x5C)
    switch scalar {
    case 0x0A: append(0x6E)
    case 0x0D: append(0x72)
    case 0x09: append(0x74)
    default:
      append(0x75)
      let digits = scalar > 0xFFFF ? 6 : 4
      if digits == 6 { append(0x7B) }
      for place in (0..<digits).reversed() {
        append(hexadecimalCharacter(UInt8(truncatingIfNeeded: scalar >> UInt32(place * 4) & 15)))
      }
      if digits == 6 { append(0x7D) }
      return digits == 6 ? 10 : 6
    }
    return 2
  }
}

/// The scalar of a sequence that was found valid.
private func unicodeScalar(_ text: UnsafeRawBufferPointer, at index: Int, length: Int) -> UInt32 {
  var scalar = UInt32(text[index])
  switch length {
  case 2: scalar &= 0x1F
  case 3: scalar &= 0x0F
  case 4: scalar &= 0x07
  default: return scalar
  }
  for offset in 1..<length { scalar = scalar << 6 | UInt32(text[index &+ offset] & 0x3F) }
  return scalar
}
