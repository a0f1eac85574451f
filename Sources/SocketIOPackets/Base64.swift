import JSONText

/// Base64, read as the reference implementations read it.
package enum Base64 {
  /// Appends what `text` encodes.
  ///
  /// Lenient reading is what Node.js does: both alphabets, no need of padding, every other byte skipped, the end at
  /// the first `=`. Python insists on padding.
  ///
  /// - Parameter lenient: false appends nothing unless the text is padded base64 of RFC 4648 §4.
  /// - Returns: whether the text is padded base64 of RFC 4648 §4.
  @discardableResult
  package static func decode(
    _ text: UnsafeRawBufferPointer, into sink: inout ByteSink, lenient: Bool = true
  ) -> Bool {
    let start = sink.count
    var group: UInt32 = 0
    var sextets = 0
    var isStrict = text.count % 4 == 0
    var end = text.count
    sink.append(atMost: text.count / 4 * 3 + 3) { room in
      var filled = 0
      for index in 0..<text.count {
        let byte = text[index]
        guard byte != 0x3D else {
          end = index
          break
        }
        guard let value = sextet(byte) else {
          isStrict = false
          continue
        }
        if byte == 0x2D || byte == 0x5F { isStrict = false }
        group = group << 6 | value
        sextets &+= 1
        if sextets == 4 {
          room[filled] = UInt8(truncatingIfNeeded: group >> 16)
          room[filled &+ 1] = UInt8(truncatingIfNeeded: group >> 8)
          room[filled &+ 2] = UInt8(truncatingIfNeeded: group)
          filled &+= 3
          sextets = 0
        }
      }
      if sextets >= 2 {
        let last = group << UInt32(6 * (4 - sextets))
        room[filled] = UInt8(truncatingIfNeeded: last >> 16)
        filled &+= 1
        if sextets == 3 {
          room[filled] = UInt8(truncatingIfNeeded: last >> 8)
          filled &+= 1
        }
      }
      return filled
    }
    let padding = text.count - end
    if padding > 2 || padding != (4 - sextets) % 4 { isStrict = false }
    for index in end..<text.count where text[index] != 0x3D { isStrict = false }
    if !lenient, !isStrict { sink.truncate(to: start) }
    return isStrict
  }

  private static func sextet(_ byte: UInt8) -> UInt32? {
    switch byte {
    case 0x41...0x5A: UInt32(byte &- 0x41)
    case 0x61...0x7A: UInt32(byte &- 0x61 &+ 26)
    case 0x30...0x39: UInt32(byte &- 0x30 &+ 52)
    case 0x2B, 0x2D: 62
    case 0x2F, 0x5F: 63
    default: nil
    }
  }
}
