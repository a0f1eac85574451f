import NIOCore

/// Overhears how a client's handshake begins, and the alert with which it gives it up.
///
/// The TLS stack expects encrypted records by then and cannot read the alert of a client that has no keys yet: that is how
/// most clients say that they do not trust a certificate.
final class AlertWatch: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer

  /// The alert's description (RFC 8446 §6), once one came.
  private(set) var alert: UInt8?
  /// What came first is a letter: no record of TLS begins with one, but every request of HTTP.
  private(set) var beginsWithLetter: Bool?

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if beginsWithLetter == nil, let first = Self.unwrapInboundIn(data).readableBytesView.first {
      beginsWithLetter = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(first)
    }
    // The last record of what a client says: 15 03 xx 00 02, level, description.
    let tail = Array(Self.unwrapInboundIn(data).readableBytesView.suffix(7))
    if tail.count == 7, tail[0] == 0x15, tail[1] == 3, tail[3] == 0, tail[4] == 2,
      tail[5] == 1 || tail[5] == 2
    {
      alert = tail[6]
    }
    context.fireChannelRead(data)
  }

  /// Whoever speaks HTTP is answered in HTTP: an alert before that would spoil it.
  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    if beginsWithLetter == true, Self.unwrapOutboundIn(data).readableBytesView.first == 0x15 {
      promise?.succeed()
    } else {
      context.write(data, promise: promise)
    }
  }
}
