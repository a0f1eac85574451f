import NIOPosix

/// Why a client has no connection, or no longer one.
package enum PeerConnectionError: Error, Sendable, Equatable, CustomStringConvertible {
  /// Nobody answers at that address; `reason` is the system's.
  case unreachable(host: String, port: Int, reason: String)
  /// The WebSocket handshake got another answer than 101; `body` is its beginning.
  case upgradeRefused(status: Int, body: String)
  /// The connection ended before the answer.
  case connectionEnded

  static func unreachable(host: String, port: Int, error: any Error) -> PeerConnectionError {
    if let known = error as? PeerConnectionError { return known }
    let cause = (error as? NIOConnectionError)?.connectionErrors.first?.error ?? error
    return .unreachable(host: host, port: port, reason: String(describing: cause))
  }

  package var description: String {
    switch self {
    case .unreachable(let host, let port, let reason): "cannot connect to \(host):\(port): \(reason)"
    case .upgradeRefused(let status, let body):
      "the WebSocket handshake was refused with \(status)" + (body.isEmpty ? "" : ": \(body)")
    case .connectionEnded: "the connection ended"
    }
  }
}
