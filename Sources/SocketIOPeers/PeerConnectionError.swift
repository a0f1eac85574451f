import OutgoingTLS

/// Why a client has no connection, or no longer one.
package enum PeerConnectionError: Error, Sendable, Equatable, CustomStringConvertible {
  /// Nobody answers at that address; `reason` is the system's.
  case unreachable(host: String, port: Int, reason: String)
  /// The WebSocket handshake got another answer than 101; `body` is its beginning.
  case upgradeRefused(status: Int, body: String)
  /// The WebSocket handshake was granted in a way that a client must not take (RFC 6455 §4.1).
  case upgradeInvalid(reason: String)
  /// The server has the request, and is silent.
  case noAnswer
  /// The connection ended before the answer.
  case connectionEnded

  static func unreachable(host: String, port: Int, error: any Error) -> PeerConnectionError {
    if let known = error as? PeerConnectionError { return known }
    return .unreachable(host: host, port: port, reason: ConnectionWords.explain(error) ?? "\(error)")
  }

  package var description: String {
    switch self {
    case .unreachable(let host, let port, let reason): "cannot connect to \(host):\(port): \(reason)"
    case .upgradeRefused(let status, let body):
      "the WebSocket handshake was refused with \(status)" + (body.isEmpty ? "" : ": \(body)")
    case .upgradeInvalid(let reason): "the server's WebSocket handshake is not valid: \(reason)"
    case .noAnswer: "the server did not answer in time"
    case .connectionEnded: "the connection ended"
    }
  }
}
