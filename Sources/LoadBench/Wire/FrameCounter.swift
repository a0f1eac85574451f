/// Counts the messages in a server's bytes without keeping or copying them.
///
/// It takes what one read brought, wherever that cuts a frame: a client that measures must not wait for whole
/// frames to count those before.
struct FrameCounter {
  private var header: [UInt8] = []
  private var remaining = 0
  private var opcode: UInt8 = 0
  private var isFinal = false

  /// What was in the bytes.
  struct Count: Equatable {
    /// Complete text messages.
    var messages = 0
    /// A close frame came, or bytes that are no server's frames.
    var hasEnded = false
  }

  /// Counts what became complete with these bytes.
  mutating func received(_ bytes: UnsafeRawBufferPointer) -> Count {
    var count = Count()
    var offset = 0
    while offset < bytes.count {
      if remaining > 0 {
        let taken = min(remaining, bytes.count - offset)
        remaining -= taken
        offset += taken
        if remaining == 0 { frameEnded(&count) }
        continue
      }
      let shape: FrameShape
      if header.isEmpty, let whole = FrameShape(bytes, at: offset) {
        shape = whole
        offset += whole.headerLength
      } else {
        header.append(bytes[offset])
        offset += 1
        guard let pieced = header.withUnsafeBytes({ FrameShape($0, at: 0) }) else { continue }
        shape = pieced
        header.removeAll(keepingCapacity: true)
      }
      guard !shape.isMasked, shape.payloadLength <= FrameShape.limit else {
        count.hasEnded = true
        return count
      }
      opcode = shape.opcode
      isFinal = shape.first & 0x80 != 0
      remaining = shape.payloadLength
      if remaining == 0 { frameEnded(&count) }
    }
    return count
  }

  private func frameEnded(_ count: inout Count) {
    // The last frame of a fragmented message is a continuation, opcode 0.
    if opcode <= 1, isFinal { count.messages += 1 }
    if opcode == 8 { count.hasEnded = true }
  }
}
