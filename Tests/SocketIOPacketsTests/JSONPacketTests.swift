import JSONText
import Testing

@testable import SocketIOPackets

@Suite struct JSONPacketTests {
  @Test func membersBecomeSlices() throws {
    let outcome = decode(text: #"{"type":2,"nsp":"/n","data":["a",{"x":[1]}],"id":12,"more":null}"#)
    let packet = try #require(outcome.packets.first)
    #expect(packet.packet.parser == .json)
    #expect(packet.packet.type == .event)
    #expect(packet.namespace == "/n")
    #expect(packet.id == "12")
    #expect(packet.packet.id == AckID(12))
    #expect(packet.event == #""a""#)
    #expect(packet.arguments == #"{"x":[1]}"#)
    #expect(packet.packet.hasMembers)
    #expect(!outcome.isRefused)
  }

  @Test func unusualSpellingsAreWrittenOut() throws {
    let packet = try #require(decode(text: #"{"nsp":"\/a","type":3.0,"id":1e2,"data":[]}"#).packets.first)
    #expect(packet.namespace == "/a")
    #expect(packet.packet.type == .ack)
    #expect(packet.id == "100")
    #expect(packet.packet.id == AckID(100))
    #expect(packet.arguments == "")
    #expect(try #require(decode(text: #"{"type":0,"nsp":"\u002f"}"#).packets.first).namespace == "/")
  }

  @Test func theLastOfDuplicateMembersCounts() throws {
    let packet = try #require(
      decode(text: #"{"type":2,"nsp":"/a","nsp":"/","data":[1],"type":3}"#).packets.first)
    #expect(packet.packet.type == .ack)
    #expect(packet.namespace == "/")
  }

  @Test(arguments: [
    (#"{"type":5,"nsp":"/","data":["a"]}"#, PacketRefusal.Reason.packetTypeOutOfRange),
    (#"{"type":"2","nsp":"/"}"#, .packetTypeOutOfRange),
    (#"{"type":-1,"nsp":"/"}"#, .packetTypeOutOfRange), (#"{"type":1.5,"nsp":"/"}"#, .packetTypeOutOfRange),
    (#"{"type":2,"nsp":1}"#, .namespaceNotAString), (#"{"type":2,"nsp":"/","data":{}}"#, .payloadNotAnArray),
    (#"{"type":2,"nsp":"/"}"#, .payloadNotAnArray),
    (#"{"type":3,"nsp":"/","data":[],"id":null}"#, .idNotAnInteger),
    (#"{"type":3,"nsp":"/","data":[],"id":"1"}"#, .idNotAnInteger),
    (#"{"type":3,"nsp":"/","data":[],"id":1.5}"#, .idNotAnInteger),
    (#"{"type":0,"nsp":"/","data":null}"#, .connectPayloadNotAnObject),
    (#"{"type":1,"nsp":"/","data":{}}"#, .payloadOnDisconnect),
    (#"{"type":4,"nsp":"/","data":"x"}"#, .connectErrorPayload),
    (#"{"type":2,"nsp":"/","data":["a"]"#, .json(.unexpectedEnd)), ("[]", .json(.unexpectedByte)),
    ("{}", .notAPacketObject),
  ])
  func whatTheParserChecksIsRefused(_ input: String, _ reason: PacketRefusal.Reason) {
    let outcome = decode([(true, Array(input.utf8))], parser: .json)
    #expect((outcome.refusals.first ?? outcome.packets.first?.packet.refusal)?.reason == reason)
  }

  @Test func namesAreNotChecked() throws {
    for name in ["\"connect\"", "null", "{}"] {
      #expect(decode(text: #"{"type":2,"nsp":"/","data":[\#(name)]}"#).packets.first?.packet.refusal == nil)
    }
    #expect(try #require(decode(text: #"{"type":2,"nsp":"/","data":[]}"#).packets.first).event == nil)
  }

  @Test func binaryHasNoPlaceInIt() {
    let outcome = decode([(true, Array(#"{"type":0,"nsp":"/"}"#.utf8)), (false, [1])])
    #expect(outcome.refusals.map(\.reason) == [.binaryForJSONParser])
  }
}
