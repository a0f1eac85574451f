import Testing
import WebSocketFrames

/// permessage-deflate from the receiver's view (PROTOCOL.md C.3).
@Suite struct CompressionTests {
  private func compressed(_ payload: [UInt8], opcode: UInt8 = 1) -> [UInt8] {
    NaiveFrame(rsv: 4, opcode: opcode, payload: payload).bytes
  }

  private let hello = Array("Hello, hello, hello".utf8)

  @Test func theWindowLivesOnBetweenMessages() {
    let deflater = Deflater()
    let first = deflater.message(hello)
    let second = deflater.message(hello)
    #expect(second.count < first.count)
    let seen = events([compressed(first) + compressed(second)], compression: DeflateParameters())
    #expect(seen.compactMap(\.message).map(\.payload) == [hello, hello])
    #expect(seen.compactMap(\.message).map(\.wireBytes) == [first.count, second.count])
    #expect(seen.compactMap(\.message).map(\.isCompressed) == [true, true])
  }

  @Test func aSenderThatPromisedNoTakeoverMayNotReferBack() {
    let deflater = Deflater()
    let bytes = compressed(deflater.message(hello)) + compressed(deflater.message(hello))
    let seen = events([bytes], compression: DeflateParameters(serverNoContextTakeover: true))
    #expect(seen.first?.text == "Hello, hello, hello")
    #expect(seen.last?.violation?.reason == .invalidDeflate)
    let other = events([bytes], compression: DeflateParameters(clientNoContextTakeover: true))
    #expect(other.compactMap(\.text).count == 2)
  }

  @Test func referringBeyondTheNegotiatedWindowIsReportedOnceAndDecoded() {
    var random = SplitMix64(seed: 1)
    let noise = random.bytes(2000)
    let deflater = Deflater(windowBits: -15)
    let bytes = (0..<3).flatMap { _ in compressed(deflater.message(noise), opcode: 2) }
    let seen = events([bytes], compression: DeflateParameters(serverWindowBits: 9))
    #expect(seen.compactMap(\.message).map(\.payload) == [noise, noise, noise])
    #expect(seen.compactMap(\.violation).map(\.reason) == [.windowExceeded])
    #expect(seen.dropFirst().first?.violation?.offset == UInt64(seen[0].message?.wireBytes ?? 0) + 4)
    #expect(events([bytes], compression: DeflateParameters(serverWindowBits: 11)).count == 3)
  }

  @Test(arguments: 9...15) func keepingToTheNegotiatedWindowIsNotReported(_ bits: Int) {
    var random = SplitMix64(seed: UInt64(bits))
    let block = random.bytes(300)
    let deflater = Deflater(windowBits: -Int32(bits), level: 9)
    let plain = (0..<300).map { _ in block + random.bytes(random.below(2000)) }
    let bytes = plain.flatMap { compressed(deflater.message($0), opcode: 2) }
    let seen = events([bytes], compression: DeflateParameters(serverWindowBits: UInt8(bits)))
    #expect(seen.compactMap(\.message).map(\.payload) == plain)
    #expect(seen.compactMap(\.violation).isEmpty)
  }

  @Test(arguments: [Deflater.Ending.finalBlock, .bareFinalBlock])
  func aFinalBlockEndsNothingButItself(_ ending: Deflater.Ending) {
    let deflater = Deflater()
    let bytes =
      compressed(deflater.message(hello, ending: ending)) + compressed(deflater.message(hello))
      + compressed(deflater.message(hello, ending: ending)) + compressed(deflater.message(hello))
    let seen = events([bytes], compression: DeflateParameters())
    #expect(seen.compactMap(\.message).map(\.payload) == [hello, hello, hello, hello])
  }

  @Test func dataBehindAFinalBlockMayReferToWhatWasBefore() {
    // A final block with "Hello", then a block that copies it (the second message of RFC 7692 §7.2.3.2).
    let bytes = compressed([0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0xF2, 0x00, 0x11, 0x00, 0x00])
    #expect(events([bytes], compression: DeflateParameters()).map(\.text) == ["HelloHello"])
  }

  @Test func theEmptyMessageIsOneByte() {
    let seen = events([compressed([0]) + compressed([0])], compression: DeflateParameters())
    #expect(seen.map(\.text) == ["", ""])
  }

  @Test func aMessageThatStopsInsideABlockIsReportedAndGiven() {
    let whole = Deflater().message(Array("abcdefghijkl".utf8))
    let seen = events([compressed(Array(whole.dropLast(2)))], compression: DeflateParameters())
    #expect(seen.count == 2)
    #expect(seen.first?.violation?.reason == .unfinishedDeflate)
    #expect(seen.last?.text?.hasPrefix("abcdef") == true)
    let empty = events([compressed([])], compression: DeflateParameters())
    #expect(empty.first?.violation?.reason == .unfinishedDeflate)
  }

  @Test func garbageIsAViolation() {
    let seen = events([compressed([0xFF, 0xFF, 0xFF])], compression: DeflateParameters())
    #expect(seen == [.violation(violation(.invalidDeflate, 0))])
  }

  @Test func inflatedTextMustBeUTF8() {
    for plain in [[0x61, 0xFF], [0x61, 0xE2, 0x82]] as [[UInt8]] {
      let deflater = Deflater()
      let bytes = NaiveFrame.text("x").bytes + compressed(deflater.message(plain))
      let seen = events([bytes], compression: DeflateParameters())
      #expect(seen.last == .violation(violation(.invalidText, 3)))
    }
  }

  @Test func aBombCostsNoMoreThanTheLimit() {
    let deflater = Deflater(level: 9)
    let size = 32 << 20
    let bomb = deflater.message([UInt8](repeating: 0x61, count: size))
    #expect(size / bomb.count > 900)
    let behind = deflater.message(hello)
    var limits = WebSocketLimits()
    limits.payload = 10_000
    var stream = MessageStream(masking: .forbidden, compression: DeflateParameters(), limits: limits)
    var seen: [SeenEvent] = []
    var most = 0
    let bytes = compressed(bomb) + compressed(behind)
    for start in stride(from: 0, to: bytes.count, by: 1000) {
      bytes[start..<min(start + 1000, bytes.count)].withUnsafeBytes {
        stream.receive($0) { seen.append(SeenEvent($0)) }
      }
      most = max(most, stream.storedBytes)
    }
    #expect(seen.first?.message?.length == size)
    #expect(seen.first?.message?.payload == [UInt8](repeating: 0x61, count: 10_000))
    #expect(seen.first?.message?.isTruncated == true)
    #expect(seen.dropFirst().first?.message?.payload == hello)
    #expect(most >= 10_000 && most <= 10_000 + 8192)
  }
}
