import JSONText
import NIOCore
import RecordedSessions
import SocketIOPackets
import Testing

@testable import SocketIOPeers

/// What a peer writes, another one reads.
@Suite struct PacketsTests {
  private static func json(_ text: String) throws -> JSONValue { try JSONValue(parsing: text) }

  private static func texts(_ packets: [OutgoingPacket], _ version: EngineIOVersion = .v4) -> [String] {
    packets.map { $0.text(version) }
  }

  @Test func textPacketsAreThoseOfTheProtocol() throws {
    #expect(Self.texts(SocketPacketWriter.packets(.connect, namespace: "/", payload: nil)) == ["40"])
    #expect(
      Self.texts(
        SocketPacketWriter.packets(.connect, namespace: "/chat", payload: try Self.json(#"{"a":1}"#)))
        == [#"40/chat,{"a":1}"#])
    #expect(
      Self.texts(
        SocketPacketWriter.packets(.event, namespace: "/", id: 7, payload: try Self.json(#"["say"]"#)))
        == [#"427["say"]"#])
    #expect(
      Self.texts(
        SocketPacketWriter.packets(
          .ack, namespace: "/chat", id: 7, payload: try Self.json(#"[{"_placeholder":true,"num":0}]"#),
          attachments: [[1, 2]]))
        == [#"461-/chat,7[{"_placeholder":true,"num":0}]"#, "bAQI="])
  }

  @Test func attachmentsAreBinaryOnWebSocketsAndBase64WhereTheClientAskedForIt() {
    let packet = OutgoingPacket.binary([1, 2])
    #expect(packet.message(.v4, wantsBase64: false) == .binary(ByteBuffer(bytes: [1, 2])))
    #expect(packet.message(.v3, wantsBase64: false) == .binary(ByteBuffer(bytes: [4, 1, 2])))
    #expect(packet.message(.v4, wantsBase64: true) == .text(ByteBuffer(string: "bAQI=")))
    #expect(packet.message(.v3, wantsBase64: true) == .text(ByteBuffer(string: "b4AQI=")))
  }

  @Test func bodiesSeparatePacketsOrCountUTF16() {
    let packets = [OutgoingPacket.text(.message, "2[\"ü😀\"]"), .text(.ping, "")]
    #expect(OutgoingPacket.body(packets, .v4) == ByteBuffer(string: "42[\"ü😀\"]\u{1E}2"))
    #expect(OutgoingPacket.body(packets, .v3) == ByteBuffer(string: "9:42[\"ü😀\"]1:2"))
  }

  private static func read(
    _ packets: [OutgoingPacket], _ version: EngineIOVersion, overPolling: Bool
  ) -> [PeerPacketReader.Arrival] {
    var reader = PeerPacketReader(version: version)
    if overPolling {
      let body = OutgoingPacket.body(packets, version)
      return body.withUnsafeReadableBytes { reader.bodyArrived($0, contentType: "text/plain;charset=UTF-8") }
    }
    return packets.compactMap { packet in
      switch packet.message(version, wantsBase64: false) {
      case .text(let text): text.withUnsafeReadableBytes { reader.messageArrived($0, isText: true) }
      case .binary(let bytes): bytes.withUnsafeReadableBytes { reader.messageArrived($0, isText: false) }
      }
    }
  }

  @Test(arguments: [EngineIOVersion.v3, .v4], [true, false])
  func aBinaryEventArrivesWhole(_ version: EngineIOVersion, _ overPolling: Bool) throws {
    let payload = try Self.json(#"["file",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]"#)
    let packets = SocketPacketWriter.packets(
      .event, namespace: "/chat", id: 12, payload: payload, attachments: [[], [0, 255, 30]])
    let arrivals = Self.read(packets, version, overPolling: overPolling)
    guard arrivals.count == 1, case .step(let step) = arrivals[0], case .emit(let emit) = step.kind else {
      Issue.record("\(arrivals)")
      return
    }
    #expect(step.namespace == "/chat" && emit.event == "file" && emit.id == "12")
    #expect(emit.payload.attachments == [[], [0, 255, 30]])
    #expect(emit.payload.value.array?.count == 2)
  }

  @Test func msgpackPacketsArriveAsTheyWereWritten() throws {
    let payload = try Self.json(
      #"["say",{"text":"ü","n":-3,"big":9007199254740993,"half":0.5,"no":null,"yes":true,"list":[1,[]],"long":"\#(String(repeating: "x", count: 300))"}]"#
    )
    let packet = MsgpackPacketWriter.packet(.event, namespace: "/chat", id: 3, payload: payload)
    let arrivals = Self.read([packet], .v4, overPolling: false)
    guard arrivals.count == 1, case .step(let step) = arrivals[0], case .emit(let emit) = step.kind else {
      Issue.record("\(arrivals)")
      return
    }
    #expect(step.namespace == "/chat" && emit.event == "say" && emit.id == "3")
    #expect(emit.payload.value[0] == payload[1])
  }

  @Test func aNumberMayBeTheNameOfAnEvent() throws {
    let packets = SocketPacketWriter.packets(.event, namespace: "/", payload: try Self.json("[17,1]"))
    guard case .step(let step)? = Self.read(packets, .v4, overPolling: false).first,
      case .emit(let emit) = step.kind
    else {
      Issue.record("no emit")
      return
    }
    #expect(emit.event == "17" && emit.eventIsNumber)
  }

  @Test func enginePacketsAreToldApart() {
    let kinds = Self.read(
      [.text(.open, "{}"), .text(.ping, "probe"), .text(.pong, ""), .text(.noop, ""), .text(.close, "")], .v4,
      overPolling: true
    ).map { arrival in
      switch arrival {
      case .open(let data): "open \(String(decoding: data, as: UTF8.self))"
      case .ping(let data): "ping \(data)"
      case .pong(let data): "pong \(data)"
      case .noop: "noop"
      case .close: "close"
      default: "other"
      }
    }
    #expect(kinds == ["open {}", "ping probe", "pong ", "noop", "close"])
  }

  @Test(arguments: ["", "9", "42", "42{", "42[\"a\""])
  func whatNobodyCanReadIsSaid(_ text: String) {
    var reader = PeerPacketReader(version: .v4)
    var text = text
    let arrival = text.withUTF8 { reader.messageArrived(UnsafeRawBufferPointer($0), isText: true) }
    guard case .unreadable(let reason)? = arrival else {
      Issue.record("\(String(describing: arrival))")
      return
    }
    #expect(!reason.isEmpty)
  }
}
