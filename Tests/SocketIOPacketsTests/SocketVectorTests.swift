import JSONText
import Testing

@testable import SocketIOPackets

@Suite struct SocketVectorTests {
  @Test(arguments: WireVector.of("sio5")) func revision5DecodesLikeTheReferenceParser(_ vector: WireVector) {
    guard vector.name != "sio5-empty" else { return }
    check(vector, decode([(true, vector.input)] + vector.followers, parser: .text))
  }

  @Test(arguments: WireVector.of("sio4")) func revision4DecodesLikeTheReferenceParser(_ vector: WireVector) {
    guard vector.name != "sio4-type7" else { return }
    check(vector, decode([(true, vector.input)] + vector.followers, revision: .four, parser: .text))
  }

  @Test(arguments: WireVector.of("msgpack")) func msgpackDecodesLikeTheReferenceParser(_ vector: WireVector) {
    check(vector, decode([(false, vector.input)], parser: .msgpack))
  }

  /// The vector `sio5-empty`: the parser alone takes an empty text for a CONNECT. From Engine.IO it cannot come, so
  /// the stream refuses it.
  @Test func emptyTextIsConnectToTheParserAndNoDataToTheStream() throws {
    var packet = SocketPacket()
    _ = try TextPacketReader.read(
      UnsafeRawBufferPointer(start: nil, count: 0), revision: .five, isWhole: true, into: &packet)
    #expect(packet == SocketPacket())
    #expect(decode(text: "").refusals.map(\.reason) == [.emptyMessage])
  }

  /// The vector `sio4-type7`: the revision 4 decoder makes an ERROR packet up locally. Nothing of it is on the wire,
  /// so it is refused here, by nobody who would close the connection.
  @Test func unknownTypeIsNotFatalInRevision4() {
    let outcome = decode(text: "7[\"a\"]", revision: .four)
    #expect(outcome.refusals == [PacketRefusal(.unknownPacketType, at: 0, by: [])])
  }

  private func check(_ vector: WireVector, _ outcome: StreamOutcome) {
    if vector.isRefused {
      #expect(outcome.isRefused)
      let before = vector.json["expect_before_error"]?["packets"]?.array ?? []
      if !before.isEmpty { compare(outcome.packets, before) }
      return
    }
    guard let expected = vector.expected else {
      Issue.record("neither expectation nor error")
      return
    }
    #expect(!outcome.isRefused)
    if let list = expected["packets"]?.array {
      compare(outcome.packets, list)
    } else {
      compare(outcome.packets, [expected])
    }
    if let first = outcome.packets.first {
      if let type = expected["wire_type"]?.integer { #expect(Int(first.packet.type.rawValue) == type) }
      if let count = expected["attachment_count"]?.integer { #expect(first.packet.attachmentCount == count) }
    }
  }

  private func compare(_ packets: [DecodedPacket], _ expected: [JSONValue]) {
    #expect(packets.count == expected.count)
    for (packet, wanted) in zip(packets, expected) { compare(packet, wanted) }
  }

  private func compare(_ decoded: DecodedPacket, _ wanted: JSONValue) {
    let type = decoded.packet.type
    // Revision 5 decoders report binary types as the plain ones.
    let plainType = type == .binaryEvent ? 2 : type == .binaryAck ? 3 : Int(type.rawValue)
    #expect([plainType, Int(type.rawValue)].contains(wanted["type"]?.integer))
    #expect(decoded.namespace == wanted["nsp"]?.string)
    compareIDs(decoded, wanted["id"])
    let data = decoded.data
    let undefined =
      decoded.packet.parser == .msgpack ? JSONValue.null : .object([("$undefined", .boolean(true))])
    if let wantedData = wanted["data"].map({ plain($0, undefined: undefined) }) {
      #expect(data == wantedData, "\(data?.text ?? "nil") is not \(wantedData.text)")
      if type.isEvent || type.isAck { #expect(decoded.dataFromParts == wantedData) }
    } else {
      #expect(data == nil)
    }
  }

  private func compareIDs(_ decoded: DecodedPacket, _ wanted: JSONValue?) {
    guard let wanted, !wanted.isNull else {
      #expect(decoded.id == nil)
      return
    }
    // JavaScript rounds what has more than 53 bits; here the digits stay.
    guard let number = wanted.number, let value = Double(number), value < 9_007_199_254_740_992 else {
      #expect(decoded.id.flatMap { Double($0) } == wanted.number.flatMap { Double($0) })
      return
    }
    #expect(decoded.id == number)
    #expect(decoded.packet.id == AckID(UInt64(value)))
  }

  /// The vectors' notation for what JSON cannot say, as this decoder says it: undefined is null in msgpack, and
  /// nothing at all behind a placeholder whose index is a fraction.
  private func plain(_ value: JSONValue, undefined: JSONValue) -> JSONValue {
    switch value {
    case .array(let elements): return .array(elements.map { plain($0, undefined: undefined) })
    case .object(let members):
      if value["$date"]?.integer == 1_000_000_000_000 { return .string("2001-09-09T01:46:40.000Z") }
      if value["$undefined"] != nil, members.count == 1 { return undefined }
      if value["$utf16"] != nil { return .string("\u{FFFD}") }
      return .object(members.map { ($0.name, plain($0.value, undefined: undefined)) })
    default: return value
    }
  }
}
