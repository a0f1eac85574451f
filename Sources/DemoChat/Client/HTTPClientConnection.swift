import NIOCore
import NIOHTTP1
import NIOPosix

/// The answer to a client's HTTP request.
struct HTTPAnswer: Sendable {
  var status: Int
  var body: [UInt8]
}

/// A keep-alive HTTP connection of a client, one request at a time. Confined to its channel's event loop.
final class HTTPClientConnection: ChannelInboundHandler {
  typealias InboundIn = NIOHTTPClientResponseFull

  /// Longest answer accepted, in bytes.
  static let maximumAnswer = 16 << 20

  private let host: String
  private let loop: any EventLoop
  private var channel: (any Channel)?
  private var waiting: EventLoopPromise<HTTPAnswer>?

  private init(host: String, loop: any EventLoop) {
    self.host = host
    self.loop = loop
  }

  /// Opens a connection.
  static func open(
    host: String, port: Int, loop: any EventLoop
  ) -> EventLoopFuture<NIOLoopBound<HTTPClientConnection>> {
    let connection = NIOLoopBound(HTTPClientConnection(host: "\(host):\(port)", loop: loop), eventLoop: loop)
    return ClientBootstrap(group: loop)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          try pipeline.addHTTPClientHandlers(leftOverBytesStrategy: .dropBytes)
          try pipeline.addHandler(NIOHTTPClientResponseAggregator(maxContentLength: maximumAnswer))
          try pipeline.addHandler(connection.value)
        }
      }
      .connect(host: host, port: port)
      .map { channel in
        connection.value.channel = channel
        return connection
      }
      .flatMapErrorThrowing { throw ChatClientError.unreachable(host: host, port: port, error: $0) }
  }

  /// Sends a request; fails when the connection ends before the answer.
  ///
  /// The caller waits for the answer before it asks again.
  func request(_ method: HTTPMethod, _ target: String, body: String? = nil) -> EventLoopFuture<HTTPAnswer> {
    guard let channel, waiting == nil else {
      return loop.makeFailedFuture(ChatClientError.connectionEnded)
    }
    let promise = loop.makePromise(of: HTTPAnswer.self)
    waiting = promise
    var head = HTTPRequestHead(version: .http1_1, method: method, uri: target, headers: ["host": host])
    if let body {
      head.headers.add(name: "content-type", value: "text/plain;charset=UTF-8")
      head.headers.add(name: "content-length", value: String(body.utf8.count))
    }
    channel.write(HTTPClientRequestPart.head(head), promise: nil)
    if let body {
      channel.write(HTTPClientRequestPart.body(.byteBuffer(ByteBuffer(string: body))), promise: nil)
    }
    channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
    return promise.futureResult
  }

  /// Closes the connection; an answer still due fails.
  func close() -> EventLoopFuture<Void>? {
    let channel = channel
    channel?.close(promise: nil)
    return channel?.closeFuture
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let response = unwrapInboundIn(data)
    let body = response.body.map { Array($0.readableBytesView) } ?? []
    let promise = waiting
    waiting = nil
    promise?.succeed(HTTPAnswer(status: Int(response.head.status.code), body: body))
    if !response.head.isKeepAlive { context.close(promise: nil) }
  }

  func channelInactive(context: ChannelHandlerContext) {
    channel = nil
    waiting?.fail(ChatClientError.connectionEnded)
    waiting = nil
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }
}
