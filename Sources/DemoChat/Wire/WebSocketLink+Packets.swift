import NIOCore
import SocketIOPeers

// Engine.IO packets as WebSocket messages (PROTOCOL.md A.3).

extension EnginePacket {
  /// The message that carries the packet.
  var message: WebSocketMessage {
    switch self {
    case .binary(let bytes): .binary(ByteBuffer(bytes: bytes))
    default: .text(ByteBuffer(string: text))
    }
  }

  /// Reads a message; nil where it is no packet.
  init?(message: WebSocketMessage) {
    switch message {
    case .text(let text): self.init(text: String(buffer: text))
    case .binary(let bytes): self = .binary(Array(bytes.readableBytesView))
    }
  }
}

extension WebSocketLink {
  /// Sends packets in order, with one flush. Ignored once closing.
  func send(_ packets: [EnginePacket]) { send(packets.map(\.message)) }

  /// Calls `handle` with each packet from now on, or with nil for a message that is none.
  func packetsArrive(at handle: @escaping (EnginePacket?) -> Void) {
    messageArrived = { handle(EnginePacket(message: $0)) }
  }
}
