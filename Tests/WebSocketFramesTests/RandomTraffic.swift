import WebSocketFrames

/// A legal direction, made up from a generator, with the events that it must yield.
struct RandomTraffic {
  private(set) var script: ByteScript
  private(set) var expected: [SeenEvent] = []

  init(_ random: inout SplitMix64, messages: Int, largest: Int) {
    let isClient = random.oneIn(2)
    var parameters: DeflateParameters?
    if !random.oneIn(3) {
      parameters = DeflateParameters(
        serverNoContextTakeover: random.oneIn(2), clientNoContextTakeover: random.oneIn(2),
        serverWindowBits: UInt8(9 + random.below(7)), clientWindowBits: UInt8(9 + random.below(7)))
    }
    let limit = random.oneIn(3) ? random.below(largest) : 1 << 20
    script = ByteScript(
      name: "random", bytes: [], masking: isClient ? .required : .forbidden, compression: parameters,
      limits: WebSocketLimits(payload: limit, retainedStorage: random.below(1000)))
    let windowBits = (isClient ? parameters?.clientWindowBits : parameters?.serverWindowBits) ?? 15
    let startsAnew =
      (isClient ? parameters?.clientNoContextTakeover : parameters?.serverNoContextTakeover) ?? false
    let deflater = Deflater(windowBits: -Int32(windowBits), level: Int32(random.below(10)))
    var closed = false
    for _ in 0..<messages {
      let isText = random.oneIn(2)
      let plain = RandomTraffic.plain(isText: isText, largest: largest, &random)
      let isCompressed = parameters != nil && !random.oneIn(3)
      var wire = plain
      if isCompressed {
        if startsAnew { deflater.reset() }
        let ending: Deflater.Ending =
          random.oneIn(6) ? .finalBlock : random.oneIn(6) ? .bareFinalBlock : .flushed
        wire = deflater.message(plain, ending: ending, flushAt: random.oneIn(4) ? random.below(largest) : nil)
      }
      let offset = UInt64(script.bytes.count)
      let isAfterClose = closed
      var left = wire[...]
      var frames = 0
      var isFinal = false
      repeat {
        isFinal = frames >= 5 || random.oneIn(2)
        let count = isFinal ? left.count : random.below(left.count + 1)
        write(
          NaiveFrame(
            fin: isFinal, rsv: isCompressed && frames == 0 ? 4 : 0, opcode: frames > 0 ? 0 : isText ? 1 : 2,
            payload: Array(left.prefix(count))), isClient, &random)
        left = left.dropFirst(count)
        frames += 1
        if !isFinal, random.oneIn(3) { writeControl(isClient, &closed, &random) }
      } while !isFinal
      expected.append(
        .message(
          .init(
            isText: isText, payload: Array(plain.prefix(limit)), length: plain.count, wireBytes: wire.count,
            frames: frames, isCompressed: isCompressed, isTruncated: plain.count > limit,
            isAfterClose: isAfterClose, offset: offset)))
      if random.oneIn(4) { writeControl(isClient, &closed, &random) }
    }
  }

  private mutating func write(_ frame: NaiveFrame, _ isClient: Bool, _ random: inout SplitMix64) {
    var frame = frame
    if isClient { frame.key = random.oneIn(8) ? [0, 0, 0, 0] : random.bytes(4) }
    if frame.opcode < 8 {
      if frame.payload.count < 65536, random.oneIn(6) { frame.form = .sixteenBits }
      if random.oneIn(12) { frame.form = .sixtyFourBits }
    }
    script.bytes += frame.bytes
  }

  private mutating func writeControl(_ isClient: Bool, _ closed: inout Bool, _ random: inout SplitMix64) {
    let offset = UInt64(script.bytes.count)
    if random.oneIn(8) {
      let reason = Array("f\u{FC}r immer".utf8.prefix(random.oneIn(2) ? 0 : 3))
      let frame = NaiveFrame.close(1000, reason)
      write(frame, isClient, &random)
      expected.append(
        .control(
          .close, payload: frame.payload, code: 1000, reason: reason, isAfterClose: closed, offset: offset))
      closed = true
    } else {
      let isPing = random.oneIn(2)
      let payload = random.bytes(random.oneIn(5) ? 125 : random.below(6))
      write(NaiveFrame(opcode: isPing ? 9 : 10, payload: payload), isClient, &random)
      expected.append(
        .control(
          isPing ? .ping : .pong, payload: payload, code: nil, reason: [], isAfterClose: closed,
          offset: offset))
    }
  }

  private static func plain(isText: Bool, largest: Int, _ random: inout SplitMix64) -> [UInt8] {
    let size = random.oneIn(8) ? 0 : random.below(largest)
    if !isText { return random.oneIn(2) ? random.bytes(size) : [UInt8](repeating: 0x2A, count: size) }
    let words = ["chat", "hello there ", "{\"room\":7}", "\u{E9}", "\u{20AC}", "\u{1F600}", "\0", "zz"]
    var text: [UInt8] = []
    while text.count < size { text += Array(words[random.below(words.count)].utf8) }
    return text
  }
}
