import AckCorrelation
import NIOCore
import NIOTLS

/// One of the two TCP connections of a proxied connection.
enum Leg {
  case client
  case upstream

  /// The other leg.
  var partner: Leg { self == .client ? .upstream : .client }

  /// Whose bytes arrive on this leg.
  var peer: Peer { self == .client ? .client : .server }
}

/// Hands what happens on a leg's channel to its connection. It holds no logic.
final class LegHandler<Inbound>: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = Inbound

  private let connection: ProxiedConnection
  private let leg: Leg
  private let receive: (ProxiedConnection, Inbound) -> Void

  init(_ connection: ProxiedConnection, _ leg: Leg, receive: @escaping (ProxiedConnection, Inbound) -> Void) {
    self.connection = connection
    self.leg = leg
    self.receive = receive
  }

  func channelActive(context: ChannelHandlerContext) {
    // Before this, a channel without automatic reading does not take the wish to read.
    context.read()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    receive(connection, Self.unwrapInboundIn(data))
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    connection.readCompleted(on: leg)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    connection.writabilityChanged(of: leg)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    case ChannelEvent.inputClosed: connection.inputClosed(on: leg)
    case TLSUserEvent.handshakeCompleted: connection.secured(leg)
    // Both have said close_notify: with the end comes no more.
    case TLSUserEvent.shutdownCompleted: connection.inputClosed(on: leg)
    default: return
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    connection.failed(on: leg, error)
  }

  func channelInactive(context: ChannelHandlerContext) {
    connection.becameInactive(leg)
  }
}

/// Counts the bytes that arrive while HTTP decoders hide them.
final class ArrivalCounter: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer

  private(set) var bytes: UInt64 = 0
  /// The first byte of all.
  private(set) var first: UInt8?

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let buffer = Self.unwrapInboundIn(data)
    bytes &+= UInt64(buffer.readableBytes)
    if first == nil { first = buffer.readableBytesView.first }
    context.fireChannelRead(data)
  }
}
