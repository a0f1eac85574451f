import AckCorrelation
import Foundation
import JSONText
import SessionDecoder
import Testing

/// How payloads get into records: verbatim where they are JSON, marked where they are cut, opaque where they cannot be read.
@Suite struct PayloadRuleTests {
  @Test func rawLineBreaksBecomeSpaces() {
    let tap = TapDriver()
    tap.connect()
    tap.client("421[\"a\",\n{\r\n\"b\":1.50 ,\"c\":\"x\\ny\"}\n]")
    #expect(tap.lines.last?.contains("\"args\":[{  \"b\":1.50 ,\"c\":\"x\\ny\"}]") == true)
    #expect(tap.records.count == tap.lines.count)
  }

  @Test func lineBreaksInOtherPayloadsBecomeSpaces() {
    let tap = TapDriver()
    tap.upgrade()
    tap.server("0{\"sid\":\n\"S\"}")
    tap.client("40{\n}")
    tap.server("44{\"message\":\r\"no\"}")
    tap.client("{\"event\":\n\"x\"}")
    #expect(tap.records.count == tap.lines.count)
    let plain = TapDriver()
    plain.upgrade("/chat")
    plain.client("{\"event\":\"x\",\"data\":[\n1\r]}")
    #expect(plain.records.count == plain.lines.count)
    #expect(plain.lines.last?.contains("\"args\":[[ 1 ]]") == true)
  }

  @Test func numbersAndMembersStayAsTheyAre() {
    let tap = TapDriver()
    tap.connect()
    tap.client(#"4212345678901234567890["a",9007199254740993,1.0e+2,-0,{"z":1,"a":2,"z":3},"\u00e9\/"]"#)
    let line = tap.lines.last ?? ""
    #expect(line.contains(#""id":12345678901234567890"#))
    #expect(line.contains(#""args":[9007199254740993,1.0e+2,-0,{"z":1,"a":2,"z":3},"\u00e9\/"]"#))
  }

  @Test func aNumberAsEventNameStaysANumber() {
    let tap = TapDriver()
    tap.connect()
    tap.client(#"42[7.50,"x"]"#)
    #expect(tap.lines.last?.contains(#""event":7.50,"args":["x"]"#) == true)
  }

  @Test func anEventWithoutANameMakesNoBrokenRecord() {
    let tap = TapDriver { $0.ackTimeout = 1000 }
    tap.connect()
    for id in 1...40 {
      tap.server("42\(id)[]")
      tap.call(after: 5000) { decoder, time in decoder.expire(at: time) }
    }
    tap.server("420")
    tap.client("421[null]")
    tap.close()
    tap.endCapture()
    #expect(tap.records.count == tap.lines.count)
  }

  @Test(arguments: ["x", "é", "😀", #"\n"#, #"\u0041"#, #"\ud83d\ude00"#, #"\\"#])
  func anEventWithAVeryLongNameMakesNoBrokenRecord(_ letter: String) {
    for count in 0..<8 {
      let tap = TapDriver { $0.ackTimeout = 1000 }
      tap.connect()
      let name = String(repeating: "a", count: count) + String(repeating: letter, count: 1000)
      tap.client("421[\"\(name)\"]")
      tap.server("431[]")
      tap.client("423[\"\(name)\"]")
      tap.client("422[1\(String(repeating: "0", count: 1000))]")
      tap.close()
      tap.endCapture()
      #expect(tap.records.count == tap.lines.count)
      let events = tap.records("verdict").map { $0["event"]?.string?.last }
      #expect(events.contains("…") && events.contains(nil))
      #expect(String(validating: tap.bytes, as: UTF8.self)?.contains("\u{FFFD}") == false)
    }
  }

  @Test func brokenUTF8InABodyIsReplaced() {
    let tap = TapDriver()
    tap.open()
    tap.get(Array(#"0{"sid":"S"}"#.utf8), "/socket.io/?EIO=4&transport=polling")
    tap.get(Array(#"420["a"#.utf8) + [0xFF, 0xED, 0xA0, 0x80] + Array(#"",1]"#.utf8))
    let text = String(validating: tap.bytes, as: UTF8.self)
    #expect(text != nil)
    #expect(tap.records("packet").last?["event"]?.string == "a\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}")
    #expect(tap.records("packet").last?["args"]?[0]?.integer == 1)
  }

  @Test func brokenUTF8InAMessageEndsDecoding() {
    let tap = TapDriver()
    tap.connect()
    tap.frame(.client, 0x81, Array(#"42["a"#.utf8) + [0xFF] + Array(#""]"#.utf8))
    tap.client(#"42["later"]"#)
    #expect(tap.records("undecodable").count == 1)
    #expect(!String(decoding: tap.bytes, as: UTF8.self).contains("later"))
    tap.server(#"42["other"]"#)
    #expect(tap.records("packet").last?["event"]?.string == "other")
  }

  // MARK: truncation

  @Test func aPayloadLongerThanTheLimitIsMarked() throws {
    let tap = TapDriver { $0.capturePayload = 100 }
    tap.connect()
    let text = #"425["upload",{"a":"\#(String(repeating: "x", count: 100))"}]"#
    tap.client(text)
    let record = try #require(tap.records("packet").last)
    #expect(record["truncated"]?.boolean == true)
    #expect(record["id"]?.integer == 5)
    #expect(record["event"]?.string == "upload")
    #expect(record["args"] == nil)
    #expect(record["text"]?.string?.hasPrefix(#"["upload","#) == true)
    #expect(record["refused"] == nil)
    #expect(record["bytes"]?.integer == text.utf8.count)
    tap.server("435[]")
    #expect(tap.records("packet").last?["ack_of"]?.integer == record["seq"]?.integer)
  }

  @Test func aPayloadOfExactlyTheLimitIsNotMarked() throws {
    let text = #"425["a",{"b":"\#(String(repeating: "x", count: 100))"}]"#
    for (limit, isCut) in [(text.utf8.count, false), (text.utf8.count - 1, true)] {
      let tap = TapDriver { $0.capturePayload = limit }
      tap.connect()
      tap.client(text)
      let record = try #require(tap.records("packet").last)
      #expect((record["truncated"]?.boolean ?? false) == isCut)
      #expect((record["args"] != nil) == !isCut)
    }
  }

  @Test func attachmentsBeyondTheLimitAreMarked() throws {
    let header = #"452-["f",{"_placeholder":true,"num":0}]"#
    for (sizes, kept) in [([30, 200], [30, 70]), ([80, 80], [80, 20])] {
      let tap = TapDriver { $0.capturePayload = 100 }
      tap.connect()
      tap.client(header)
      for size in sizes { tap.client([UInt8](repeating: 1, count: size)) }
      let record = try #require(tap.records("packet").last)
      #expect(record["socket"]?.string == "binary_event")
      #expect(record["truncated"]?.boolean == true)
      #expect(record["bytes"]?.integer == header.utf8.count + sizes[0] + sizes[1])
      #expect(
        record["attachments"]?.array?.map { Data(base64Encoded: $0.string ?? "")?.count } == kept)
    }
  }

  @Test func aPacketBrokenOffByALongerOneIsNotMarked() throws {
    let tap = TapDriver { $0.capturePayload = 100 }
    tap.connect()
    tap.client(#"452-["f",{"_placeholder":true,"num":0}]"#)
    tap.client([1])
    tap.client(#"42["long","\#(String(repeating: "x", count: 100))"]"#)
    #expect(tap.records("packet").suffix(2).map { $0["truncated"]?.boolean } == [nil, true])
  }

  @Test func otherEnginePacketsThatAreCutAreMarked() {
    let tap = TapDriver { $0.capturePayload = 60 }
    tap.upgrade()
    tap.server(#"0{"sid":"S","upgrades":[],"x":"\#(String(repeating: "x", count: 100))"}"#)
    #expect(tap.records("packet").last?["engine"]?.string == "open")
    #expect(tap.records("packet").last?["truncated"]?.boolean == true)
  }

  @Test func aPacketInABodyThatIsLongerThanTheLimitIsMarked() throws {
    let tap = TapDriver { $0.capturePayload = 100 }
    tap.open()
    tap.get(Array(#"0{"sid":"S"}"#.utf8), "/socket.io/?EIO=4&transport=polling")
    let long = String(repeating: "x", count: 300)
    tap.get(Array((#"421["a","\#(long)"]"# + "\u{1E}" + #"451-["b",{"_placeholder":true,"num":0}]"#).utf8))
    tap.get(Array("b\(Data(repeating: 1, count: 300).base64EncodedString())\u{1E}42[\"c\"]".utf8))
    let packets = tap.records("packet").suffix(3)
    #expect(packets.map { $0["event"]?.string } == ["a", "b", "c"])
    #expect(packets.map { $0["truncated"]?.boolean } == [true, true, nil])
    #expect(packets.map { ($0["text"]?.string?.utf8.count ?? 0) <= 100 } == [true, true, true])
    #expect(tap.lines.allSatisfy { !$0.contains(long) })
  }

  @Test func messagesThatAreCutAreMarked() {
    let tap = TapDriver { $0.capturePayload = 10 }
    tap.upgrade("/chat")
    tap.client(#"{"event":"long"}"#)
    tap.client([UInt8](repeating: 7, count: 11))
    #expect(tap.records("message").map { $0["truncated"]?.boolean } == [true, true])
    #expect(tap.records("message").map { $0["bytes"]?.integer } == [16, 11])
    #expect(tap.records("message")[0]["event"] == nil)
  }

  @Test func aBodyLongerThanTheLimitIsMarkedInItsLastPacket() {
    let tap = TapDriver { $0.capturePayload = 100 }
    tap.open()
    tap.get(Array(#"0{"sid":"S"}"#.utf8), "/socket.io/?EIO=4&transport=polling")
    tap.get(
      Array(
        (#"42["first"]"# + "\u{1E}" + #"42["second",""# + String(repeating: "x", count: 70_000) + #""]"#).utf8
      ))
    let packets = tap.records("packet").suffix(2)
    #expect(packets.map { $0["event"]?.string } == ["first", "second"])
    #expect(packets.map { $0["truncated"]?.boolean } == [nil, true])
    #expect(packets.map { $0["refused"] == nil } == [true, true])
  }

  // MARK: what cannot be read

  @Test func aSessionThatBeganBeforeTheCaptureIsMarkedAndDecoded() throws {
    let tap = TapDriver()
    tap.open()
    tap.post(#"427["a",1]"#)
    tap.get(Array("437[2]".utf8))
    let session = try #require(tap.records("session").first)
    #expect(session["began_before_capture"]?.boolean == true)
    #expect(session["sid"]?.string == "S")
    #expect(tap.records("packet").last?["ack_of"] != nil)
  }

  @Test func anUpgradeOfASessionThatBeganBeforeTheCaptureIsDecoded() {
    let tap = TapDriver()
    tap.upgrade("/socket.io/?EIO=4&transport=websocket&sid=S")
    tap.client("2probe")
    tap.server("3probe")
    tap.client("5")
    tap.client(#"421["a"]"#)
    tap.server("431[]")
    #expect(tap.records("session").first?["began_before_capture"]?.boolean == true)
    #expect(tap.records("packet").last?["ack_of"] != nil)
  }

  @Test func anAckOfAnEmitBeforeTheCaptureIsAStrayOne() {
    let tap = TapDriver()
    tap.open()
    tap.get(Array("437[2]".utf8))
    let ack = tap.records("packet").last
    #expect(ack?["socket"]?.string == "ack")
    #expect(ack?["ack_of"] == nil && ack?["latency_us"] == nil)
  }

  @Test func anUnknownExtensionMakesBothDirectionsUndecodable() {
    let tap = TapDriver()
    tap.upgrade(response: [("Sec-WebSocket-Extensions", "x-webkit-deflate-frame")])
    tap.server(#"0{"sid":"S"}"#)
    tap.client("40")
    tap.close()
    let told = tap.records("undecodable")
    #expect(told.map { $0["from"]?.string } == ["client", "server"])
    #expect(told.allSatisfy { $0["reason"]?.string?.contains("x-webkit-deflate-frame") == true })
    #expect(tap.records("packet").isEmpty)
    #expect(tap.records("close").count == 1)
  }

  @Test(arguments: ["br", "zstd", "gzip, br"])
  func aBodyInACodingThatCannotBeUndoneIsUndecodable(_ coding: String) {
    let tap = TapDriver()
    tap.open()
    tap.get(Array(#"0{"sid":"S"}"#.utf8), "/socket.io/?EIO=4&transport=polling")
    tap.get([0x8B, 1, 0x80, 3], "/socket.io/?EIO=4&transport=polling&sid=S", [("Content-Encoding", coding)])
    #expect(tap.records("undecodable").last?["reason"]?.string?.contains(coding) == true)
    tap.get(Array(#"42["after"]"#.utf8))
    #expect(tap.records("packet").last?["event"]?.string == "after")
  }

  @Test func aCompressedBodyThatBreaksOffIsUndecodable() {
    let tap = TapDriver()
    tap.open()
    tap.get(Array(#"0{"sid":"S"}"#.utf8), "/socket.io/?EIO=4&transport=polling")
    tap.get([0x1F, 0x8B, 8], "/socket.io/?EIO=4&transport=polling&sid=S", [("Content-Encoding", "gzip")])
    #expect(tap.records("undecodable").count == 1)
  }
}
