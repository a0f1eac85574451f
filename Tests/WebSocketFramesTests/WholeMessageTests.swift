import Testing

@testable import WebSocketFrames

/// What one end deflates, the other end inflates: the two directions of an end that speaks for itself.
@Suite struct WholeMessageTests {
  private static func deflate(_ text: String, _ deflater: inout MessageDeflater) -> [UInt8]? {
    var text = text
    return text.withUTF8 { deflater.deflate(UnsafeRawBufferPointer($0)) }
  }

  private static func inflate(
    _ bytes: [UInt8], _ inflater: inout WholeMessageInflater, isText: Bool = true
  ) throws(WholeMessageInflater.Fault) -> String {
    // Closures of the standard library have no typed errors.
    var result = Result<String, WholeMessageInflater.Fault>.failure(.notDeflate)
    bytes.withUnsafeBytes { bytes in
      do throws(WholeMessageInflater.Fault) {
        result = .success(
          try inflater.inflate(bytes, isText: isText) { String(decoding: $0, as: UTF8.self) })
      } catch {
        result = .failure(error)
      }
    }
    return try result.get()
  }

  @Test(arguments: [9, 12, 15] as [UInt8], [true, false])
  func whatWasDeflatedIsInflated(_ bits: UInt8, _ takeover: Bool) throws {
    var deflater = MessageDeflater(windowBits: bits, takeover: takeover)
    var inflater = WholeMessageInflater(windowBits: bits, takeover: takeover, limit: 1 << 20)
    for count in [1, 2, 30, 5000, 3] {
      let text = (0..<count).map { #"42["message",{"id":\#($0),"text":"grüße"}]"# }.joined()
      let compressed = try #require(Self.deflate(text, &deflater))
      #expect(compressed.count < text.utf8.count + 16)
      #expect(try Self.inflate(compressed, &inflater) == text)
    }
  }

  @Test func withTakeoverTheSecondOfTwoEqualMessagesIsShort() throws {
    let text = #"42["send_message",{"room":"8d41","text":"see you at ten"}]"#
    var kept = MessageDeflater(windowBits: 15, takeover: true)
    var anew = MessageDeflater(windowBits: 15, takeover: false)
    let first = try #require(Self.deflate(text, &kept))
    #expect(try #require(Self.deflate(text, &kept)).count < first.count / 3)
    #expect(Self.deflate(text, &anew) == Self.deflate(text, &anew))
  }

  @Test func emptyMessagesAndAWindowThatZlibCannotMakeStayPlain() {
    var deflater = MessageDeflater(windowBits: 15, takeover: true)
    #expect(Self.deflate("", &deflater) == nil)
    var small = MessageDeflater(windowBits: 8, takeover: true)
    #expect(Self.deflate("hello", &small) == nil)
  }

  @Test func aMessageThatGrowsBeyondTheLimitIsTooLong() throws {
    var deflater = MessageDeflater(windowBits: 15, takeover: true)
    var inflater = WholeMessageInflater(windowBits: 15, takeover: true, limit: 1000)
    let bomb = try #require(Self.deflate(String(repeating: "a", count: 1 << 20), &deflater))
    #expect(bomb.count < 10_000)
    #expect(throws: WholeMessageInflater.Fault.tooLong) { () throws in try Self.inflate(bomb, &inflater) }
  }

  @Test func damagedDataIsNoMessage() throws {
    for bytes in [[0xFF, 0xFF], [0x07], [0x4A]] as [[UInt8]] {
      var inflater = WholeMessageInflater(windowBits: 15, takeover: true, limit: 1000)
      #expect(throws: WholeMessageInflater.Fault.notDeflate) { () throws in
        try Self.inflate(bytes, &inflater)
      }
    }
  }

  @Test func aTextIsUTF8AndABinaryMessageNeedNotBe() throws {
    for bad in [[0xFF, 0x41], [0x41, 0xC3]] as [[UInt8]] {
      var deflater = MessageDeflater(windowBits: 15, takeover: false)
      let compressed = try #require(bad.withUnsafeBytes { deflater.deflate($0) })
      var inflater = WholeMessageInflater(windowBits: 15, takeover: false, limit: 1000)
      #expect(throws: WholeMessageInflater.Fault.notText) { () throws in
        try Self.inflate(compressed, &inflater)
      }
      var other = WholeMessageInflater(windowBits: 15, takeover: false, limit: 1000)
      #expect(try Self.inflate(compressed, &other, isText: false).isEmpty == false)
    }
  }
}
