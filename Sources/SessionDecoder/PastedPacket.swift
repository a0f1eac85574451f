import CaptureFormat
import JSONText
import SocketIOPackets

/// The line that `ackscope decode` writes for a packet, or for an input that is refused.
package enum PastedPacket {
  /// The members of a `packet` record from `engine` on.
  ///
  /// - Parameter withEngine: false for layers below Engine.IO, where the members begin with `socket`.
  package static func line(
    _ packet: OneShotDecoder.Packet, version: EngineIOVersion, withEngine: Bool
  ) -> [UInt8] {
    // What people paste is theirs already: nothing is redacted.
    var encoder = RecordEncoder(redactor: Redactor(hash: KeyedHash(key: (0, 0)), isOn: false))
    if withEngine, let engine = packet.engine { encoder.member("engine", word: engine.name) }
    packet.bytes.withUnsafeBytes { bytes in
      if let socket = packet.socket {
        _ = encoder.socketMembers(socket, bytes)
        if socket.type.hasAttachments || !packet.attachments.isEmpty { encode(packet.attachments, &encoder) }
      } else if packet.isBinary {
        encoder.member("base64", base64: bytes)
      } else if packet.engine == .open {
        encoder.dataMember(bytes)
      } else if !bytes.isEmpty {
        encoder.member("text", brokenJSON: bytes)
      }
    }
    encoder.member("bytes", packet.wireBytes)
    if let parser = packet.socket?.parser, parser != .text { encoder.parserMember(parser) }
    if version == .v3, withEngine { encoder.member("eio", 3) }
    return [0x7B] + encoder.bytes.dropFirst() + [0x7D, 0x0A]
  }

  /// `{"error":"reason","offset":n}`
  package static func line(_ refusal: PacketRefusal) -> [UInt8] {
    var sink = ByteSink()
    sink.append("{\"error\":" as StaticString)
    sink.append(jsonString: refusal.reason.text)
    sink.append(",\"offset\":" as StaticString)
    sink.append(decimal: refusal.offset)
    sink.append("}\n" as StaticString)
    return Array(sink.bytes)
  }

  private static func encode(_ attachments: [[UInt8]], _ encoder: inout RecordEncoder) {
    encoder.member("attachments")
    encoder.raw("[")
    for (index, attachment) in attachments.enumerated() {
      if index > 0 { encoder.raw(",") }
      attachment.withUnsafeBytes { encoder.element(base64: $0) }
    }
    encoder.raw("]")
  }
}
