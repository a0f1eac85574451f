import JSONText
import SeededRandom
import Testing

@testable import SocketIOPackets

private func payload(_ text: String, _ version: EngineIOVersion) -> (
  texts: [String], reason: PacketRefusal.Reason?
) {
  withBytes(Array(text.utf8)) { bytes in
    let payload = PollingPayload(body: bytes, version: version, isBinary: false)
    return (
      payload.packets.map { String(decoding: bytes[$0.payload], as: UTF8.self) }, payload.refusal?.reason
    )
  }
}

private func binaryPayload(_ body: [UInt8]) -> PollingPayload {
  withBytes(body) { PollingPayload(body: $0, version: .v3, isBinary: true) }
}

@Suite struct PollingPayloadTests {
  @Test(arguments: [
    ("02:4a", ["a"]), (" 2 :4a", ["a"]), ("2e0:4a", ["a"]), ("0x2:4a", ["a"]), ("2.0:4a", ["a"]),
    ("2.:4a", ["a"]), ("+2:4a", ["a"]), (" :2:4a", ["a"]),
    ("0:2:4a0:", ["a"]), ("\u{FEFF}2:4a", ["a"]), ("20e-1:4a", ["a"]),
  ])
  func lengthsAreReadAsJavaScriptReadsThem(_ body: String, _ packets: [String]) {
    let found = payload(body, .v3)
    #expect(found.texts == packets)
    #expect(found.reason == nil)
  }

  @Test(arguments: [
    ("1000000000000000000000000000000:4a", PacketRefusal.Reason.lengthOverrunsBody),
    ("1e30:4a", .lengthOverrunsBody),
    ("1e999999999999999999:4a", .lengthNotANumber), ("-1:4a", .lengthNotANumber),
    ("1.5:4a", .lengthNotANumber), ("Infinity:4a", .lengthNotANumber),
    ("nan:4a", .lengthNotANumber), ("0xg:4a", .lengthNotANumber), ("1_0:4a", .lengthNotANumber),
    (":4a", .lengthMissing), ("3:4é", .lengthOverrunsBody),
    ("2:4😀", .lengthSplitsCharacter), ("", .emptyBody), ("2:7a", .unknownEnginePacketType),
    ("2:4a2", .lengthNotTerminated), ("9223372036854775807:4", .lengthOverrunsBody),
  ])
  func lengthsThatDoNotFitAreRefused(_ body: String, _ reason: PacketRefusal.Reason) {
    #expect(payload(body, .v3).reason == reason)
  }

  @Test func bytesThatAreNotUTF8CountAsOneUnitEach() {
    withBytes([0x33, 0x3A, 0x34, 0xFF, 0xFF, 0x31, 0x3A, 0x32]) { bytes in
      let payload = PollingPayload(body: bytes, version: .v3, isBinary: false)
      #expect(payload.packets.map(\.type) == [.message, .ping])
    }
  }

  @Test func binaryLengthsAreDigitsByValue() {
    #expect(binaryPayload([0, 1, 0, 255] + Array("4123456789".utf8)).packets.count == 1)
    #expect(binaryPayload([0, 0x32, 255, 0x34]).refusal?.reason == .lengthNotANumber)
    #expect(binaryPayload([0, 255]).refusal?.reason == .lengthMissing)
    #expect(binaryPayload([0, 5]).refusal?.reason == .lengthNotTerminated)
    #expect(
      binaryPayload([1] + [UInt8](repeating: 9, count: 400) + [255]).refusal?.reason == .lengthNotTerminated)
    #expect(
      binaryPayload([1] + [UInt8](repeating: 9, count: 300) + [255, 4, 7]).packets.map(\.payload) == [
        303..<304
      ])
    // No type byte, and an unknown one: ignored by receivers, not an error.
    #expect(binaryPayload([1, 0, 255, 1, 1, 255, 0x34]).packets.map(\.type) == [nil, nil])
  }

  @Test func aBrokenBinaryLengthLosesTheWholeBody() {
    let body = binaryPayload([0, 2, 255, 0x34, 0x61, 0, 77, 255])
    #expect(body.packets.isEmpty)
    #expect(body.refusal == PacketRefusal(.lengthNotANumber, at: 6))
  }

  @Test func packetsBeyondTheLimitAreNotDecoded() {
    let body = Array([String](repeating: "2", count: 20).joined(separator: "\u{1E}").utf8)
    withBytes(body) { bytes in
      let payload = PollingPayload(body: bytes, version: .v4, isBinary: false, limit: 10)
      #expect(payload.packets.count == 10)
      #expect(payload.refusal == PacketRefusal(.tooManyPackets, at: 20))
    }
  }

  @Test func bodiesDecodeEquallyFromAnyCopy() {
    for vector in WireVector.of("eio3-polling") + WireVector.of("eio4-polling") {
      let version: EngineIOVersion = vector.layer == "eio3-polling" ? .v3 : .v4
      let isBinary = vector.json["content_type"]?.string == "application/octet-stream"
      let plain = withBytes(vector.input) { PollingPayload(body: $0, version: version, isBinary: isBinary) }
      for shift in 1..<8 {
        // Behind other bytes and before others, at every alignment.
        let framed = [UInt8](repeating: 0x1E, count: shift) + vector.input + [0x1E, 0x3A, 0xFF]
        withBytes(framed) { bytes in
          let body = UnsafeRawBufferPointer(rebasing: bytes[shift..<shift + vector.input.count])
          let moved = PollingPayload(body: body, version: version, isBinary: isBinary)
          #expect(moved.packets == plain.packets, "\(vector.name)")
          #expect(moved.refusal == plain.refusal, "\(vector.name)")
        }
      }
    }
  }

  @Test func theFormIsKnownByContentTypeOrFirstByte() {
    withBytes([0x00]) { bytes in
      #expect(PollingPayload.isBinaryForm(contentType: nil, body: bytes))
      #expect(PollingPayload.isBinaryForm(contentType: "Application/Octet-Stream; x=y", body: bytes))
      #expect(!PollingPayload.isBinaryForm(contentType: "text/plain; charset=UTF-8", body: bytes))
    }
    withBytes([0x31]) { #expect(!PollingPayload.isBinaryForm(contentType: nil, body: $0)) }
    withBytes([]) { #expect(!PollingPayload.isBinaryForm(contentType: nil, body: $0)) }
  }

  @Test(arguments: [1, 2, 3] as [UInt64]) func whatANaiveEncoderWritesIsDecoded(_ seed: UInt64) {
    var random = SeededRandom(seed)
    for _ in 0..<200 {
      let packets = (0..<Int.random(in: 1..<6, using: &random)).map { _ in
        "\(Int.random(in: 0...6, using: &random))" + randomJSON(&random, depth: 2)
      }
      let texts = packets.map { String($0.dropFirst()) }
      #expect(payload(packets.joined(separator: "\u{1E}"), .v4).texts == texts, "seed \(seed)")
      #expect(payload(packets.map { "\($0.utf16.count):\($0)" }.joined(), .v3).texts == texts, "seed \(seed)")
      let binary = packets.flatMap { packet -> [UInt8] in
        [0] + String(packet.utf8.count).utf8.map { $0 - 0x30 } + [0xFF] + Array(packet.utf8)
      }
      withBytes(binary) { bytes in
        let found = PollingPayload(body: bytes, version: .v3, isBinary: true).packets
        #expect(found.map { String(decoding: bytes[$0.payload], as: UTF8.self) } == texts, "seed \(seed)")
      }
    }
  }
}

@Suite struct Base64Tests {
  private func decoded(_ text: String, lenient: Bool = true) -> (bytes: [UInt8], isStrict: Bool) {
    var sink = ByteSink()
    let isStrict = withBytes(Array(text.utf8)) { Base64.decode($0, into: &sink, lenient: lenient) }
    return (Array(sink.bytes), isStrict)
  }

  @Test(
    arguments: [
      ("", [], true), ("AQID", [1, 2, 3], true), ("AQI=", [1, 2], true), ("AQ==", [1], true),
      ("AQI", [1, 2], false), ("AQ", [1], false),
      ("A", [], false), ("AQ=", [1], false), ("A Q\nI=", [1, 2], false), ("-_8=", [0xFB, 0xFF], false),
      ("+/8=", [0xFB, 0xFF], true), ("AQ==AQ==", [1], false),
      ("====", [], false), ("AQID====", [1, 2, 3], false), ("é", [], false),
    ] as [(String, [UInt8], Bool)])
  func readingIsLenientAndTellsSo(_ text: String, _ bytes: [UInt8], _ isStrict: Bool) {
    #expect(decoded(text).bytes == bytes)
    #expect(decoded(text).isStrict == isStrict)
    #expect(decoded(text, lenient: false).bytes == (isStrict ? bytes : []))
  }

  @Test func whatIsWrittenReadsBack() {
    var random = SeededRandom(3)
    for length in 0..<200 {
      let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
      var sink = ByteSink()
      withBytes(bytes) { sink.append(base64: $0) }
      #expect(decoded(String(decoding: sink.bytes, as: UTF8.self)).bytes == bytes)
      #expect(base64(String(decoding: sink.bytes, as: UTF8.self)) == bytes)
    }
  }
}

@Suite struct JSONPTests {
  private func response(_ text: String) -> String? {
    var sink = ByteSink()
    do { try withBytes(Array(text.utf8)) { try JSONP.unwrapResponse($0, into: &sink) } } catch { return nil }
    return String(decoding: sink.bytes, as: UTF8.self)
  }

  private func request(_ text: String) -> String? {
    var sink = ByteSink()
    do { try withBytes(Array(text.utf8)) { try JSONP.unwrapRequest($0, into: &sink) } } catch { return nil }
    return String(decoding: sink.bytes, as: UTF8.self)
  }

  @Test(arguments: [
    (#"___eio[0]("1:2");"#, "1:2"), (#"___eio[12]("2[\"a\\n\"]");"#, #"2["a\n"]"#),
    (#"___eio[0]("\u2028é\ud83d\ude00\x41")"#, "\u{2028}é😀A"),
    (#"___eio[0]("\ud83d");"#, "\u{FFFD}"), (#"___eio[0]("\ud83dx");"# + "\n", "\u{FFFD}x"),
    ("___eio[0](\"4a\u{1E}4b\");", "4a\u{1E}4b"), (#"___eio[]("");"#, ""),
  ])
  func responsesAreUnwrapped(_ body: String, _ payload: String) {
    #expect(response(body) == payload)
  }

  @Test(arguments: [
    "", "___eio", #"___eio[0]("a"#, #"___eio[0]("a"x"#, #"___eio[0]("a");x"#, #"___eio[0]("\u12"#,
    #"___eio[0]("\"#, "1:2",
  ])
  func otherResponsesAreRefused(_ body: String) {
    #expect(response(body) == nil)
  }

  @Test(arguments: [
    ("d=1%3A2", "1:2"), ("d=a+b%2B", "a b+"), (#"d=a\nb"#, "a\nb"), (#"d=a\\nb"#, #"a\nb"#),
    (#"d=a\\\nb"#, #"a\\nb"#), ("d=%5Cn", "\n"), ("d=%5C%5Cn", #"\n"#),
    (#"d=\\"#, #"\\"#), (#"d=\t\"n"#, #"\t\"n"#), ("x=1&d=2&d=3", "2"), ("d=", ""), ("d=%", "%"),
    ("d=%4", "%4"), ("d=%zz", "%zz"), ("d=%C3%A9", "é"),
  ])
  func requestsAreUnwrappedWithTheirNewlineRules(_ body: String, _ payload: String) {
    #expect(request(body) == payload)
  }

  @Test func aFormWithoutPayloadIsRefused() {
    for body in ["", "x=1", "dd=1", "d", "1:2"] { #expect(request(body) == nil) }
  }
}
