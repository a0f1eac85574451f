/// One Engine.IO packet of protocol 4, apart from how a transport carries it (PROTOCOL.md A.2).
package enum EnginePacket: Sendable, Equatable {
  /// The handshake, a JSON object; server to client.
  case open(String)
  case close
  /// A heartbeat (server to client), or `probe` on a transport being tried (client to server).
  case ping(String)
  case pong(String)
  /// A Socket.IO packet in text form.
  case message(String)
  /// One attachment of the Socket.IO packet before it.
  case binary([UInt8])
  case upgrade
  case noop

  /// Reads the text form; nil where the first character is no packet type, or binary is not base64.
  package init?(text: String) {
    let rest = String(decoding: text.utf8.dropFirst(), as: UTF8.self)
    switch text.utf8.first {
    case 0x30: self = .open(rest)
    case 0x31: self = .close
    case 0x32: self = .ping(rest)
    case 0x33: self = .pong(rest)
    case 0x34: self = .message(rest)
    case 0x35: self = .upgrade
    case 0x36: self = .noop
    case 0x62:
      guard let bytes = Base64Text.decode(rest.utf8) else { return nil }
      self = .binary(bytes)
    default: return nil
    }
  }

  /// The text form; an attachment becomes `b` and base64, as polling wants it (PROTOCOL.md A.4).
  package var text: String {
    switch self {
    case .open(let handshake): "0" + handshake
    case .close: "1"
    case .ping(let data): "2" + data
    case .pong(let data): "3" + data
    case .message(let data): "4" + data
    case .binary(let bytes): "b" + Base64Text.encode(bytes)
    case .upgrade: "5"
    case .noop: "6"
    }
  }
}
