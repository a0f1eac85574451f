import NIOCore
import NIOHTTP1
import NIOWebSocket
import SocketIOPeers

/// Answers the HTTP requests of one connection to the server: handshakes, polls, posts, and what is none of these.
/// Leaves the pipeline when the connection becomes a WebSocket.
final class PollingEndpoint: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private let server: EngineServer
  private var head: HTTPRequestHead?
  private var body = ByteBuffer()
  private var isTooLarge = false
  /// The answer still owed on this connection: one at most, for HTTP/1.1 answers in order.
  private var owed: HTTPReply?

  init(server: EngineServer) {
    self.server = server
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      self.head = head
      body.clear()
      isTooLarge = false
    case .body(var bytes):
      isTooLarge =
        isTooLarge || body.readableBytes + bytes.readableBytes > server.configuration.maximumPayload
      if !isTooLarge { body.writeBuffer(&bytes) }
    case .end:
      guard let head else { return }
      self.head = nil
      let reply = HTTPReply(channel: context.channel, request: head)
      owed = reply
      if isTooLarge {
        reply.send(.payloadTooLarge, "text/html", "")
      } else {
        answer(head, reply)
      }
    }
  }

  private func answer(_ head: HTTPRequestHead, _ reply: HTTPReply) {
    guard head.uri.hasPrefix("/socket.io") else { return reply.send(.notFound, "text/plain", "not found") }
    let query = EngineQuery(target: head.uri)
    switch query.transport {
    case "polling": break
    // A WebSocket request that was not upgraded: the refusal tells why.
    case "websocket":
      return reply.refuse(
        server.refusal(of: query) ?? .badRequest, isUpgrade: head.headers.contains(name: "upgrade"))
    default: return reply.refuse(.unknownTransport)
    }
    if let refusal = server.refusal(of: query) { return reply.refuse(refusal) }
    guard let session = query.sid.flatMap(server.session) else {
      guard head.method == .GET else { return reply.refuse(.badHandshakeMethod) }
      let session = server.openSession()
      return reply.send(
        .ok, "text/plain; charset=UTF-8", EnginePacket.open(session.handshake).text)
    }
    switch head.method {
    case .GET: session.pollArrived(reply)
    case .POST where head.headers.first(name: "content-type") == "application/octet-stream":
      reply.send(.badRequest, "text/html", "")
      session.end(.protocolError)
    case .POST: session.postArrived(body, reply)
    default: reply.send(.internalServerError, "text/html", "")
    }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    case ChannelEvent.inputClosed, is IdleStateHandler.IdleStateEvent: context.close(promise: nil)
    default: context.fireUserInboundEventTriggered(event)
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    owed?.connectionClosed()
    owed = nil
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    switch error {
    // The request that was not upgraded follows, and is answered as such.
    case is NIOWebSocketUpgradeError, is HTTPServerUpgradeErrors: break
    default: context.close(promise: nil)
    }
  }
}
