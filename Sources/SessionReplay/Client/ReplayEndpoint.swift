import NIOCore
import OutgoingTLS
import SocketIOPeers

/// The server that is played against.
package struct ReplayEndpoint: Sendable {
  package var host: String
  package var port: Int
  /// Put before each path; empty, or begins with `/` and does not end with one.
  package var pathPrefix: String
  /// The value of the Host field.
  package var hostField: String
  /// How TLS is spoken to it; nil for plain connections.
  package var tls: UpstreamTLS?
  /// What a page from that server has for its Origin (RFC 6454 §6.2).
  package var origin: String

  package init(
    host: String, port: Int, pathPrefix: String = "", hostField: String, tls: UpstreamTLS? = nil,
    origin: String? = nil
  ) {
    self.tls = tls
    self.origin = origin ?? (tls == nil ? "http://" : "https://") + hostField
    self.host = host
    self.port = port
    self.pathPrefix = pathPrefix
    self.hostField = hostField
  }

  /// Connects, and leaves at once; returns why the server cannot be reached, or nil.
  package func reach(on loop: any EventLoop) async -> String? {
    do {
      try await loop.flatSubmit {
        HTTPClientConnection.open(host: host, port: port, tls: tls, loop: loop).flatMap { connection in
          connection.value.close() ?? loop.makeSucceededVoidFuture()
        }
      }.get()
      return nil
    } catch {
      return "\(error)"
    }
  }
}

/// What a client asks for when it opens its session.
struct ClientHandshake {
  var version = 4
  var startsPolling = false
  var wantsBase64 = false
  /// The path with the server's prefix.
  var path = "/socket.io/"
  /// Percent-encoded.
  var query: [(name: String, value: String)] = []
  var headers: [(name: String, value: String)] = []
  var subprotocols: [String] = []
  /// What is offered of permessage-deflate.
  var compressionOffer: String?

  /// The target of a request on this transport.
  func target(_ transport: String, sid: String?) -> String {
    var target = "\(path)?EIO=\(version)&transport=\(transport)"
    if wantsBase64 { target += "&b64=1" }
    for member in query { target += "&\(member.name)=\(member.value)" }
    if let sid { target += "&sid=\(sid)" }
    return target
  }

  /// The fields of a WebSocket handshake.
  var webSocketHeaders: [(name: String, value: String)] {
    subprotocols.isEmpty
      ? headers : headers + [("Sec-WebSocket-Protocol", subprotocols.joined(separator: ", "))]
  }
}
