import NIOCore
import NIOHTTP1
import NIOWebSocket

/// Hands the HTTP requests of one connection, each once it is whole, to the server that answers them. Leaves the pipeline
/// when the connection becomes a WebSocket.
package final class RequestEndpoint: ChannelInboundHandler, RemovableChannelHandler {
  package typealias InboundIn = HTTPServerRequestPart
  package typealias OutboundOut = HTTPServerResponsePart

  private let maximumBody: Int
  private let answer: (HTTPRequestHead, ByteBuffer, HTTPReply) -> Void
  private var head: HTTPRequestHead?
  private var body = ByteBuffer()
  private var isTooLarge = false
  /// The answer still owed on this connection: one at most, for HTTP/1.1 answers in order.
  private var owed: HTTPReply?

  /// - Parameters:
  ///   - maximumBody: bytes; a request with more is answered 413.
  ///   - answer: called for every other request, with its body.
  package init(maximumBody: Int, answer: @escaping (HTTPRequestHead, ByteBuffer, HTTPReply) -> Void) {
    self.maximumBody = maximumBody
    self.answer = answer
  }

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      self.head = head
      body.clear()
      isTooLarge = false
    case .body(var bytes):
      isTooLarge = isTooLarge || body.readableBytes + bytes.readableBytes > maximumBody
      if !isTooLarge { body.writeBuffer(&bytes) }
    case .end:
      guard let head else { return }
      self.head = nil
      let reply = HTTPReply(channel: context.channel, request: head)
      owed = reply
      if isTooLarge {
        reply.send(.payloadTooLarge, "text/html", "")
      } else {
        answer(head, body, reply)
      }
    }
  }

  package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    case ChannelEvent.inputClosed, is IdleStateHandler.IdleStateEvent: context.close(promise: nil)
    default: context.fireUserInboundEventTriggered(event)
    }
  }

  package func channelInactive(context: ChannelHandlerContext) {
    owed?.connectionClosed()
    owed = nil
    context.fireChannelInactive()
  }

  package func errorCaught(context: ChannelHandlerContext, error: any Error) {
    switch error {
    // The request that was not upgraded follows, and is answered as such.
    case is NIOWebSocketUpgradeError, is HTTPServerUpgradeErrors: break
    default: context.close(promise: nil)
    }
  }
}
