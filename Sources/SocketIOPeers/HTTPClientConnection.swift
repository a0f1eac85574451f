import NIOCore
import NIOHTTP1
import OutgoingTLS

/// The answer to a client's HTTP request.
package struct HTTPAnswer: Sendable {
  package var status: Int
  package var contentType: String?
  package var body: [UInt8]
}

/// A keep-alive HTTP connection of a client, one request at a time. Confined to its channel's event loop.
package final class HTTPClientConnection: ChannelInboundHandler {
  package typealias InboundIn = NIOHTTPClientResponseFull

  /// Longest answer accepted, in bytes.
  package static let maximumAnswer = 16 << 20

  private let host: String
  private let loop: any EventLoop
  private var channel: (any Channel)?
  /// What a request fails with that gets no answer.
  private var failure: () -> PeerConnectionError = { .connectionEnded }
  private var waiting: EventLoopPromise<HTTPAnswer>?

  private init(host: String, loop: any EventLoop) {
    self.host = host
    self.loop = loop
  }

  /// Opens a connection.
  ///
  /// - Parameters:
  ///   - hostField: the value of the Host field; by default host and port.
  ///   - tls: how TLS is spoken; nil for a plain connection.
  package static func open(
    host: String, port: Int, hostField: String? = nil, tls: UpstreamTLS? = nil, loop: any EventLoop
  ) -> EventLoopFuture<NIOLoopBound<HTTPClientConnection>> {
    PeerDialer.connect(host: host, port: port, tls: tls, loop: loop) { channel, trouble in
      let connection = HTTPClientConnection(host: hostField ?? "\(host):\(port)", loop: loop)
      let pipeline = channel.pipeline.syncOperations
      try pipeline.addHTTPClientHandlers(leftOverBytesStrategy: .dropBytes)
      try pipeline.addHandler(NIOHTTPClientResponseAggregator(maxContentLength: maximumAnswer))
      try pipeline.addHandler(connection)
      connection.channel = channel
      connection.failure = {
        trouble?.explanation.map { .unreachable(host: host, port: port, reason: $0) } ?? .connectionEnded
      }
      return NIOLoopBound(connection, eventLoop: loop)
    }
  }

  /// Whether a request can be made on it, as far as is known here.
  package var isOpen: Bool { channel?.isActive ?? false }

  /// Sends a request; fails when the connection ends before the answer.
  ///
  /// The caller waits for the answer before it asks again.
  package func request(
    _ method: HTTPMethod, _ target: String, headers: [(name: String, value: String)] = [],
    body: ByteBuffer? = nil,
    contentType: String = "text/plain;charset=UTF-8"
  ) -> EventLoopFuture<HTTPAnswer> {
    guard let channel, waiting == nil else {
      return loop.makeFailedFuture(PeerConnectionError.connectionEnded)
    }
    let promise = loop.makePromise(of: HTTPAnswer.self)
    waiting = promise
    var head = HTTPRequestHead(version: .http1_1, method: method, uri: target, headers: ["host": host])
    for field in headers { head.headers.add(name: field.name, value: field.value) }
    if let body {
      head.headers.add(name: "content-type", value: contentType)
      head.headers.add(name: "content-length", value: String(body.readableBytes))
    }
    channel.write(HTTPClientRequestPart.head(head), promise: nil)
    if let body {
      channel.write(HTTPClientRequestPart.body(.byteBuffer(body)), promise: nil)
    }
    channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
    return promise.futureResult
  }

  /// Closes the connection; an answer still due fails.
  package func close() -> EventLoopFuture<Void>? {
    let channel = channel
    channel?.close(promise: nil)
    return channel?.closeFuture
  }

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let response = unwrapInboundIn(data)
    let body = response.body.map { Array($0.readableBytesView) } ?? []
    let promise = waiting
    waiting = nil
    let isKept = response.head.isKeepAlive
    // The next request may be made by whoever gets this answer.
    if !isKept { channel = nil }
    promise?.succeed(
      HTTPAnswer(
        status: Int(response.head.status.code),
        contentType: response.head.headers.first(name: "content-type"),
        body: body))
    if !isKept { context.close(promise: nil) }
  }

  package func channelInactive(context: ChannelHandlerContext) {
    channel = nil
    waiting?.fail(failure())
    waiting = nil
    context.fireChannelInactive()
  }

  package func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }
}
