import JSONText
import Testing
import WebSocketFrames

@testable import LoadBench

@Suite("Echo packets")
struct EchoPacketTests {
  private func answer(_ packet: String) -> String? {
    var sink = ByteSink()
    let isAnswered = Array(packet.utf8).withUnsafeBytes { EchoPacket.appendAnswer(to: $0, &sink) }
    #expect(isAnswered || sink.count == 0)
    return isAnswered ? String(decoding: sink.bytes, as: UTF8.self) : nil
  }

  @Test func anEchoIsAnsweredWithItsIDAndArguments() {
    #expect(answer(#"4217["echo","hi",{"a":1}]"#) == #"4317["hi",{"a":1}]"#)
    #expect(answer(#"420["echo",""]"#) == #"430[""]"#)
  }

  @Test(arguments: [#"42["echo","hi"]"#, #"421["other","hi"]"#, "40", "2", "", #"421["echo"]"#, "421", "42"])
  func nothingElseIsAnswered(packet: String) {
    #expect(answer(packet) == nil)
  }

  @Test func anAnswerIsSevenBytesShorterThanItsEcho() {
    let packet = #"42123["echo","text"]"#
    #expect(answer(packet)?.utf8.count == packet.utf8.count - 7)
  }
}

@Suite("Compression")
struct MessageDeflaterTests {
  @Test func aDecoderWithAKeptWindowReadsEveryMessage() throws {
    let deflater = try #require(MessageDeflater())
    var stream = MessageStream(masking: .forbidden, compression: DeflateParameters())
    var read: [String] = []
    var sent: [String] = []
    var sizes: [Int] = []
    for index in 0..<50 {
      let text = "43\(index)[\"see the attached notes, meeting at nine tomorrow\"]"
      sent.append(text)
      var frame = ByteSink()
      var bytes = Array(text.utf8)
      bytes.withUnsafeMutableBytes { deflater.append($0, to: &frame) }
      sizes.append(frame.count)
      stream.receive(frame.bytes) { event in
        if case .message(let message) = event {
          read.append(String(decoding: message.payload, as: UTF8.self))
        }
      }
    }
    #expect(read == sent)
    // With the window kept, what was said before costs next to nothing.
    #expect(sizes[40] < sizes[0] / 2)
  }
}

@Suite("The upgrade's proof")
struct WebSocketAcceptTests {
  @Test func theExampleOfTheRFCComesOut() {
    #expect(WebSocketAccept.value(for: "dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
  }

  @Test(arguments: [
    ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
    ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
    ),
  ])
  func theExamplesOfSHA1ComeOut(text: String, digest: String) {
    let hexadecimal = WebSocketAccept.sha1(Array(text.utf8)).map { byte in
      let text = String(byte, radix: 16)
      return text.count == 1 ? "0" + text : text
    }
    #expect(hexadecimal.joined() == digest)
  }
}
