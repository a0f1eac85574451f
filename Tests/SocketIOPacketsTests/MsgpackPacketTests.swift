import JSONText
import Testing

@testable import SocketIOPackets

/// A msgpack encoder, as plain as can be.
private indirect enum Pack {
  case raw([UInt8]), text(String), array([Pack]), map([(Pack, Pack)])

  var bytes: [UInt8] {
    switch self {
    case .raw(let bytes): bytes
    case .text(let text): [0xD9, UInt8(text.utf8.count)] + Array(text.utf8)
    case .array(let elements):
      [0xDC, UInt8(elements.count >> 8), UInt8(elements.count & 255)] + elements.flatMap(\.bytes)
    case .map(let members):
      [0xDE, UInt8(members.count >> 8), UInt8(members.count & 255)]
        + members.flatMap { $0.0.bytes + $0.1.bytes }
    }
  }
}

private func event(_ arguments: [Pack]) -> [UInt8] {
  Pack.map([
    (.text("type"), .raw([2])), (.text("data"), .array([.text("e")] + arguments)), (.text("nsp"), .text("/")),
  ]).bytes
}

private func big(_ value: UInt64, _ size: Int) -> [UInt8] {
  (0..<size).reversed().map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
}

@Suite struct MsgpackPacketTests {
  @Test(
    arguments: [
      ([0x00], "0"), ([0x7F], "127"), ([0xFF], "-1"), ([0xE0], "-32"), ([0xCC, 0xFF], "255"),
      ([0xCD, 0xFF, 0xFF], "65535"),
      ([0xCE, 0xFF, 0xFF, 0xFF, 0xFF], "4294967295"), ([0xCF] + big(.max, 8), "18446744073709551615"),
      ([0xCF] + big(9_007_199_254_740_993, 8), "9007199254740993"), ([0xD0, 0x80], "-128"),
      ([0xD1, 0x80, 0x00], "-32768"),
      ([0xD2, 0x80, 0, 0, 0], "-2147483648"), ([0xD3] + big(1 << 63, 8), "-9223372036854775808"),
      ([0xC0], "null"), ([0xC2], "false"),
      ([0xC3], "true"), ([0xA0], #""""#), ([0xA2, 0x0A, 0x22], #""\n\"""#), ([0xA1, 0xFF], "\"\u{FFFD}\""),
      ([0x90], "[]"), ([0x80], "{}"),
      ([0x92, 0x01, 0x91, 0x02], "[1,[2]]"),
      ([0x82, 0xA1, 0x61, 0x01, 0xA1, 0x62, 0x80], #"{"a":1,"b":{}}"#),
      ([0xCB] + big((0.1 as Double).bitPattern, 8), "0.1"),
      ([0xCB] + big((1e21 as Double).bitPattern, 8), "1e+21"),
      ([0xCB] + big((3.0 as Double).bitPattern, 8), "3"),
      ([0xCB] + big(Double.infinity.bitPattern, 8), "null"),
      ([0xCB] + big(Double.nan.bitPattern, 8), "null"),
      ([0xCB] + big(1, 8), "5e-324"),
      ([0xCA] + big(UInt64((0.5 as Float).bitPattern), 4), "0.5"),
      ([0xCA] + big(UInt64((0.1 as Float).bitPattern), 4), "0.10000000149011612"),
      ([0xD4, 0x00, 0x00], "null"), ([0x81, 0x01, 0x02], #"{"1":2}"#), ([0x81, 0xC0, 0x02], #"{"null":2}"#),
      ([0x81, 0x91, 0x05, 0x02], #"{"[object Object]":2}"#),
      ([0x81, 0xC3, 0x81, 0xFF, 0x90], #"{"true":{"-1":[]}}"#),
    ] as [([UInt8], String)])
  func valuesBecomeJSON(_ value: [UInt8], _ json: String) throws {
    let outcome = decode([(false, event([.raw(value)]))])
    let packet = try #require(outcome.packets.first)
    #expect(!outcome.isRefused)
    #expect(packet.arguments == json)
    #expect(packet.event == #""e""#)
    // What stands in the stream's text is JSON as a whole.
    #expect(packet.data != nil)
  }

  @Test(
    arguments: [
      (1_000_000_000_000, "2001-09-09T01:46:40.000Z"), (0, "1970-01-01T00:00:00.000Z"),
      (-1, "1969-12-31T23:59:59.999Z"),
      (951_782_400_000, "2000-02-29T00:00:00.000Z"), (-62_198_755_200_000, "-000001-01-01T00:00:00.000Z"),
      (253_402_300_800_000, "+010000-01-01T00:00:00.000Z"),
      (8_640_000_000_000_000, "+275760-09-13T00:00:00.000Z"),
      (-8_640_000_000_000_000, "-271821-04-20T00:00:00.000Z"),
      (1_709_251_199_123, "2024-02-29T23:59:59.123Z"), (-62_167_219_200_000, "0000-01-01T00:00:00.000Z"),
    ] as [(Int64, String)])
  func datesBecomeISOText(_ milliseconds: Int64, _ date: String) {
    let value = [0xD7, 0x00] + big(UInt64(bitPattern: milliseconds), 8)
    #expect(decode([(false, event([.raw(value)]))]).packets.first?.arguments == "\"\(date)\"")
  }

  @Test(arguments: [8_640_000_000_000_001, Int64.max, Int64.min]) func datesOutOfRangeAreNull(
    _ milliseconds: Int64
  ) {
    let value = [0xD7, 0x00] + big(UInt64(bitPattern: milliseconds), 8)
    #expect(decode([(false, event([.raw(value)]))]).packets.first?.arguments == "null")
  }

  @Test func timestampExtensionsAreDatesToo() {
    for value in [
      [0xD6, 0xFF] + big(1_000_000_000, 4), [0xD7, 0xFF] + big(1_000_000_000, 8),
      [0xC7, 12, 0xFF] + big(0, 4) + big(1_000_000_000, 8),
    ] as [[UInt8]] {
      #expect(
        decode([(false, event([.raw(value)]))]).packets.first?.arguments == #""2001-09-09T01:46:40.000Z""#)
    }
    #expect(
      decode([(false, event([.raw([0xC7, 12, 0xFF] + big(0, 4) + big(1 << 63, 8))]))]).packets.first?
        .arguments == "null")
  }

  @Test func bytesBecomeAttachments() throws {
    let outcome = decode([
      (
        false,
        event([
          .raw([0xC4, 2, 1, 2]), .raw([0xC7, 1, 0, 7]), .raw([0xC7, 0, 0]), .raw([0xD4, 5, 9]),
          .raw([0xC5, 0, 0]),
        ])
      )
    ])
    let packet = try #require(outcome.packets.first)
    #expect(packet.attachments == [[1, 2], [7], [], [9], []])
    #expect(packet.packet.attachmentCount == 5)
    #expect(
      packet.arguments
        == (0..<5).map { #"{"_placeholder":true,"num":\#($0)}"# }.enumerated().map {
          $0 == 3 ? "[5,\($1)]" : $1
        }
        .joined(separator: ","))
    #expect(!outcome.isRefused)
  }

  @Test func headsAreReadInAnyOrderAndNumberForm() throws {
    let packet = try #require(
      decode([
        (
          false,
          Pack.map([
            (.text("id"), .raw([0xCF] + big(.max, 8))), (.text("nsp"), .text("/a,b")),
            (.text("data"), .array([.raw([0xC0])])),
            (.text("type"), .raw([0xCB] + big((3.0 as Double).bitPattern, 8))),
          ]).bytes
        )
      ]).packets.first)
    #expect(packet.packet.type == .ack)
    #expect(packet.namespace == "/a,b")
    #expect(packet.id == "18446744073709551615")
    #expect(packet.packet.id == AckID(.max))
    #expect(packet.arguments == "null")
  }

  @Test func pythonsNullDataIsRefusedByJavaScriptAlone() {
    for type: UInt8 in [0, 1] {
      let message = Pack.map([
        (.text("type"), .raw([type])), (.text("data"), .raw([0xC0])), (.text("nsp"), .text("/")),
      ]).bytes
      let refusal = decode([(false, message)]).packets.first?.packet.refusal
      #expect(refusal?.reason == (type == 0 ? .connectPayloadNotAnObject : .payloadOnDisconnect))
      #expect(refusal?.refusedBy == .javaScript)
    }
  }

  @Test(
    arguments: [
      [0xDF, 0xFF, 0xFF, 0xFF, 0xFF], [0xDD, 0xFF, 0xFF, 0xFF, 0xFF], [0xDE, 0xFF],
      [0xDB, 0xFF, 0xFF, 0xFF, 0xFF, 1], [0xC6, 0x7F, 0xFF, 0xFF, 0xFF],
      [0xC9, 0xFF, 0xFF, 0xFF, 0xFF, 0], [0xC1], [],
    ] as [[UInt8]])
  func announcedSizesAreNotBelieved(_ message: [UInt8]) {
    #expect(decode([(false, message)], parser: .msgpack).refusals.count == 1)
    #expect(decode([(false, event([.raw(message)]))], parser: .msgpack).refusals.count == 1)
  }

  @Test func everyTruncationIsRefused() {
    let whole = event([
      .raw([0xC4, 2, 1, 2]), .map([(.text("k"), .array([.raw([0xCB] + big(1, 8))]))]),
      .raw([0xD7, 0] + big(5, 8)),
    ])
    #expect(!decode([(false, whole)]).isRefused)
    for length in 0..<whole.count {
      #expect(
        decode([(false, Array(whole[..<length]))], parser: .msgpack).isRefused, "the first \(length) bytes")
    }
  }

  @Test func nestingIsFollowedToItsLimit() {
    func nested(_ depth: Int) -> [UInt8] { event([.raw([UInt8](repeating: 0x91, count: depth) + [0xC0])]) }
    var limits = SocketPacketLimits()
    limits.depth = 100
    #expect(decode([(false, nested(100))], limits: limits).packets.first?.packet.isTruncated == false)
    let deep = decode([(false, nested(101))], limits: limits).packets.first
    #expect(deep?.packet.isTruncated == true)
    #expect(deep?.event == #""e""#)
    #expect(deep?.arguments == nil)
    #expect(decode([(false, nested(1_000_000))]).packets.first?.packet.isTruncated == true)
  }

  @Test func textBeyondTheLimitIsNotKept() throws {
    var limits = SocketPacketLimits()
    limits.packetBytes = 1000
    let nulls = [Pack](repeating: .raw([0xC0]), count: 5000)
    let packet = try #require(decode([(false, event(nulls))], limits: limits).packets.first)
    #expect(packet.packet.isTruncated)
    #expect(packet.event == #""e""#)
    #expect(packet.text.count < 1100)
  }
}
