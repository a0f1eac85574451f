import NIOCore
import NIOWebSocket
import WebSocketFrames

/// Carries messages over a WebSocket, for either peer: the last handler of an upgraded channel.
///
/// It answers WebSocket pings and close frames, and closes with 1002 or 1007 what breaks RFC 6455. Confined to its
/// channel's event loop.
package final class WebSocketLink: ChannelInboundHandler {
  package typealias InboundIn = WebSocketFrame
  package typealias OutboundOut = WebSocketFrame

  /// Which peer this end is: a client masks what it sends (RFC 6455 §5.3).
  package enum Role { case client, server }

  /// Bytes that may wait for a slow reader before the link is closed.
  package static let maximumUnsentBytes = 4 << 20

  private let role: Role
  private var assembly: FragmentedMessage
  private let isCompressed: Bool
  private var inflater: WholeMessageInflater
  private var deflater: MessageDeflater
  private var context: ChannelHandlerContext?
  private var hasSentClose = false
  private var unsentBytes = 0

  private var closing = WebSocketClosing()

  /// Called with each message.
  package var messageArrived: ((WebSocketMessage) -> Void)?
  /// Called when everything that was sent has left this process.
  package var drained: (() -> Void)?
  /// Called once when the other end can send nothing more while this end still may.
  package var inputEnded: (() -> Void)?
  /// Called once, when the channel is gone.
  package var closed: ((WebSocketClosing) -> Void)?

  /// - Parameters:
  ///   - maximumMessage: bytes of one message; longer ones are closed with 1009.
  ///   - compression: what was negotiated of permessage-deflate; nil where nothing was.
  package init(role: Role, maximumMessage: Int, compression: DeflateParameters? = nil) {
    self.role = role
    assembly = FragmentedMessage(maximumBytes: maximumMessage)
    isCompressed = compression != nil
    let agreed = compression ?? DeflateParameters()
    let client = (bits: agreed.clientWindowBits, takeover: !agreed.clientNoContextTakeover)
    let server = (bits: agreed.serverWindowBits, takeover: !agreed.serverNoContextTakeover)
    let (own, other) = role == .client ? (client, server) : (server, client)
    deflater = MessageDeflater(windowBits: own.bits, takeover: own.takeover)
    inflater = WholeMessageInflater(
      windowBits: other.bits, takeover: other.takeover, limit: maximumMessage)
  }

  package var isOpen: Bool { context != nil && !hasSentClose }

  /// Completes when the channel is closed; nil once it is.
  package var channelClosed: EventLoopFuture<Void>? { context?.channel.closeFuture }

  /// Bytes that the other end has not taken yet.
  package var unsent: Int { unsentBytes }

  /// Sends messages in order, with one flush. Ignored once closing.
  ///
  /// - Parameter limit: bytes that may wait for a slow reader before the link is closed.
  package func send(_ messages: [WebSocketMessage], limit: Int = WebSocketLink.maximumUnsentBytes) {
    guard let context, !hasSentClose else { return }
    for message in messages {
      switch message {
      case .text(let text): writeMessage(.text, text, on: context)
      case .binary(let bytes): writeMessage(.binary, bytes, on: context)
      }
    }
    context.flush()
    if unsentBytes > limit { context.close(promise: nil) }
  }

  /// Sends a frame with an opcode that RFC 6455 §5.2 reserves, for a client that breaks the rules on purpose.
  package func sendReservedFrame() {
    guard let context, let opcode = WebSocketOpcode(encodedWebSocketOpcode: 0x3) else { return }
    write(opcode, ByteBuffer(string: "?"), on: context)
    context.flush()
  }

  /// Sends a close frame; the channel closes when it was answered, or after two seconds.
  ///
  /// - Parameters:
  ///   - code: nil sends a bare close frame, as the reference server does (PROTOCOL.md A.8).
  ///   - patience: how long the channel stays open for the answer.
  package func close(code: WebSocketErrorCode? = nil, patience: TimeAmount = .seconds(2)) {
    guard let context, !hasSentClose else { return }
    hasSentClose = true
    var payload = ByteBuffer()
    if let code { payload.write(webSocketErrorCode: code) }
    write(.connectionClose, payload, on: context)
    context.flush()
    let channel = context.channel
    let timeout = context.eventLoop.scheduleTask(in: patience) { channel.close(promise: nil) }
    channel.closeFuture.whenComplete { _ in timeout.cancel() }
  }

  /// Closes after a while what is still open then.
  package func close(after delay: TimeAmount) {
    guard let context else { return }
    let timer = context.eventLoop.assumeIsolated().scheduleTask(in: delay) { [weak self] in self?.close() }
    context.channel.closeFuture.whenComplete { _ in timer.cancel() }
  }

  /// Drops the connection without a close frame.
  package func abort() {
    context?.close(promise: nil)
  }

  private func writeMessage(
    _ opcode: WebSocketOpcode, _ payload: ByteBuffer, on context: ChannelHandlerContext
  ) {
    guard isCompressed, let compressed = payload.withUnsafeReadableBytes({ deflater.deflate($0) }) else {
      return write(opcode, payload, on: context)
    }
    write(opcode, ByteBuffer(bytes: compressed), isCompressed: true, on: context)
  }

  private func write(
    _ opcode: WebSocketOpcode, _ payload: ByteBuffer, isCompressed: Bool = false,
    on context: ChannelHandlerContext
  ) {
    let mask: WebSocketMaskingKey? = role == .client ? .random() : nil
    let frame = WebSocketFrame(
      fin: true, rsv1: isCompressed, opcode: opcode, maskKey: mask, data: payload)
    let size = payload.readableBytes
    unsentBytes += size
    context.write(wrapOutboundOut(frame)).assumeIsolated().whenComplete { [weak self] _ in
      guard let self else { return }
      unsentBytes -= size
      if unsentBytes == 0 { drained?() }
    }
  }

  // MARK: channel events

  package func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  package func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    let notify = closed
    messageArrived = nil
    drained = nil
    inputEnded = nil
    closed = nil
    notify?(closing)
  }

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let frame = unwrapInboundIn(data)
    // RFC 6455 §5.1: a client masks, a server does not; §5.2: no reserved bits without an extension.
    let isMessage = !frame.opcode.isControlOpcode
    guard (frame.maskKey != nil) == (role == .server) || !isMessage,
      !frame.rsv1 || isCompressed && isMessage, !frame.rsv2, !frame.rsv3
    else { return fail(.protocolError) }
    let payload = frame.unmaskedData
    switch frame.opcode {
    case .text, .binary, .continuation:
      switch assembly.frameArrived(frame) {
      case .incomplete: break
      case .complete(let isText, let isCompressed, let payload):
        messageCame(payload, isText: isText, isCompressed: isCompressed)
      case .misplaced: fail(.protocolError)
      case .tooLong: fail(.messageTooLarge)
      }
    case .ping: write(.pong, payload, on: context)
    case .pong: break
    case .connectionClose: closeArrived(payload, on: context)
    default: fail(.protocolError)
    }
  }

  private func messageCame(_ payload: ByteBuffer, isText: Bool, isCompressed: Bool) {
    guard !hasSentClose else { return }
    var payload = payload
    if isCompressed {
      do throws(WholeMessageInflater.Fault) {
        payload = try inflated(payload, isText: isText)
      } catch {
        switch error {
        case .tooLong: return fail(.messageTooLarge)
        case .notDeflate: return fail(.protocolError)
        case .notText: return fail(.dataInconsistentWithMessage)
        }
      }
    } else if isText, String(validating: payload.readableBytesView, as: UTF8.self) == nil {
      return fail(.dataInconsistentWithMessage)
    }
    messageArrived?(isText ? .text(payload) : .binary(payload))
  }

  private func inflated(_ payload: ByteBuffer, isText: Bool) throws(WholeMessageInflater.Fault) -> ByteBuffer
  {
    // A closure of `ByteBuffer` has no typed errors.
    var result = Result<ByteBuffer, WholeMessageInflater.Fault>.failure(.notDeflate)
    payload.withUnsafeReadableBytes { bytes in
      do throws(WholeMessageInflater.Fault) {
        result = .success(try inflater.inflate(bytes, isText: isText) { ByteBuffer(bytes: $0) })
      } catch {
        result = .failure(error)
      }
    }
    return try result.get()
  }

  package func channelReadComplete(context: ChannelHandlerContext) {
    context.flush()
    context.fireChannelReadComplete()
  }

  package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    case ChannelEvent.inputClosed:
      if let inputEnded, !hasSentClose {
        self.inputEnded = nil
        inputEnded()
      } else {
        context.close(promise: nil)
      }
    case is IdleStateHandler.IdleStateEvent: context.close(promise: nil)
    default: context.fireUserInboundEventTriggered(event)
    }
  }

  package func errorCaught(context: ChannelHandlerContext, error: any Error) {
    switch error {
    case NIOWebSocketError.invalidFrameLength: fail(.messageTooLarge)
    case is NIOWebSocketError: fail(.protocolError)
    default: context.close(promise: nil)
    }
  }

  /// Closes for a fault of the other end. What it still sends is read and dropped for a moment: closing at once would
  /// reset the connection, and the close frame would be lost with it.
  private func fail(_ code: WebSocketErrorCode) { close(code: code, patience: .milliseconds(250)) }

  private func closeArrived(_ payload: ByteBuffer, on context: ChannelHandlerContext) {
    closing.hadFrame = true
    closing.isByOther = !hasSentClose
    closing.code = payload.getInteger(at: payload.readerIndex, as: UInt16.self).map(Int.init)
    closing.reason = String(decoding: payload.readableBytesView.dropFirst(2), as: UTF8.self)
    if !hasSentClose {
      hasSentClose = true
      var payload = payload
      write(
        .connectionClose, payload.readSlice(length: min(2, payload.readableBytes)) ?? ByteBuffer(),
        on: context)
      context.flush()
    }
    // RFC 6455 §7.1.1: after both close frames the server ends the TCP connection first.
    if role == .server { context.close(promise: nil) }
  }
}
