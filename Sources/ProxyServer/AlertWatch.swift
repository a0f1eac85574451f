import NIOCore

/// Overhears the alert with which a client gives a handshake up.
///
/// The TLS stack expects encrypted records by then and cannot read the alert of a client that has no keys yet: that is how
/// most clients say that they do not trust a certificate.
final class AlertWatch: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer

  /// The alert's description (RFC 8446 §6), once one came.
  private(set) var alert: UInt8?

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    // The last record of what a client says: 15 03 xx 00 02, level, description.
    let tail = Array(Self.unwrapInboundIn(data).readableBytesView.suffix(7))
    if tail.count == 7, tail[0] == 0x15, tail[1] == 3, tail[3] == 0, tail[4] == 2,
      tail[5] == 1 || tail[5] == 2
    {
      alert = tail[6]
    }
    context.fireChannelRead(data)
  }
}
