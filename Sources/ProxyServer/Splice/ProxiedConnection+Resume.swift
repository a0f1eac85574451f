import NIOCore

// An event loop goes on with a connection that a splice loop has had from its first byte.

extension ProxiedConnection {
  /// Takes in what has come on a connection so far, as if it came now. What is on record, or sent, is not so again.
  ///
  /// - Parameter channel: the upstream leg, where the request is on record and was sent.
  func resume(_ returned: ReturnedConnection, upstream channel: (any Channel)?) {
    guard let client = client.channel else {
      channel?.close(promise: nil)
      return
    }
    guard let channel, let answer = returned.answered?.bytes else {
      return Self.feed(returned.request, to: client)
    }
    stopIdleTimer()
    phase = .connecting([])
    wasOpened = true
    wasObserved = true
    Self.feed(returned.request, to: client)
    let operations = channel.pipeline.syncOperations
    let sink = DroppedWrites()
    do {
      try operations.addHandler(sink, position: .first)
    } catch {
      return close()
    }
    isRequestOnRecord = true
    connected(channel)
    isRequestOnRecord = false
    operations.removeHandler(sink, promise: nil)
    Self.feed(answer, to: channel)
  }

  private static func feed(_ bytes: [UInt8], to channel: any Channel) {
    guard !bytes.isEmpty else { return }
    let operations = channel.pipeline.syncOperations
    operations.fireChannelRead(NIOAny(ByteBuffer(bytes: bytes)))
    operations.fireChannelReadComplete()
  }
}

/// Lets nothing out that is written while it is there: the peer has it already.
private final class DroppedWrites: ChannelOutboundHandler, RemovableChannelHandler {
  typealias OutboundIn = ByteBuffer

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    promise?.succeed()
  }
}
