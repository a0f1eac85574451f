import JSONText

/// How python-socketio reads the text form, as far as is needed to say whether it takes what JavaScript refuses
/// (PROTOCOL.md E): the attachment count is read for every type, digits of all scripts make an id, `NaN` is JSON.
enum PythonReader {
  /// Whether the python decoder takes a text. It checks no payload.
  static func accepts(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard let first = bytes.first, first &- 0x30 < 7 else { return false }
    var position = 1
    let count = digitsEnd(bytes, from: position)
    if count.end > position, count.end < bytes.count, bytes[count.end] == 0x2D {
      guard count.digits <= 10 else { return false }
      position = count.end + 1
    }
    if position < bytes.count, bytes[position] == 0x2F {
      while position < bytes.count, bytes[position] != 0x2C { position += 1 }
      position += 1
    }
    let id = digitsEnd(bytes, from: min(position, bytes.count))
    guard id.digits <= 100 else { return false }
    guard id.end < bytes.count else { return true }
    var scanner = JSONScanner(bytes, from: id.end)
    do throws(JSONFault) {
      try scanner.skipValue()
      try scanner.expectEnd()
      return true
    } catch {
      return PacketRefusal(error, in: bytes).reason == .notFinite
    }
  }

  /// Where the run of decimal digits of any script ends, and how many they are.
  private static func digitsEnd(_ bytes: UnsafeRawBufferPointer, from start: Int) -> (end: Int, digits: Int) {
    var position = start
    var digits = 0
    while position < bytes.count {
      let length = validUTF8Length(bytes, at: position)
      guard length > 0 else { break }
      let text = String(decoding: bytes[position..<position + length], as: UTF8.self)
      guard text.unicodeScalars.first?.properties.numericType == .decimal else { break }
      position += length
      digits += 1
    }
    return (position, digits)
  }
}
