import SocketIOPeers

/// Why a client of the demo could not go on.
package enum ChatClientError: Error, Sendable, Equatable, CustomStringConvertible {
  /// Nobody answers at that address; `reason` is the system's.
  case unreachable(host: String, port: Int, reason: String)
  /// The Engine.IO handshake got another answer than the open packet.
  case handshakeRefused(status: Int, body: String)
  /// The WebSocket handshake got another answer than 101.
  case upgradeRefused
  /// The namespace refused the client.
  case namespaceRefused(namespace: String, message: String)
  case connectionEnded
  /// Somebody accepted the connection and then said nothing for ten seconds.
  case noAnswer

  /// The same error in the words of the demo, where it is about a connection.
  static func translated(_ error: any Error) -> any Error {
    switch error {
    case PeerConnectionError.unreachable(let host, let port, let reason):
      ChatClientError.unreachable(host: host, port: port, reason: reason)
    case PeerConnectionError.upgradeRefused: ChatClientError.upgradeRefused
    case PeerConnectionError.connectionEnded: ChatClientError.connectionEnded
    default: error
    }
  }

  package var description: String {
    switch self {
    case .unreachable(let host, let port, let reason): "cannot connect to \(host):\(port): \(reason)"
    case .handshakeRefused(let status, let body):
      "the Engine.IO handshake was refused with \(status): \(body)"
    case .upgradeRefused: "the WebSocket handshake was refused"
    case .namespaceRefused(let namespace, let message): "namespace \(namespace) was refused: \(message)"
    case .connectionEnded: "the connection ended"
    case .noAnswer: "the connection was accepted but the server does not answer"
    }
  }
}
