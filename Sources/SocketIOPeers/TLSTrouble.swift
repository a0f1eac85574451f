import NIOCore
import OutgoingTLS

/// Keeps what went wrong in TLS behind its handshake: in TLS 1.3 a server refuses a client's certificate, or misses it, only
/// then (RFC 8446 §4.4.2.4).
final class TLSTrouble: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let tls: UpstreamTLS
  /// In words, once something did.
  private(set) var explanation: String?

  init(_ tls: UpstreamTLS) { self.tls = tls }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if explanation == nil, TLSWords.isTLS(error) { explanation = "TLS failed: " + tls.explain(error) }
    context.fireErrorCaught(error)
  }
}
