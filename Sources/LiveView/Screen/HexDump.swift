import JSONText

/// Bytes as offset, hexadecimal and text, sixteen or eight a line.
enum HexDump {
  /// Bytes shown at most.
  private static let limit = 4_096

  /// The lines for bytes, as wide as there is room for.
  static func lines(_ bytes: [UInt8], columns: Int) -> [StyledLine] {
    let width = columns >= 78 ? 16 : columns >= 46 ? 8 : 4
    var lines: [StyledLine] = []
    for start in stride(from: 0, to: min(bytes.count, limit), by: width) {
      let row = bytes[start..<min(start + width, bytes.count)]
      var line = StyledLine("  " + hex(start, digits: 6) + "  ", .quiet)
      var digits = row.map { hex(Int($0), digits: 2) }.joined(separator: " ")
      digits += String(repeating: " ", count: width * 3 - digits.count)
      line.append(digits)
      line.append(String(decoding: row.map { (0x20..<0x7F).contains($0) ? $0 : 0x2E }, as: UTF8.self), .quiet)
      lines.append(line)
    }
    if bytes.count > limit {
      lines.append(StyledLine("  … \(WireText.count(bytes.count - limit)) bytes more; w saves them", .quiet))
    }
    return lines
  }

  private static func hex(_ number: Int, digits: Int) -> String {
    var text: [UInt8] = []
    for place in (0..<digits).reversed() {
      text.append(hexadecimalCharacter(UInt8(truncatingIfNeeded: number >> (place * 4) & 15)))
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// The bytes of base64 (RFC 4648 §4) as a JSON string, up to a little more than is shown; nil where it is none.
  static func bytes(base64 literal: UnsafeRawBufferPointer) -> [UInt8]? {
    guard literal.count >= 2, literal.first == 0x22 else { return nil }
    var bytes: [UInt8] = []
    var bits: UInt32 = 0
    var count = 0
    for character in literal.dropFirst().dropLast() where character != 0x3D {
      let value: UInt8
      switch character {
      case 0x41...0x5A: value = character - 0x41
      case 0x61...0x7A: value = character - 0x61 + 26
      case 0x30...0x39: value = character - 0x30 + 52
      case 0x2B: value = 62
      case 0x2F: value = 63
      default: return nil
      }
      bits = bits << 6 | UInt32(value)
      count += 6
      if count >= 8 {
        count -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
        bits &= (1 << UInt32(count)) - 1
      }
    }
    return bytes
  }
}
