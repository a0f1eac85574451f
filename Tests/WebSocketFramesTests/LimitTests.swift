import Testing

@testable import WebSocketFrames

/// What a stream may hold, whatever comes in.
@Suite struct LimitTests {
  private let key: [UInt8] = [9, 8, 7, 6]

  @Test func anIdleStreamIsSmall() {
    #expect(MemoryLayout<MessageStream>.size <= 384)
    var stream = MessageStream(masking: .required, compression: DeflateParameters())
    #expect(stream.storedBytes == 0)
    _ = events([[0x81]], through: &stream)
    #expect(stream.storedBytes == 0)
  }

  @Test(arguments: [false, true]) func anAnnouncedLengthCostsNothing(_ isMasked: Bool) {
    var stream = MessageStream(masking: isMasked ? .required : .forbidden, compression: nil)
    let head: [UInt8] = [0x82, isMasked ? 255 : 127, 0x7F, 255, 255, 255, 255, 255, 255, 255]
    let seen = events([head + (isMasked ? key : []) + [1, 2, 3]], through: &stream)
    #expect(seen.isEmpty)
    let isInside = stream.isInsideMessage
    #expect(isInside)
    #expect(stream.storedBytes <= 256)
  }

  @Test(arguments: [1, 2] as [UInt8], [false, true])
  func whatExceedsTheLimitIsFollowedAndCounted(_ opcode: UInt8, _ isMasked: Bool) {
    let limits = WebSocketLimits(payload: 1000)
    let key = isMasked ? key : nil
    let payload = (0..<70_001).map { UInt8(0x20 + $0 % 90) }
    let whole = NaiveFrame(opcode: opcode, key: key, payload: payload).bytes
    let parts =
      NaiveFrame(fin: false, opcode: opcode, key: key, payload: Array(payload[..<30_001])).bytes
      + NaiveFrame(fin: false, opcode: 0, key: key, payload: Array(payload[30_001..<60_000])).bytes
      + NaiveFrame(opcode: 0, key: key, payload: Array(payload[60_000...])).bytes
    let small = NaiveFrame(opcode: opcode, key: key, payload: [0x78]).bytes
    var expected = SeenEvent.Message(
      isText: opcode == 1, payload: Array(payload.prefix(1000)), length: 70_001, wireBytes: 70_001,
      isTruncated: true)
    for (bytes, frames) in [(whole, 1), (parts, 3)] {
      expected.frames = frames
      for size in [bytes.count + small.count, 997, 4099] {
        var stream = MessageStream(
          masking: isMasked ? .required : .forbidden, compression: nil, limits: limits)
        let script = bytes + small
        var seen: [SeenEvent] = []
        var most = 0
        for start in stride(from: 0, to: script.count, by: size) {
          seen += events([Array(script[start..<min(start + size, script.count)])], through: &stream)
          most = max(most, stream.storedBytes)
        }
        #expect(seen.first == .message(expected))
        #expect(seen.dropFirst().first?.message?.payload == [0x78])
        #expect(most <= 1000 + 4096)
      }
    }
  }

  @Test(arguments: [false, true]) func textBeyondTheLimitIsStillChecked(_ isMasked: Bool) {
    let payload = [UInt8](repeating: 0x61, count: 5000) + [0xFF]
    let bytes = NaiveFrame(key: isMasked ? key : nil, payload: payload).bytes
    let seen = events(
      [bytes], from: isMasked ? .required : .forbidden, limits: WebSocketLimits(payload: 10))
    #expect(seen == [.violation(violation(.invalidText, UInt64(bytes.count - 1)))])
  }

  @Test func storageOfAHugeMessageIsGivenBack() {
    let huge = [UInt8](repeating: 0x61, count: 500_000)
    var stream = MessageStream(masking: .required, compression: nil)
    for size in [600_000, 4096] {
      let bytes = NaiveFrame(key: key, payload: huge).bytes
      var most = 0
      for start in stride(from: 0, to: bytes.count, by: size) {
        let seen = events([Array(bytes[start..<min(start + size, bytes.count)])], through: &stream)
        most = max(most, stream.storedBytes)
        #expect(seen.allSatisfy { $0.message?.payload == huge })
      }
      #expect(size == 600_000 || most >= 500_000)
      #expect(stream.storedBytes <= WebSocketLimits().retainedStorage)
    }
  }

  @Test func aLimitOfNothingKeepsNothing() {
    let limits = WebSocketLimits(payload: 0)
    for key in [nil, key] {
      let bytes = NaiveFrame.text("Hello", key: key).bytes
      let seen = events([bytes], from: key == nil ? .forbidden : .required, limits: limits)
      #expect(seen.first?.message?.length == 5)
      #expect(seen.first?.message?.payload == [])
    }
  }

  @Test func aWholeServerFrameIsNotCopied() {
    let bytes = NaiveFrame.text("Hello").bytes
    var stream = MessageStream(masking: .forbidden, compression: nil)
    var address: UnsafeRawPointer?
    bytes.withUnsafeBytes { chunk in
      stream.receive(chunk) {
        if case .message(let message) = $0 { address = message.payload.baseAddress }
      }
      #expect(address != nil && address == chunk.baseAddress.map { $0 + 2 })
    }
    #expect(stream.storedBytes == 0)
  }

  @Test func clientFramesAreUnmaskedIntoTheSameStorage() {
    var stream = MessageStream(masking: .required, compression: nil)
    var addresses: Set<UnsafeRawPointer?> = []
    for text in ["Hello", "chat", String(repeating: "x", count: 200)] {
      NaiveFrame.text(text, key: key).bytes.withUnsafeBytes { chunk in
        stream.receive(chunk) {
          if case .message(let message) = $0 { addresses.insert(message.payload.baseAddress) }
        }
      }
    }
    #expect(addresses.count == 1 && !addresses.contains(nil))
  }
}
