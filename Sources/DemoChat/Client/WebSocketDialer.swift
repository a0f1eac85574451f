import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket

/// Opens WebSockets for clients.
enum WebSocketDialer {
  /// Longest message accepted, in bytes.
  static let maximumMessage = 16 << 20

  /// Opens a WebSocket; the link's channel lives on `loop`, where this is called.
  ///
  /// - Parameter prepare: called with the link before anything that came behind the 101 is read: packets that arrive
  ///   while no one is attached to the link are gone.
  static func dial(
    host: String, port: Int, target: String, loop: any EventLoop, prepare: @escaping (WebSocketLink) -> Void
  ) -> EventLoopFuture<NIOLoopBound<WebSocketLink>> {
    let prepare = NIOLoopBound(prepare, eventLoop: loop)
    let opened = loop.makePromise(of: NIOLoopBound<WebSocketLink>.self)
    ClientBootstrap(group: loop)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let upgrader = NIOTypedWebSocketClientUpgrader<NIOLoopBound<WebSocketLink>>(
            maxFrameSize: maximumMessage,
            upgradePipelineHandler: { channel, _ in
              channel.eventLoop.makeCompletedFuture {
                let link = WebSocketLink(role: .client)
                try channel.pipeline.syncOperations.addHandlers(
                  NIOWebSocketFrameAggregator(
                    minNonFinalFragmentSize: 0, maxAccumulatedFrameCount: 4096,
                    maxAccumulatedFrameSize: maximumMessage), link)
                prepare.value(link)
                return NIOLoopBound(link, eventLoop: channel.eventLoop)
              }
            })
          let head = HTTPRequestHead(
            version: .http1_1, method: .GET, uri: target,
            headers: ["host": "\(host):\(port)"])
          let upgrade = NIOTypedHTTPClientUpgradeConfiguration(
            upgradeRequestHead: head, upgraders: [upgrader],
            notUpgradingCompletionHandler: { channel in
              channel.close(promise: nil)
              return channel.eventLoop.makeFailedFuture(ChatClientError.upgradeRefused)
            })
          var configuration = NIOUpgradableHTTPClientPipelineConfiguration(upgradeConfiguration: upgrade)
          // The server's first frames often come in one read with the 101.
          configuration.leftOverBytesStrategy = .forwardBytes
          try channel.pipeline.syncOperations
            .configureUpgradableHTTPClientPipeline(configuration: configuration).cascade(to: opened)
        }
      }
      .connect(host: host, port: port)
      .whenFailure { opened.fail(ChatClientError.unreachable(host: host, port: port, error: $0)) }
    return opened.futureResult
  }
}
