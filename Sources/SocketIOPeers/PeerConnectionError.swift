import NIOCore
import NIOPosix
import OutgoingTLS

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

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
    return .unreachable(host: host, port: port, reason: words(for: error))
  }

  private static func words(for error: any Error) -> String {
    switch error {
    case let error as IOError: String(cString: strerror(error.errnoCode))
    case let error as NIOConnectionError:
      error.connectionErrors.first.map { words(for: $0.error) } ?? "the name has no address"
    case let error as TLSHandshake.Failed: error.explanation
    case ChannelError.connectTimeout: "no answer in time"
    default: String(describing: error)
    }
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
