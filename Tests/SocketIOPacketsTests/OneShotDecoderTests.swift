import JSONText
import Testing

@testable import SocketIOPackets

private func decoded(
  _ input: [UInt8], _ layer: OneShotDecoder.Layer, _ version: EngineIOVersion = .v4, isText: Bool = true,
  attachments: [[UInt8]] = []
) -> OneShotDecoder.Outcome {
  withBytes(input) {
    OneShotDecoder.decode($0, layer: layer, version: version, isText: isText, attachments: attachments)
  }
}

private func msgpack(_ text: String) -> [UInt8] { [0xA0 | UInt8(text.utf8.count)] + Array(text.utf8) }

@Suite struct OneShotDecoderTests {
  @Test func aMessageGivesItsPacket() throws {
    let outcome = decoded(Array(#"42/n,7["a",1]"#.utf8), .ws)
    #expect(outcome.refusal == nil)
    let packet = try #require(outcome.packets.first)
    #expect(packet.engine == .message)
    let socket = try #require(packet.socket)
    #expect(socket.arguments.map { Array(packet.bytes[$0]) } == Array("1".utf8))
    #expect(String(decoding: packet.bytes[socket.idDigits], as: UTF8.self) == "7")
  }

  @Test func packetsBeforeAFaultComeFirst() {
    let outcome = decoded(Array("2\u{1E}42[\"a\"]\u{1E}42[\u{1E}3".utf8), .polling)
    #expect(outcome.packets.map(\.engine) == [.ping, .message])
    #expect(outcome.refusal?.reason == .json(.unexpectedEnd))
    #expect(outcome.refusal?.offset == 13)
    let broken = decoded(Array("2\u{1E}x".utf8), .polling)
    #expect(broken.packets.count == 1)
    #expect(broken.refusal == PacketRefusal(.unknownEnginePacketType, at: 2))
  }

  @Test func attachmentsComeWithTheInputOrWithinIt() {
    let header = #"51-["a",{"_placeholder":true,"num":0}]"#
    #expect(decoded(Array("4\(header)".utf8), .ws, attachments: [[1]]).packets.map(\.attachments) == [[[1]]])
    #expect(decoded(Array(header.utf8), .socket, attachments: [[1]]).packets.map(\.attachments) == [[[1]]])
    let body = decoded(Array("4\(header)\u{1E}bAQ==\u{1E}43[]".utf8), .polling)
    #expect(body.packets.map(\.attachments) == [[[1]], []])
    let alone = decoded(Array(header.utf8), .socket)
    #expect(alone.packets.map(\.attachments) == [[]])
    #expect(alone.refusal == nil)
    #expect(
      decoded(Array("2[\"a\"]".utf8), .socket, attachments: [[1]]).refusal?.reason == .binaryWithoutPacket)
  }

  @Test func aFaultFoundWithTheLastAttachmentIsPlacedInTheText() {
    let text = #"451-["a",{"_placeholder":true,"num":1}]"#
    let fault = PacketRefusal(.placeholderOutOfRange, at: 9)
    #expect(decoded(Array("\(text)\u{1E}bAQ==".utf8), .polling).refusal == fault)
    #expect(decoded(Array("2\u{1E}\(text)\u{1E}bAQ==".utf8), .polling).refusal?.offset == 11)
    #expect(decoded(Array(text.utf8), .ws, attachments: [[1]]).refusal == fault)
  }

  @Test func aFaultInBase64IsPlacedAtItsStart() {
    // A CONNECT whose data is an array.
    let packet: [UInt8] =
      [0x83] + msgpack("type") + [0] + msgpack("nsp") + msgpack("/") + msgpack("data") + [0x90]
    var encoded = ByteSink()
    encoded.append(Array("b".utf8))
    withBytes(packet) { encoded.append(base64: $0) }
    let outcome = decoded(Array(encoded.bytes), .ws)
    #expect(outcome.refusal?.reason == .connectPayloadNotAnObject)
    #expect(outcome.refusal?.offset == 1)
  }

  @Test func whatTheNewestParserRefusesIsRefused() {
    #expect(decoded(Array("42[\"connect\"]".utf8), .ws).refusal == PacketRefusal(.eventNameReserved, at: 3))
    #expect(decoded(Array("42[\"connect\"]".utf8), .ws, .v3).refusal == nil)
  }

  @Test func msgpackIsReadOnEveryLayer() {
    let text = "g6R0eXBlAqRkYXRhlaVoZWxsbwHAw6bDqfCfmICjbnNwoS8="
    for outcome in [
      decoded(base64(text), .msgpack), decoded(base64(text), .ws, isText: false),
      decoded(Array("b\(text)".utf8), .ws),
      decoded(Array("b\(text)".utf8), .polling),
    ] {
      #expect(outcome.packets.first?.socket?.parser == .msgpack)
      #expect(outcome.refusal == nil)
    }
    #expect(decoded([0x92], .msgpack).refusal != nil)
  }

  @Test func binaryBodiesOfRevision3AreKnownByTheirFirstByte() {
    let outcome = decoded([0, 2, 0xFF, 0x34, 0x30], .polling, .v3, isText: false)
    #expect(outcome.packets.first?.socket?.type == .connect)
    #expect(decoded(Array("2:40".utf8), .polling, .v3, isText: false).packets.count == 1)
  }

  @Test func otherEnginePacketsKeepTheirPayload() {
    let outcome = decoded(Array("0{\"sid\":\"a\"}".utf8), .ws)
    #expect(outcome.packets.first?.engine == .open)
    #expect(outcome.packets.first.map { String(decoding: $0.bytes, as: UTF8.self) } == "{\"sid\":\"a\"}")
  }
}
