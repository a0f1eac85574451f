import JSONText
import NIOCore
import SocketIOPackets

/// One Engine.IO packet that a peer sends.
package enum OutgoingPacket {
  /// A text packet of a type, with its data.
  case text(EnginePacketType, String)
  /// An attachment.
  case binary([UInt8])

  /// The message that carries it on a WebSocket (PROTOCOL.md A.3, A.5).
  package func message(_ version: EngineIOVersion, wantsBase64: Bool) -> WebSocketMessage {
    switch self {
    case .text: return .text(ByteBuffer(string: text(version)))
    case .binary where wantsBase64: return .text(ByteBuffer(string: text(version)))
    case .binary(let bytes):
      var buffer = ByteBuffer()
      if version == .v3 { buffer.writeInteger(EnginePacketType.message.rawValue) }
      buffer.writeBytes(bytes)
      return .binary(buffer)
    }
  }

  /// The text form, as polling bodies have it (PROTOCOL.md A.4, A.6).
  package func text(_ version: EngineIOVersion) -> String {
    switch self {
    case .text(let type, let data): return "\(type.rawValue)\(data)"
    case .binary(let bytes):
      var sink = ByteSink(capacity: bytes.count / 3 * 4 + 8)
      sink.append(version == .v3 ? "b4" as StaticString : "b")
      bytes.withUnsafeBytes { sink.append(base64: $0) }
      return String(decoding: sink.bytes, as: UTF8.self)
    }
  }

  /// The polling body with these packets.
  package static func body(_ packets: [OutgoingPacket], _ version: EngineIOVersion) -> ByteBuffer {
    let texts = packets.map { $0.text(version) }
    switch version {
    case .v4: return ByteBuffer(string: texts.joined(separator: "\u{1E}"))
    // Lengths are counted in UTF-16 code units.
    case .v3: return ByteBuffer(string: texts.map { "\($0.utf16.count):\($0)" }.joined())
    }
  }
}
