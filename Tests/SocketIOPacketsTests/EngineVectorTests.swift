import JSONText
import Testing

@testable import SocketIOPackets

@Suite struct EngineVectorTests {
  @Test(arguments: WireVector.of("eio4-ws")) func revision4MessagesDecodeLikeTheReferenceParser(
    _ vector: WireVector
  ) {
    checkMessage(vector, .v4)
  }

  @Test(arguments: WireVector.of("eio3-ws")) func revision3MessagesDecodeLikeTheReferenceParser(
    _ vector: WireVector
  ) {
    checkMessage(vector, .v3)
  }

  @Test(arguments: WireVector.of("eio4-polling")) func revision4BodiesDecodeLikeTheReferenceParser(
    _ vector: WireVector
  ) {
    checkBody(vector, .v4)
  }

  @Test(arguments: WireVector.of("eio3-polling")) func revision3BodiesDecodeLikeTheReferenceParser(
    _ vector: WireVector
  ) {
    checkBody(vector, .v3)
  }

  private func checkMessage(_ vector: WireVector, _ version: EngineIOVersion) {
    withBytes(vector.input) { bytes in
      let isText = vector.json["opcode"]?.string == "text"
      do throws(PacketRefusal) {
        let packet = try EngineIO.packet(ofMessage: bytes, isText: isText, version: version)
        #expect(!vector.isRefused)
        if let expected = vector.expected { compare(packet, in: bytes, expected) }
      } catch {
        #expect(vector.isRefused, "refused: \(error.reason.text)")
        #expect(error.refusedBy.contains(.newestJavaScript))
      }
    }
  }

  private func checkBody(_ vector: WireVector, _ version: EngineIOVersion) {
    withBytes(vector.input) { bytes in
      let isBinary = PollingPayload.isBinaryForm(
        contentType: vector.json["content_type"]?.string, body: bytes)
      let payload = PollingPayload(body: bytes, version: version, isBinary: isBinary)
      #expect((payload.refusal != nil) == vector.isRefused, "\(String(describing: payload.refusal))")
      let list =
        vector.isRefused ? vector.json["expect_before_error"]?["packets"] : vector.expected?["packets"]
      // JavaScript delivers the half of a surrogate pair before it fails; a slice cannot hold one.
      let wanted = (list?.array ?? []).filter { $0["text"]?["$utf16"] == nil }
      #expect(payload.packets.count == wanted.count)
      for (packet, expected) in zip(payload.packets, wanted) { compare(packet, in: bytes, expected) }
    }
  }

  private func compare(_ packet: EnginePacket, in bytes: UnsafeRawBufferPointer, _ wanted: JSONValue) {
    #expect(packet.type.map { "\($0.name)" } == wanted["type"]?.string)
    let payload = UnsafeRawBufferPointer(rebasing: bytes[packet.payload])
    if let encoded = wanted["b64"]?.string {
      #expect(packet.isBinary)
      if packet.isBase64 {
        var sink = ByteSink()
        Base64.decode(payload, into: &sink)
        #expect(Array(sink.bytes) == base64(encoded))
      } else {
        #expect(Array(payload) == base64(encoded))
      }
    } else {
      #expect(!packet.isBinary)
      #expect(String(decoding: payload, as: UTF8.self) == wanted["text"]?.string ?? "")
    }
  }
}
