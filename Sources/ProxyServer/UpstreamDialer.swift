import NIOCore
import NIOPosix
import OutgoingTLS

/// Sets up the upstream leg as far as HTTP can begin: TCP, another proxy where one stands in between, and TLS where the
/// address asks for it.
struct UpstreamDialer: Sendable {
  let limits: ProxyLimits
  /// Where no upstream speaks TLS, nil.
  let tls: UpstreamTLS?
  let proxy: UpstreamProxy?
  /// Where this proxy listens, once it does.
  let own: OwnAddress

  /// Why an upstream is not gone to.
  struct IsTheProxyItself: Error {}

  /// - Parameter via: the proxies that the client's request came through, as it says itself.
  /// - Returns: a channel on that loop that reads nothing by itself; fails with what `ProxiedConnection.explain` has
  ///   words for.
  func dial(_ address: UpstreamAddress, via: [String], on loop: any EventLoop) -> EventLoopFuture<any Channel>
  {
    dialPlain(address, via: via, on: loop).assumeIsolated().flatMap { channel in
      secure(channel, address)
    }.nonisolated()
  }

  /// The same without TLS, whatever the address says.
  func dialPlain(_ address: UpstreamAddress, via: [String], on loop: any EventLoop) -> EventLoopFuture<
    any Channel
  > {
    let (host, port) = proxy.map { ($0.host, $0.port) } ?? (address.host, address.port)
    return connect(host: host, port: port, on: loop).assumeIsolated().flatMap { channel in
      if own.isReached(by: channel.remoteAddress) {
        channel.close(promise: nil)
        return channel.eventLoop.makeFailedFuture(IsTheProxyItself())
      }
      guard let proxy else { return channel.eventLoop.makeSucceededFuture(channel) }
      return ConnectAnswer.ask(
        proxy.request(host: address.host, port: address.port, via: via + ["1.1 \(own.mark)"]), on: channel,
        within: limits.handshakeTimeout)
    }.nonisolated()
  }

  private func secure(_ channel: any Channel, _ address: UpstreamAddress) -> EventLoopFuture<any Channel> {
    guard address.usesTLS else { return channel.eventLoop.makeSucceededFuture(channel) }
    guard let tls else {
      channel.close(promise: nil)
      return channel.eventLoop.makeFailedFuture(TLSHandshake.Failed(explanation: "TLS is not set up"))
    }
    return TLSHandshake.perform(
      on: channel, tls, host: address.serverName ?? address.host, within: limits.handshakeTimeout)
  }

  private func connect(host: String, port: Int, on loop: any EventLoop) -> EventLoopFuture<any Channel> {
    let bootstrap = ClientBootstrap(group: loop)
      .connectTimeout(limits.connectTimeout)
      .channelOption(.autoRead, value: false)
      .channelOption(.maxMessagesPerRead, value: 1)
      .channelOption(.allowRemoteHalfClosure, value: true)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
    return if let literal = try? SocketAddress(ipAddress: host, port: port) {
      bootstrap.connect(to: literal)
    } else {
      bootstrap.connect(host: host, port: port)
    }
  }
}
