import JSONText

/// Where a WebSocket frame's parts are (RFC 6455 §5.2).
struct FrameShape {
  /// Opcode 1: a text message, the only data that a load consists of.
  static let text: UInt8 = 0x81
  /// RSV1: the message is compressed (RFC 7692 §6).
  static let compressed: UInt8 = 0x40

  /// FIN, RSV and opcode as they stand on the wire.
  let first: UInt8
  /// Bytes before the payload, mask included.
  let headerLength: Int
  let payloadLength: Int
  let isMasked: Bool

  var opcode: UInt8 { first & 0x0F }
  var length: Int { headerLength + payloadLength }

  /// The longest payload that is believed, in bytes; more ends the connection.
  static let limit = 256 << 20

  /// What the header at `offset` announces; nil while it is not there whole.
  @inline(__always)
  init?(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
    guard bytes.count - offset >= 2 else { return nil }
    first = bytes[offset]
    let second = bytes[offset + 1]
    isMasked = second & 0x80 != 0
    let short = Int(second & 0x7F)
    let extended = short < 126 ? 0 : short == 126 ? 2 : 8
    headerLength = 2 + extended + (isMasked ? 4 : 0)
    guard bytes.count - offset >= headerLength else { return nil }
    if extended == 0 {
      payloadLength = short
    } else {
      var number: UInt64 = 0
      for index in 0..<extended { number = number << 8 | UInt64(bytes[offset + 2 + index]) }
      payloadLength = Int(min(number, UInt64(Self.limit + 1)))
    }
  }

  /// Appends the header of a frame whose payload follows.
  static func append(_ first: UInt8, payloadLength: Int, mask: UInt32? = nil, to sink: inout ByteSink) {
    let flag: UInt8 = mask == nil ? 0 : 0x80
    sink.append(first)
    switch payloadLength {
    case ..<126: sink.append(flag | UInt8(payloadLength))
    case ..<65536:
      sink.append(flag | 126)
      sink.append(UInt8(payloadLength >> 8))
      sink.append(UInt8(truncatingIfNeeded: payloadLength))
    default:
      sink.append(flag | 127)
      for shift in stride(from: 56, through: 0, by: -8) {
        sink.append(UInt8(truncatingIfNeeded: payloadLength >> shift))
      }
    }
    if let mask {
      for shift in stride(from: UInt32(0), through: 24, by: 8) {
        sink.append(UInt8(truncatingIfNeeded: mask >> shift))
      }
    }
  }

  /// Applies a mask in place, a word at a time.
  ///
  /// - Parameter key: the four bytes as they stand on the wire, the first of them lowest.
  static func apply(_ key: UInt32, to payload: UnsafeMutableRawBufferPointer) {
    let word = (UInt64(key) | UInt64(key) << 32).littleEndian
    var index = 0
    while payload.count - index >= 8 {
      let value = payload.loadUnaligned(fromByteOffset: index, as: UInt64.self)
      payload.storeBytes(of: value ^ word, toByteOffset: index, as: UInt64.self)
      index += 8
    }
    while index < payload.count {
      payload[index] ^= UInt8(truncatingIfNeeded: key >> UInt32((index & 3) * 8))
      index += 1
    }
  }
}
