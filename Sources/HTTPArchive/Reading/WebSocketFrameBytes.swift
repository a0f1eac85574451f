import AckCorrelation

/// Frames for messages that a HAR holds without them (RFC 6455 §5.2).
enum WebSocketFrameBytes {
  /// One unfragmented frame; a client's is masked with a key of zeros, which leaves its payload readable.
  static func frame(_ message: HAREntry.Message) -> [UInt8] {
    var payload = message.payload
    if message.opcode == 8 {
      let code = message.code
      payload =
        (code.map { [UInt8(truncatingIfNeeded: $0 >> 8), UInt8(truncatingIfNeeded: $0)] } ?? [])
        + (code == nil ? [] : payload.prefix(123))
    } else if message.opcode >= 8 {
      payload = Array(payload.prefix(125))
    }
    let mask: UInt8 = message.from == .client ? 0x80 : 0
    var frame: [UInt8] = [0x80 | message.opcode & 0x0F]
    frame.reserveCapacity(payload.count + 14)
    switch payload.count {
    case ...125: frame.append(mask | UInt8(payload.count))
    case ...0xFFFF:
      frame += [mask | 126, UInt8(payload.count >> 8), UInt8(truncatingIfNeeded: payload.count)]
    default:
      frame.append(mask | 127)
      for shift in stride(from: 56, through: 0, by: -8) {
        frame.append(UInt8(truncatingIfNeeded: payload.count >> shift))
      }
    }
    if message.from == .client { frame += [0, 0, 0, 0] }
    return frame + payload
  }
}
