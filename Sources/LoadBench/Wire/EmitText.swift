import JSONText

/// The emits of a load, as packets that are made once and sent many times.
///
/// A packet is `42<id>["echo","<payload>"]`; only its digits change. Digits are as many as the number needs, as
/// clients write them, so there is one template for each number of digits.
struct EmitText {
  /// The mask of every frame, lowest byte first: not 0, or an unmasking that skips a zero key would look cheap.
  static let mask: UInt32 = 0x5AC3_9E17

  private struct Template {
    var bytes: [UInt8]
    var digitsAt: Int
    /// How far the digits are into the masked payload, or nil where nothing is masked.
    var digitsInPayload: Int?
  }

  private let isFramed: Bool
  private let payloads: [[UInt8]]
  /// By number of digits - 1, then by payload.
  private var templates: [[Template]] = []

  /// - Parameters:
  ///   - payload: bytes of the string that is echoed.
  ///   - isFramed: as masked WebSocket frames, else as bare packets for a polling body.
  init(payload: Int, isFramed: Bool) {
    self.isFramed = isFramed
    // Several texts, so that compression with a kept window does not find each message whole in the last one.
    let variants = payload <= 4096 ? 16 : 1
    var words = PhraseSource(seed: 1)
    payloads = (0..<variants).map { _ in words.text(bytes: payload) }
  }

  /// Appends the emit with that ack id.
  mutating func append(id: UInt64, to sink: inout ByteSink) {
    var digits = 1
    var power: UInt64 = 10
    while power <= id, digits < 19 {
      digits += 1
      power *= 10
    }
    while templates.count < digits { templates.append(makeTemplates(digits: templates.count + 1)) }
    let variant = payloads.count == 1 ? 0 : Int(id & 15)
    let start = sink.count
    sink.append(templates[digits - 1][variant].bytes)
    let digitsAt = templates[digits - 1][variant].digitsAt
    let inPayload = templates[digits - 1][variant].digitsInPayload
    var rest = id
    for index in (0..<digits).reversed() {
      var digit = 0x30 + UInt8(rest % 10)
      rest /= 10
      if let inPayload {
        digit ^= UInt8(truncatingIfNeeded: Self.mask >> (UInt32((inPayload + index) & 3) * 8))
      }
      sink.overwrite(at: start + digitsAt + index, with: digit)
    }
  }

  private func makeTemplates(digits: Int) -> [Template] {
    payloads.map { payload in
      var text = ByteSink(capacity: payload.count + 64)
      text.append("42" as StaticString)
      for _ in 0..<digits { text.append(0x30) }
      text.append("[\"echo\",\"" as StaticString)
      text.append(payload)
      text.append("\"]" as StaticString)
      guard isFramed else { return Template(bytes: Array(text.bytes), digitsAt: 2, digitsInPayload: nil) }
      var frame = ByteSink(capacity: text.count + 16)
      let framed = ClientFrame.append(text.bytes, to: &frame)
      return Template(bytes: Array(frame.bytes), digitsAt: framed + 2, digitsInPayload: 2)
    }
  }
}

/// Frames as the load client sends them.
enum ClientFrame {
  /// Appends a masked text frame.
  ///
  /// - Returns: where in the frame its payload begins.
  @discardableResult
  static func append(_ text: UnsafeRawBufferPointer, to sink: inout ByteSink) -> Int {
    let start = sink.count
    FrameShape.append(FrameShape.text, payloadLength: text.count, mask: EmitText.mask, to: &sink)
    let headerLength = sink.count - start
    sink.append(atMost: text.count) { room in
      room.copyMemory(from: text)
      FrameShape.apply(EmitText.mask, to: room)
      return text.count
    }
    return headerLength
  }
}
