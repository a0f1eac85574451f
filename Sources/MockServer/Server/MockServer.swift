import NIOCore
import NIOPosix
import RecordedSessions

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The server for clients that have none: answers as the recorded server did, by polling, by WebSocket, and with the upgrade
/// between them, for Engine.IO 3 and 4.
package final class MockServer: Sendable {
  /// Why a mock cannot listen, in one line.
  package struct CannotListen: Error, Equatable {
    package var explanation: String
  }

  private let channel: any Channel
  private let engine: NIOLoopBound<MockEngine>
  private let loop: any EventLoop

  private init(channel: any Channel, engine: NIOLoopBound<MockEngine>, loop: any EventLoop) {
    self.channel = channel
    self.engine = engine
    self.loop = loop
  }

  /// Starts to listen.
  ///
  /// - Parameters:
  ///   - port: 0 picks a free one.
  ///   - complain: called with a line for each thing that had no answer.
  package static func start(
    host: String, port: Int, recording: Recording, options: MockOptions, group: any EventLoopGroup,
    complain: @escaping @Sendable (String) -> Void
  ) async throws -> MockServer {
    let loop = group.any()
    let engine = try await loop.submit {
      NIOLoopBound(
        MockEngine(recording: recording, options: options, loop: loop, complain: complain), eventLoop: loop)
    }.get()
    do {
      let channel = try await ServerBootstrap(group: loop)
        .serverChannelOption(.backlog, value: 1024)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        .childChannelOption(.allowRemoteHalfClosure, value: true)
        .childChannelInitializer { channel in
          channel.eventLoop.makeCompletedFuture { try engine.value.accepted(channel) }
        }
        .bind(host: host, port: port).get()
      return MockServer(channel: channel, engine: engine, loop: loop)
    } catch {
      throw CannotListen(
        explanation:
          "cannot listen on \(host):\(port): \(words(for: error)); choose another with --listen HOST:PORT")
    }
  }

  private static func words(for error: any Error) -> String {
    switch error {
    case let error as IOError:
      switch error.errnoCode {
      case EADDRINUSE: "the port is in use"
      case EADDRNOTAVAIL: "no interface of this machine has that address"
      default: String(cString: strerror(error.errnoCode))
      }
    case is NIOConnectionError: "the name has no address"
    default: String(describing: error)
    }
  }

  /// The address it listens on, `host:port`.
  package var address: String {
    guard let address = channel.localAddress, let host = address.ipAddress else { return "?" }
    return (host.contains(":") ? "[\(host)]" : host) + ":\(address.port ?? 0)"
  }

  /// What was answered so far.
  package func outcome() async throws -> MockOutcome {
    try await loop.submit {
      let script = self.engine.value.script
      return MockOutcome(answered: script.answered, unanswered: script.unanswered)
    }.get()
  }

  /// Stops listening, tells all clients, closes all connections; returns when nothing of it is left.
  package func stop() async {
    try? await channel.close().get()
    try? await loop.flatSubmit { self.engine.value.stop() }.get()
  }
}
