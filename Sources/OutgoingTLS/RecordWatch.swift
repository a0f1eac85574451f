import NIOCore
import TLSRecords

extension HandshakeSecrets {
  /// What is to be told each line of the log of secrets, for `further` to have it too.
  package func log(_ further: (@Sendable (ByteBuffer) -> Void)?) -> @Sendable (ByteBuffer) -> Void {
    return { line in
      self.note(line.readableBytesView)
      further?(line)
    }
  }
}

/// Stands between a socket and the TLS stack, and follows the records, so that the connection can leave both for a
/// `RecordLayer` once a WebSocket stands.
package final class RecordWatch: ChannelDuplexHandler, RemovableChannelHandler {
  package typealias InboundIn = ByteBuffer
  package typealias OutboundIn = ByteBuffer

  private var watch: HandshakeWatch
  private var isReading = false

  /// - Parameter isServer: which side of the connection we are.
  package init(isServer: Bool, secrets: HandshakeSecrets) {
    watch = HandshakeWatch(isServer: isServer, secrets: secrets)
  }

  /// Whether nothing can be taken over any more.
  package var isOver: Bool { watch.isOver }

  /// Nothing is to be taken over.
  package func giveUp() { watch.giveUp() }

  /// What goes on in the stack's place; the caller has seen to it that the stack has nothing left to send, and closes the
  /// channel beneath it.
  ///
  /// - Returns: nil where it must stay with the stack.
  package func takeOver() -> RecordLayer? { isReading ? nil : watch.takeOver() }

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    isReading = true
    context.fireChannelRead(data)
    isReading = false
    Self.unwrapInboundIn(data).withUnsafeReadableBytes { watch.take($0, .incoming) }
    if watch.isOver { context.pipeline.syncOperations.removeHandler(context: context, promise: nil) }
  }

  package func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    Self.unwrapOutboundIn(data).withUnsafeReadableBytes { watch.take($0, .outgoing) }
    context.write(data, promise: promise)
  }

  package func handlerRemoved(context: ChannelHandlerContext) { watch.giveUp() }
}
