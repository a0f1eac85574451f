import JSONText
import Testing
import WebSocketFrames

@testable import LoadBench

@Suite("Emits of the load")
struct EmitTextTests {
  @Test(arguments: [1, 100, 125, 126, 4096, 5000, 70_000])
  func framesReadAsTheEmitTheyAreMadeFor(payload: Int) throws {
    var emits = EmitText(payload: payload, isFramed: true)
    for id: UInt64 in [0, 1, 9, 10, 11, 99, 100, 12_345, 9_999_999] {
      var sink = ByteSink()
      emits.append(id: id, to: &sink)
      var stream = MessageStream(masking: .required, compression: nil)
      var messages: [String] = []
      stream.receive(sink.bytes) { event in
        if case .message(let message) = event {
          messages.append(String(decoding: message.payload, as: UTF8.self))
        }
      }
      try #require(messages.count == 1)
      #expect(messages[0].hasPrefix("42\(id)[\"echo\",\""))
      let arguments = try JSONValue(parsing: String(messages[0].drop { $0 != "[" }))
      #expect(arguments[1]?.string?.utf8.count == payload)
    }
  }

  @Test func bodiesHoldTheSamePacketsWithoutFrames() {
    var emits = EmitText(payload: 5, isFramed: false)
    var sink = ByteSink()
    emits.append(id: 42, to: &sink)
    let text = String(decoding: sink.bytes, as: UTF8.self)
    #expect(text.hasPrefix("4242[\"echo\",\"") && text.hasSuffix("\"]"))
  }
}

@Suite("Counting frames")
struct FrameCounterTests {
  private func frame(_ first: UInt8, _ length: Int) -> [UInt8] {
    var sink = ByteSink()
    FrameShape.append(first, payloadLength: length, to: &sink)
    return Array(sink.bytes) + [UInt8](repeating: 0x78, count: length)
  }

  @Test func messagesAreCountedHoweverTheBytesAreCut() {
    let bytes =
      frame(0x81, 0) + frame(0x81, 5) + frame(0x89, 3) + frame(0xC1, 126) + frame(0x01, 4) + frame(0x80, 300)
      + frame(0x81, 125)
    for size in 1...(bytes.count) {
      var counter = FrameCounter()
      var total = 0
      for start in stride(from: 0, to: bytes.count, by: size) {
        let count = Array(bytes[start..<min(start + size, bytes.count)]).withUnsafeBytes {
          counter.received($0)
        }
        #expect(!count.hasEnded)
        total += count.messages
      }
      #expect(total == 5, "cut every \(size) bytes")
    }
  }

  @Test func longFramesHaveLongHeads() {
    var counter = FrameCounter()
    #expect(frame(0x81, 70_000).withUnsafeBytes { counter.received($0) }.messages == 1)
  }

  @Test(arguments: [
    [0x88, 0x00], [0x81, 0x80, 1, 2, 3, 4], [0x81, 0x7F, 0x7F, 0, 0, 0, 0, 0, 0, 0] as [UInt8],
  ])
  func aCloseOrNoServersFrameIsTheEnd(bytes: [UInt8]) {
    var counter = FrameCounter()
    #expect(bytes.withUnsafeBytes { counter.received($0) }.hasEnded)
  }
}

@Suite("Heads")
struct HTTPHeadTests {
  private func read<Result>(_ text: String, _ body: (HTTPHead?) -> Result) -> Result {
    Array(text.utf8).withUnsafeBytes { body(HTTPHead($0)) }
  }

  @Test func aHeadIsReadUpToItsBlankLine() {
    read("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept:  x=\t\r\nContent-LENGTH: 12\r\n\r\nrest")
    { head in
      #expect(head?.status == 101)
      #expect(head?.text(of: "sec-websocket-accept") == "x=")
      #expect(head?.contentLength == 12)
      #expect(head?.text(of: "sec-websocket") == nil)
      #expect(head?.firstLine == "HTTP/1.1 101 Switching Protocols")
    }
  }

  @Test(arguments: ["", "GET / HTTP/1.1", "GET / HTTP/1.1\r\nHost: x\r\n"])
  func aHeadThatIsNotWholeIsNone(text: String) {
    #expect(read(text) { $0 == nil })
  }

  @Test(arguments: ["x", "-1", "", "99999999999"])
  func aLengthThatIsNoneIsNone(length: String) {
    #expect(read("HTTP/1.1 200 OK\r\nContent-Length: \(length)\r\n\r\n") { $0?.contentLength } == nil)
  }
}

@Suite("What waits for the rest")
struct SocketInputTests {
  @Test(arguments: 1...7)
  func whatIsNotConsumedComesAgainWithWhatFollows(size: Int) {
    var input = SocketInput()
    var words: [String] = []
    var bytes = Array("one,two,,three,".utf8)
    bytes.withUnsafeMutableBytes { all in
      for start in stride(from: 0, to: all.count, by: size) {
        let piece = UnsafeMutableRawBufferPointer(rebasing: all[start..<min(start + size, all.count)])
        input.received(piece) { bytes in
          guard let end = bytes.lastIndex(of: 0x2C) else { return 0 }
          words += String(decoding: bytes[..<end], as: UTF8.self).split(
            separator: ",", omittingEmptySubsequences: false
          ).map(String.init)
          return end + 1
        }
      }
    }
    #expect(words == ["one", "two", "", "three"])
  }
}
