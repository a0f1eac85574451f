import NIOCore
import NIOPosix
import OutgoingTLS

/// Connects a client with its server, as far as HTTP can begin: TCP, and TLS where it is spoken.
enum PeerDialer {
  /// How long a TLS handshake may take.
  private static let patience = TimeAmount.seconds(10)

  /// - Parameters:
  ///   - tls: how TLS is spoken; nil for plain TCP.
  ///   - prepare: puts the handlers onto the channel, on `loop`, before anything of the server is read for them; it gets what
  ///     will know of trouble in TLS.
  /// - Returns: the channel; fails with `PeerConnectionError`.
  static func connect<Value>(
    host: String, port: Int, tls: UpstreamTLS?, loop: any EventLoop,
    prepare: @escaping (any Channel, TLSTrouble?) throws -> Value
  ) -> EventLoopFuture<Value> {
    let prepare = NIOLoopBound(prepare, eventLoop: loop)
    return ClientBootstrap(group: loop)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelOption(.autoRead, value: false)
      .connect(host: host, port: port)
      .flatMap { channel in
        guard let tls else { return loop.makeSucceededFuture(channel) }
        return TLSHandshake.perform(on: channel, tls, host: host, within: patience)
      }
      .assumeIsolated()
      .flatMapThrowing { channel in
        do {
          let trouble = tls.map(TLSTrouble.init)
          if let trouble { try channel.pipeline.syncOperations.addHandler(trouble) }
          let value = try prepare.value(channel, trouble)
          try channel.syncOptions?.setOption(.autoRead, value: true)
          return value
        } catch {
          channel.close(promise: nil)
          throw error
        }
      }
      .flatMapErrorThrowing { throw PeerConnectionError.unreachable(host: host, port: port, error: $0) }
      .nonisolated()
  }
}
