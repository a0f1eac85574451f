import NIOCore
import NIOSSL
import NIOTLS

/// Waits for the end of a handshake with an upstream; then it leaves, and the channel is ready for HTTP.
///
/// Until then nothing of the client is passed on: it would pile up where no backpressure reaches.
package final class TLSHandshake: ChannelInboundHandler, RemovableChannelHandler {
  package typealias InboundIn = ByteBuffer

  /// Why an upstream's handshake failed.
  package struct Failed: Error {
    package var explanation: String

    package init(explanation: String) { self.explanation = explanation }
  }

  private var waiting: EventLoopPromise<any Channel>?
  private var deadline: Scheduled<Void>?
  /// What the check of the certificate said, which is more than the failure itself tells.
  private var refusal: String?
  private let tls: UpstreamTLS

  private init(_ promise: EventLoopPromise<any Channel>, _ tls: UpstreamTLS) {
    waiting = promise
    self.tls = tls
  }

  /// Puts TLS onto a connected channel.
  ///
  /// - Returns: the channel once the handshake is done; fails with `Failed` where TLS itself did.
  package static func perform(
    on channel: any Channel, _ tls: UpstreamTLS, host: String, within limit: TimeAmount
  ) -> EventLoopFuture<any Channel> {
    let promise = channel.eventLoop.makePromise(of: (any Channel).self)
    let handshake = TLSHandshake(promise, tls)
    do {
      let handler = try tls.handler(for: host) { handshake.refusal = $0 }
      // Behind TLS first, so that nothing it says is missed: adding TLS begins the handshake.
      try channel.pipeline.syncOperations.addHandler(handshake)
      if let secrets = tls.secrets {
        let records = RecordWatch(isServer: false, secrets: secrets)
        try channel.pipeline.syncOperations.addHandler(records, position: .first)
        try channel.pipeline.syncOperations.addHandler(handler, position: .after(records))
      } else {
        try channel.pipeline.syncOperations.addHandler(handler, position: .first)
      }
    } catch {
      handshake.fail(error)
      channel.close(promise: nil)
      return promise.futureResult
    }
    handshake.deadline = channel.eventLoop.assumeIsolated().scheduleTask(in: limit) {
      handshake.fail(ChannelError.connectTimeout(limit))
      channel.close(promise: nil)
    }
    channel.read()
    return promise.futureResult
  }

  private func fail(_ error: any Error) {
    deadline?.cancel()
    guard let promise = waiting else { return }
    waiting = nil
    promise.fail(
      Failed(
        explanation: "TLS handshake failed: "
          + (refusal ?? ConnectionWords.explain(error) ?? tls.explain(error))))
  }

  package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard case .some(.handshakeCompleted) = event as? TLSUserEvent, let promise = waiting else {
      return context.fireUserInboundEventTriggered(event)
    }
    deadline?.cancel()
    waiting = nil
    // Handlers that are added now see what comes right behind the handshake.
    promise.succeed(context.channel)
    context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
  }

  package func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard waiting != nil else { return context.fireErrorCaught(error) }
    fail(error)
    context.close(promise: nil)
  }

  package func channelInactive(context: ChannelHandlerContext) {
    fail(NIOSSLError.handshakeFailed(.sslError([.eofDuringHandshake])))
    context.fireChannelInactive()
  }
}
