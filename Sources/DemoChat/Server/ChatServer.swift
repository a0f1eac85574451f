import NIOCore
import NIOPosix

/// The demo's chat server: Engine.IO 4 and Socket.IO protocol 5, by polling, by WebSocket, and with the upgrade
/// between them. Its faults are those of real chat servers, one event for each (``ChatApplication``).
package final class ChatServer: Sendable {
  /// How the server behaves; times are real time.
  package struct Configuration: Sendable {
    /// Between a pong and the next ping.
    package var pingInterval: TimeAmount = .seconds(25)
    /// How long a client may take to answer a ping.
    package var pingTimeout: TimeAmount = .seconds(20)
    /// How long a WebSocket may be tried before polling goes on without it.
    package var upgradeTimeout: TimeAmount = .seconds(10)
    /// What the onlooker takes for too late. Slow answers come after one and a half times that.
    package var ackTimeout: TimeAmount = .seconds(5)
    /// Bytes of one message or body; announced in the handshake. Longer ones end the session.
    package var maximumPayload = 100_000
    /// Packets of one POST body; a body with more is dropped, as python-engineio does (PROTOCOL.md A.4).
    package var maximumPacketsPerBody = 16

    package init() {}
  }

  private let channel: any Channel
  private let server: NIOLoopBound<EngineServer>
  private let loop: any EventLoop

  private init(channel: any Channel, server: NIOLoopBound<EngineServer>, loop: any EventLoop) {
    self.channel = channel
    self.server = server
    self.loop = loop
  }

  /// Starts a server on a loopback address.
  ///
  /// - Parameters:
  ///   - host: a loopback address; anything else is refused, for the demo is nobody else's business.
  ///   - port: 0 picks a free one.
  /// - Throws: `ChatServerError`, or what the system says against binding.
  package static func start(
    host: String = "127.0.0.1", port: Int = 0, group: any EventLoopGroup,
    configuration: Configuration = Configuration()
  ) async throws -> ChatServer {
    let address = try SocketAddress(ipAddress: host, port: port)
    guard host.hasPrefix("127.") || host == "::1" else { throw ChatServerError.notLoopback(host: host) }
    let loop = group.any()
    let server = try await loop.submit {
      let counts = EventCounts()
      let application = ChatApplication(configuration: configuration, counts: counts)
      return NIOLoopBound(
        EngineServer(configuration: configuration, loop: loop, application: application, counts: counts),
        eventLoop: loop)
    }.get()
    let channel = try await ServerBootstrap(group: loop)
      .serverChannelOption(.backlog, value: 256)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try server.value.accepted(channel) }
      }
      .bind(to: address).get()
    return ChatServer(channel: channel, server: server, loop: loop)
  }

  /// The port the server listens on.
  package var port: Int { channel.localAddress?.port ?? 0 }

  /// What the server counted so far, by event name.
  package func counts() async throws -> [String: EventCount] {
    try await loop.submit { self.server.value.counts.events }.get()
  }

  /// Stops listening, tells all clients, closes all connections; returns when nothing of it is left. Later calls do
  /// nothing more.
  package func stop() async {
    try? await channel.close().get()
    try? await loop.flatSubmit { self.server.value.stop() }.get()
  }
}

/// Why a chat server could not be started.
package enum ChatServerError: Error, CustomStringConvertible, Equatable {
  case notLoopback(host: String)

  package var description: String {
    switch self {
    case .notLoopback(let host): "the demo's chat server listens on loopback addresses only, not on \(host)"
    }
  }
}
