import NIOCore
import NIOWebSocket

/// Carries Engine.IO packets over a WebSocket, for either peer: the last handler of an upgraded channel.
///
/// It answers WebSocket pings and close frames, and closes with 1002 or 1007 what breaks RFC 6455. Confined to its
/// channel's event loop.
final class WebSocketLink: ChannelInboundHandler {
  typealias InboundIn = WebSocketFrame
  typealias OutboundOut = WebSocketFrame

  /// Which peer this end is: a client masks what it sends (RFC 6455 §5.3).
  enum Role { case client, server }

  /// Bytes that may wait for a slow reader before the link is closed.
  static let maximumUnsentBytes = 4 << 20

  private let role: Role
  private var context: ChannelHandlerContext?
  private var hasSentClose = false
  private var unsentBytes = 0

  /// Called with each packet, or nil for a message that is none.
  var packetArrived: ((EnginePacket?) -> Void)?
  /// Called once when the other end can send nothing more while this end still may.
  var inputEnded: (() -> Void)?
  /// Called once, when the channel is gone.
  var closed: (() -> Void)?

  init(role: Role) {
    self.role = role
  }

  var isOpen: Bool { context != nil && !hasSentClose }

  /// Completes when the channel is closed; nil once it is.
  var channelClosed: EventLoopFuture<Void>? { context?.channel.closeFuture }

  /// Sends packets in order, with one flush. Ignored once closing.
  func send(_ packets: [EnginePacket]) {
    guard let context, !hasSentClose else { return }
    for packet in packets {
      switch packet {
      case .binary(let bytes): write(.binary, ByteBuffer(bytes: bytes), on: context)
      default: write(.text, ByteBuffer(string: packet.text), on: context)
      }
    }
    context.flush()
    if unsentBytes > Self.maximumUnsentBytes { context.close(promise: nil) }
  }

  /// Sends a frame with an opcode that RFC 6455 §5.2 reserves, for a client that breaks the rules on purpose.
  func sendReservedFrame() {
    guard let context, let opcode = WebSocketOpcode(encodedWebSocketOpcode: 0x3) else { return }
    write(opcode, ByteBuffer(string: "?"), on: context)
    context.flush()
  }

  /// Sends a close frame; the channel closes when it was answered, or after two seconds.
  ///
  /// - Parameters:
  ///   - code: nil sends a bare close frame, as the reference server does (PROTOCOL.md A.8).
  ///   - patience: how long the channel stays open for the answer.
  func close(code: WebSocketErrorCode? = nil, patience: TimeAmount = .seconds(2)) {
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
  func close(after delay: TimeAmount) {
    guard let context else { return }
    let timer = context.eventLoop.assumeIsolated().scheduleTask(in: delay) { [weak self] in self?.close() }
    context.channel.closeFuture.whenComplete { _ in timer.cancel() }
  }

  /// Drops the connection without a close frame.
  func abort() {
    context?.close(promise: nil)
  }

  private func write(_ opcode: WebSocketOpcode, _ payload: ByteBuffer, on context: ChannelHandlerContext) {
    let mask: WebSocketMaskingKey? = role == .client ? .random() : nil
    let frame = WebSocketFrame(fin: true, opcode: opcode, maskKey: mask, data: payload)
    let size = payload.readableBytes
    unsentBytes += size
    context.write(wrapOutboundOut(frame)).assumeIsolated().whenComplete { [weak self] _ in
      self?.unsentBytes -= size
    }
  }

  // MARK: channel events

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    let notify = closed
    packetArrived = nil
    inputEnded = nil
    closed = nil
    notify?()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let frame = unwrapInboundIn(data)
    // RFC 6455 §5.1: a client masks, a server does not; §5.2: no reserved bits without an extension.
    guard (frame.maskKey != nil) == (role == .server) || frame.opcode != .text && frame.opcode != .binary,
      !frame.rsv1, !frame.rsv2, !frame.rsv3
    else { return fail(.protocolError) }
    let payload = frame.unmaskedData
    switch frame.opcode {
    case .text:
      guard let text = String(validating: payload.readableBytesView, as: UTF8.self) else {
        return fail(.dataInconsistentWithMessage)
      }
      if !hasSentClose { packetArrived?(EnginePacket(text: text)) }
    case .binary:
      if !hasSentClose { packetArrived?(.binary(Array(payload.readableBytesView))) }
    case .ping: write(.pong, payload, on: context)
    case .pong: break
    case .connectionClose: closeArrived(payload, on: context)
    default: fail(.protocolError)
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    context.flush()
    context.fireChannelReadComplete()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
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

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    switch error {
    case NIOWebSocketError.invalidFrameLength: fail(.messageTooLarge)
    case is NIOWebSocketError: fail(.protocolError)
    case NIOWebSocketFrameAggregator.Error.accumulatedFrameSizeIsTooLarge: fail(.messageTooLarge)
    case is NIOWebSocketFrameAggregator.Error: fail(.protocolError)
    default: context.close(promise: nil)
    }
  }

  /// Closes for a fault of the other end. What it still sends is read and dropped for a moment: closing at once would
  /// reset the connection, and the close frame would be lost with it.
  private func fail(_ code: WebSocketErrorCode) { close(code: code, patience: .milliseconds(250)) }

  private func closeArrived(_ payload: ByteBuffer, on context: ChannelHandlerContext) {
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
