import NIOCore
import NIOHTTP1
import NIOWebSocket
import OutgoingTLS
import WebSocketFrames

/// Opens WebSockets for clients.
package enum WebSocketDialer {
  /// Longest message accepted, in bytes.
  package static let maximumMessage = 16 << 20

  /// Opens a WebSocket; the link's channel lives on `loop`, where this is called.
  ///
  /// - Parameters:
  ///   - hostField: the value of the Host field; by default host and port.
  ///   - headers: fields of the request besides those of the handshake itself.
  ///   - offer: the value of Sec-WebSocket-Extensions: offers of permessage-deflate, of which the server takes one or none.
  ///   - tls: how TLS is spoken; nil for a plain connection.
  ///   - prepare: called with the link before anything that came behind the 101 is read: packets that arrive
  ///     while no one is attached to the link are gone.
  package static func dial(
    host: String, port: Int, hostField: String? = nil, target: String,
    headers: [(name: String, value: String)] = [], offer: String? = nil, tls: UpstreamTLS? = nil,
    loop: any EventLoop, prepare: @escaping (WebSocketLink) -> Void
  ) -> EventLoopFuture<NIOLoopBound<WebSocketLink>> {
    var head = HTTPRequestHead(
      version: .http1_1, method: .GET, uri: target, headers: ["host": hostField ?? "\(host):\(port)"])
    for field in headers { head.headers.add(name: field.name, value: field.value) }
    if let offer { head.headers.add(name: "sec-websocket-extensions", value: offer) }
    let request = head
    let prepare = NIOLoopBound(prepare, eventLoop: loop)
    let opened = loop.makePromise(of: NIOLoopBound<WebSocketLink>.self)
    PeerDialer.connect(host: host, port: port, tls: tls, loop: loop) { channel, trouble in
      let upgrader = NIOTypedWebSocketClientUpgrader<NIOLoopBound<WebSocketLink>?>(
        maxFrameSize: maximumMessage,
        upgradePipelineHandler: { channel, answer in
          channel.eventLoop.makeCompletedFuture {
            let link = WebSocketLink(
              role: .client, maximumMessage: maximumMessage,
              compression: try Self.compression(answer.headers, offer: offer))
            try channel.pipeline.syncOperations.addHandler(link)
            prepare.value(link)
            return NIOLoopBound(link, eventLoop: channel.eventLoop)
          }
        })
      let upgrade = NIOTypedHTTPClientUpgradeConfiguration(
        upgradeRequestHead: request, upgraders: [upgrader],
        notUpgradingCompletionHandler: { channel in
          // The answer reaches handlers only after this has completed: they fail what the caller waits for.
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(RefusedUpgrade(opened))
            return nil
          }
        })
      var configuration = NIOUpgradableHTTPClientPipelineConfiguration(upgradeConfiguration: upgrade)
      // The server's first frames often come in one read with the 101.
      configuration.leftOverBytesStrategy = .forwardBytes
      try channel.pipeline.syncOperations
        .configureUpgradableHTTPClientPipeline(configuration: configuration)
        .assumeIsolated()
        .whenComplete { result in
          switch result {
          case .success(let link): if let link { opened.succeed(link) }
          case .failure(let error):
            opened.fail(
              trouble?.explanation.map {
                PeerConnectionError.unreachable(host: host, port: port, reason: $0)
              } ?? error)
            channel.close(promise: nil)
          }
        }
    }.whenFailure { opened.fail($0) }
    return opened.futureResult
  }

  /// What the server took of the offer.
  private static func compression(_ answer: HTTPHeaders, offer: String?) throws(PeerConnectionError)
    -> DeflateParameters?
  {
    let accepted = answer["sec-websocket-extensions"].joined(separator: ", ")
    switch DeflateParameters.negotiated(response: accepted, offer: offer ?? "") {
    case .none: return nil
    case .deflate(let parameters): return parameters
    case .unsupported(let name): throw .upgradeInvalid(reason: "it answers with the extension \(name)")
    case .invalid(let reason): throw .upgradeInvalid(reason: reason)
    }
  }
}

/// Reads the answer to a WebSocket handshake that was not granted.
private final class RefusedUpgrade: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart

  /// Bytes of the body that are kept: it is for people.
  private static let keptBody = 1024

  private var refusal: EventLoopPromise<NIOLoopBound<WebSocketLink>>?
  private var status = 0
  private var body = ByteBuffer()

  init(_ refusal: EventLoopPromise<NIOLoopBound<WebSocketLink>>) {
    self.refusal = refusal
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head): status = Int(head.status.code)
    case .body(var part):
      if body.readableBytes < Self.keptBody { body.writeBuffer(&part) }
    case .end: end(context)
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    end(context)
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { end(context) }

  private func end(_ context: ChannelHandlerContext) {
    let text = String(decoding: body.readableBytesView.prefix(Self.keptBody), as: UTF8.self)
    refusal?.fail(
      status == 0 ? PeerConnectionError.connectionEnded : .upgradeRefused(status: status, body: text))
    refusal = nil
    context.close(promise: nil)
  }
}
