import JSONText

/// Base64 as polling bodies carry attachments (RFC 4648 §4, padded).
enum Base64Text {
  static func encode(_ bytes: [UInt8]) -> String {
    var sink = ByteSink(capacity: (bytes.count + 2) / 3 * 4)
    bytes.withUnsafeBytes { sink.append(base64: $0) }
    return String(decoding: sink.bytes, as: UTF8.self)
  }

  /// The bytes, or nil where a character is foreign or the padding is wrong.
  static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
    guard text.count % 4 == 0 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 4 * 3)
    var group: UInt32 = 0
    var characters = 0
    var padding = 0
    for character in text {
      let value: UInt32
      switch character {
      case 0x41...0x5A: value = UInt32(character) - 0x41
      case 0x61...0x7A: value = UInt32(character) - 0x61 + 26
      case 0x30...0x39: value = UInt32(character) - 0x30 + 52
      case 0x2B: value = 62
      case 0x2F: value = 63
      case 0x3D:
        value = 0
        padding += 1
      default: return nil
      }
      if padding > 2 || (padding > 0 && character != 0x3D) { return nil }
      group = group << 6 | value
      characters += 1
      if characters % 4 == 0 {
        bytes.append(UInt8(truncatingIfNeeded: group >> 16))
        bytes.append(UInt8(truncatingIfNeeded: group >> 8))
        bytes.append(UInt8(truncatingIfNeeded: group))
        group = 0
      }
    }
    bytes.removeLast(padding)
    return bytes
  }
}
