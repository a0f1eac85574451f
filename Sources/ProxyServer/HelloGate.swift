import NIOCore

/// Stands behind the handler that waits for a client's first message of TLS, and lets nothing past it.
///
/// What that handler has when the client hangs up in the middle, it passes on: to HTTP, where it would be taken for a request.
final class HelloGate: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer

  private let brokenOff: () -> Void

  init(brokenOff: @escaping () -> Void) { self.brokenOff = brokenOff }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) { brokenOff() }
}
