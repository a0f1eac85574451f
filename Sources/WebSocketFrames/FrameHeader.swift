/// A frame header as it stands on the wire (RFC 6455 §5.2), not yet judged.
struct FrameHeader {
  /// The longest header: two bytes, a 64-bit length, a key.
  static let maximumSize = 14

  /// FIN, RSV1 to RSV3 and the opcode.
  let first: UInt8
  /// How many bytes the header takes.
  let size: Int
  /// Payload bytes as announced; the top bit is not checked here.
  let length: UInt64
  /// Whether a masking key is present.
  let isMasked: Bool
  /// The masking key; without effect where `isMasked` is false.
  let mask: FrameMask

  /// How many bytes a header takes, as its second byte says. Lengths need not be in minimal form, as with ws.
  @inline(__always)
  static func size(second: UInt8) -> Int {
    let short = second & 0x7F
    let extended = short < 126 ? 0 : short == 126 ? 2 : 8
    return 2 &+ extended &+ (second & 0x80 == 0 ? 0 : 4)
  }

  /// Reads a header; the caller made sure that `size(second:)` bytes are there.
  @inline(__always)
  init(at start: UnsafeRawPointer) {
    first = start.load(as: UInt8.self)
    let second = start.load(fromByteOffset: 1, as: UInt8.self)
    size = FrameHeader.size(second: second)
    isMasked = second & 0x80 != 0
    switch second & 0x7F {
    case 126:
      length = UInt64(UInt16(bigEndian: start.loadUnaligned(fromByteOffset: 2, as: UInt16.self)))
    case 127:
      length = UInt64(bigEndian: start.loadUnaligned(fromByteOffset: 2, as: UInt64.self))
    case let short:
      length = UInt64(short)
    }
    mask = isMasked ? FrameMask(at: start + (size &- 4)) : FrameMask()
  }

  /// Last frame of its message.
  var isFinal: Bool { first & 0x80 != 0 }
  /// RSV1: with permessage-deflate, the message is compressed (RFC 7692 §6).
  var isCompressed: Bool { first & 0x40 != 0 }
  /// The low four bits.
  var opcode: UInt8 { first & 0x0F }
  /// Opcodes 8 to 15.
  var isControl: Bool { first & 0x08 != 0 }

  /// Judges the first two bytes of a frame, which are enough for every rule but the one on 64-bit lengths.
  ///
  /// `maskBit` is the bit as the sender must set it, `canInflate` tells whether RSV1 has a meaning, `isInMessage`
  /// whether a fragmented message waits for its end.
  static func fault(
    first: UInt8, second: UInt8, maskBit: UInt8, canInflate: Bool, isInMessage: Bool
  ) -> WebSocketViolation.Reason? {
    let opcode = first & 0x0F
    if first & 0x30 != 0 { return .reservedBit }
    switch opcode {
    case 3...7, 11...15: return .reservedOpcode
    case 0 where !isInMessage: return .orphanContinuation
    case 1 where isInMessage, 2 where isInMessage: return .interruptedMessage
    default: break
    }
    if first & 0x40 != 0 {
      if !canInflate { return .reservedBit }
      if opcode == 0 { return .compressedContinuation }
      if opcode >= 8 { return .compressedControl }
    }
    if opcode >= 8 {
      if first & 0x80 == 0 { return .fragmentedControl }
      if second & 0x7F > 125 { return .oversizedControl }
    }
    if second & 0x80 != maskBit { return maskBit == 0 ? .maskForbidden : .maskMissing }
    return nil
  }
}
