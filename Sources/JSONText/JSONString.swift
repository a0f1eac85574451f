/// JSON strings: read from slices, written with the escapes that keep a line a line.
package enum JSONString {
  /// Reads a JSON string, quotes included, that a scanner found well-formed.
  ///
  /// A lone surrogate or broken UTF-8 becomes U+FFFD: this is for people and for names, never for forwarding.
  package static func decode(_ literal: UnsafeRawBufferPointer) -> String {
    guard literal.count >= 2 else { return "" }
    let inner = UnsafeRawBufferPointer(rebasing: literal[1..<literal.count - 1])
    guard inner.contains(0x5C) else { return String(decoding: inner, as: UTF8.self) }
    var utf16: [UInt16] = []
    var result = ""
    var plainStart = 0
    var index = 0
    func flushUnits() {
      if !utf16.isEmpty {
        result += String(decoding: utf16, as: UTF16.self)
        utf16.removeAll(keepingCapacity: true)
      }
    }
    while index < inner.count {
      guard inner[index] == 0x5C, index + 1 < inner.count else {
        index += 1
        continue
      }
      if index > plainStart {
        flushUnits()
        result += String(decoding: inner[plainStart..<index], as: UTF8.self)
      }
      let escape = inner[index + 1]
      index += 2
      switch escape {
      case 0x62: utf16.append(0x08)
      case 0x66: utf16.append(0x0C)
      case 0x6E: utf16.append(0x0A)
      case 0x72: utf16.append(0x0D)
      case 0x74: utf16.append(0x09)
      case 0x75:
        var unit: UInt16 = 0
        for _ in 0..<4 where index < inner.count {
          unit = unit << 4 | UInt16(hexadecimalDigit(inner[index]) ?? 0)
          index += 1
        }
        utf16.append(unit)
      default: utf16.append(UInt16(escape))
      }
      plainStart = index
    }
    flushUnits()
    if plainStart < inner.count { result += String(decoding: inner[plainStart...], as: UTF8.self) }
    return result
  }

  /// Whether a literal, quotes included, stands for exactly `text`; without building a string where it has no
  /// escapes.
  package static func literal(_ literal: UnsafeRawBufferPointer, equals text: StaticString) -> Bool {
    let wanted = UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    // An escape is never shorter than what it stands for.
    guard literal.count >= wanted.count + 2 else { return false }
    guard literal.contains(0x5C) else {
      return literal.count == wanted.count + 2 && literal[1..<literal.count - 1].elementsEqual(wanted)
    }
    return decode(literal).utf8.elementsEqual(wanted)
  }
}

extension ByteSink {
  /// Appends `text` as a JSON string with quotes. Broken UTF-8 becomes U+FFFD, so that a line stays valid UTF-8.
  package mutating func append(jsonString text: UnsafeRawBufferPointer) {
    append(0x22)
    var index = 0
    var plainStart = 0
    while true {
      index = ByteScan.endOfPrintableASCII(text, from: index)
      guard index < text.count else { break }
      let byte = text[index]
      if byte >= 0x80 {
        let length = validUTF8Length(text, at: index)
        if length > 0 {
          index += length
          continue
        }
        append(UnsafeRawBufferPointer(rebasing: text[plainStart..<index]))
        append("\u{FFFD}" as StaticString)
        index += 1
        plainStart = index
        continue
      }
      guard byte < 0x20 || byte == 0x22 || byte == 0x5C || byte == 0x7F else {
        index += 1
        continue
      }
      append(UnsafeRawBufferPointer(rebasing: text[plainStart..<index]))
      switch byte {
      case 0x22: append("\\\"" as StaticString)
      case 0x5C: append("\\\\" as StaticString)
      case 0x0A: append("\\n" as StaticString)
      case 0x0D: append("\\r" as StaticString)
      case 0x09: append("\\t" as StaticString)
      default:
        append("\\u00" as StaticString)
        append(hexadecimalCharacter(byte >> 4))
        append(hexadecimalCharacter(byte & 15))
      }
      index += 1
      plainStart = index
    }
    append(UnsafeRawBufferPointer(rebasing: text[plainStart..<text.count]))
    append(0x22)
  }

  package mutating func append(jsonString text: String) {
    var text = text
    text.withUTF8 { append(jsonString: UnsafeRawBufferPointer($0)) }
  }

  /// Appends `bytes` in base64 (RFC 4648 §4, padded).
  package mutating func append(base64 bytes: UnsafeRawBufferPointer) {
    let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    append(atMost: (bytes.count + 2) / 3 * 4) { room in
      var out = 0
      var index = 0
      while index < bytes.count {
        let left = bytes.count - index
        let group =
          UInt32(bytes[index]) << 16 | (left > 1 ? UInt32(bytes[index + 1]) << 8 : 0)
          | (left > 2 ? UInt32(bytes[index + 2]) : 0)
        room[out] = alphabet.utf8Start[Int(group >> 18)]
        room[out + 1] = alphabet.utf8Start[Int(group >> 12 & 63)]
        room[out + 2] = left > 1 ? alphabet.utf8Start[Int(group >> 6 & 63)] : 0x3D
        room[out + 3] = left > 2 ? alphabet.utf8Start[Int(group & 63)] : 0x3D
        out += 4
        index += 3
      }
      return out
    }
  }
}

/// The lower-case hexadecimal character of a value below 16.
package func hexadecimalCharacter(_ value: UInt8) -> UInt8 {
  value < 10 ? 0x30 + value : 0x61 + value - 10
}

/// The length of the valid UTF-8 sequence at `index` (RFC 3629), or 0 where none stands there.
package func validUTF8Length(_ bytes: UnsafeRawBufferPointer, at index: Int) -> Int {
  func continuation(_ offset: Int, _ low: UInt8 = 0x80, _ high: UInt8 = 0xBF) -> Bool {
    index + offset < bytes.count && bytes[index + offset] >= low && bytes[index + offset] <= high
  }
  switch bytes[index] {
  case 0x00...0x7F: return 1
  case 0xC2...0xDF: return continuation(1) ? 2 : 0
  case 0xE0: return continuation(1, 0xA0) && continuation(2) ? 3 : 0
  case 0xED: return continuation(1, 0x80, 0x9F) && continuation(2) ? 3 : 0
  case 0xE1...0xEC, 0xEE, 0xEF: return continuation(1) && continuation(2) ? 3 : 0
  case 0xF0: return continuation(1, 0x90) && continuation(2) && continuation(3) ? 4 : 0
  case 0xF1...0xF3: return continuation(1) && continuation(2) && continuation(3) ? 4 : 0
  case 0xF4: return continuation(1, 0x80, 0x8F) && continuation(2) && continuation(3) ? 4 : 0
  default: return 0
  }
}
