import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket

/// Sets up the channels of a server: HTTP/1.1 with long-polling, and the upgrade to a WebSocket.
package enum PeerServerChannel {
  /// Sets up a channel that was accepted; called on its event loop.
  ///
  /// - Parameters:
  ///   - maximumMessage: bytes of one WebSocket message; longer ones are closed with 1009.
  ///   - patience: how long a connection may be silent.
  ///   - endpoint: answers HTTP requests, those for a WebSocket that was not granted included; leaves with the upgrade.
  ///   - isWelcome: whether a request for a WebSocket is granted.
  ///   - opened: takes the link of one that was, before anything is read from it.
  package static func configure(
    _ channel: any Channel, maximumMessage: Int, patience: TimeAmount,
    endpoint: some ChannelInboundHandler & RemovableChannelHandler,
    isWelcome: @escaping (HTTPRequestHead) -> Bool,
    opened: @escaping (WebSocketLink, HTTPRequestHead) -> Void
  ) throws {
    let decision = NIOLoopBound(isWelcome, eventLoop: channel.eventLoop)
    let receiver = NIOLoopBound(opened, eventLoop: channel.eventLoop)
    let leave = NIOLoopBound(
      { (pipeline: ChannelPipeline.SynchronousOperations) in
        pipeline.removeHandler(endpoint, promise: nil)
      }, eventLoop: channel.eventLoop)
    let upgrader = NIOWebSocketServerUpgrader(
      maxFrameSize: maximumMessage,
      // The link answers errors itself.
      automaticErrorHandling: false,
      shouldUpgrade: { channel, head in
        channel.eventLoop.makeSucceededFuture(decision.value(head) ? HTTPHeaders() : nil)
      },
      upgradePipelineHandler: { channel, head in
        channel.eventLoop.makeCompletedFuture {
          let link = WebSocketLink(role: .server, maximumMessage: maximumMessage)
          try channel.pipeline.syncOperations.addHandler(link)
          receiver.value(link, head)
        }
      })
    let pipeline = channel.pipeline.syncOperations
    try pipeline.addHandler(IdleStateHandler(allTimeout: patience))
    try pipeline.configureHTTPServerPipeline(
      withPipeliningAssistance: true,
      withServerUpgrade: (
        upgraders: [upgrader],
        completionHandler: { context in leave.value(context.pipeline.syncOperations) }
      ),
      withErrorHandling: true)
    try pipeline.addHandler(endpoint)
  }
}
