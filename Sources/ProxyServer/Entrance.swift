import AckCorrelation
import NIOCore
import NIOPosix
import Synchronization

/// Where connections come in: counted, admitted or turned away, and given to their event loop.
struct Entrance: Sendable {
  let ticks: [ObjectIdentifier: NIOLoopBound<LoopTick>]
  let census: Census
  let context: ProxyServer.Context

  /// How many connections were accepted and are open.
  final class Census: Sendable {
    let accepted = Atomic<UInt32>(0)
    let open = Atomic<Int>(0)
  }

  /// Whether a client of that address may connect; if so, it counts.
  func admit(_ address: SocketAddress?) -> Admission {
    guard census.open.add(1, ordering: .relaxed).newValue <= context.configuration.limits.connections else {
      census.open.subtract(1, ordering: .relaxed)
      return .tooMany
    }
    guard context.configuration.access.admits(address) else {
      census.open.subtract(1, ordering: .relaxed)
      return .stranger
    }
    return .admitted
  }

  /// Begins to serve a client on its channel's event loop, or turns it away.
  func begin(
    _ channel: any Channel, _ number: ConnectionNumber, from client: SocketAddress?, _ admission: Admission
  ) throws {
    switch admission {
    case .tooMany: return refuse(channel)
    case .stranger:
      noteStranger(client)
      return channel.close(promise: nil)
    case .admitted: break
    }
    guard let tick = ticks[ObjectIdentifier(channel.eventLoop)]?.value, !tick.isStopping else {
      census.open.subtract(1, ordering: .relaxed)
      throw ChannelError.ioOnClosedChannel
    }
    let connection = ProxiedConnection(
      number: number, client: channel, at: client, tick: tick, proxy: context)
    tick.opened(connection)
    try connection.begin()
  }

  /// Turns a connection above the limit away.
  private func refuse(_ channel: any Channel) {
    let limit = context.configuration.limits.connections
    context.diagnose(
      "a connection was refused with 503: \(limit) are open, which is the limit (--max-connections)")
    let line = "ackscope: \(limit) connections are open, which is the limit\n"
    let text =
      "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: \(line.utf8.count)\r\nConnection: close\r\n\r\n\(line)"
    channel.writeAndFlush(ByteBuffer(string: text), promise: nil)
    channel.close(mode: .output, promise: nil)
    channel.eventLoop.scheduleTask(in: context.configuration.limits.stopGrace) { channel.close(promise: nil) }
  }

  /// Says that a client is turned away because its address is not allowed.
  private func noteStranger(_ client: SocketAddress?) {
    let client = client.map(ProxiedConnection.text) ?? "unknown"
    context.diagnose("client \(client) was turned away: its address is not among those of --allow")
  }

  // MARK: connections that splice loops give back

  /// Goes on with a connection on one of the event loops.
  func takeBack(_ returned: ReturnedConnection, in group: any EventLoopGroup) {
    if case .stranger = returned.admission {
      noteStranger(returned.address)
      return systemClose(returned.client)
    }
    let loop = group.next()
    // All on the loop: what has come so far is taken in before the loop looks at the sockets.
    loop.execute {
      guard let descriptor = returned.answered?.upstream else { return serve(returned, with: nil, on: loop) }
      let upstream = Self.bootstrap(on: loop).withConnectedSocket(descriptor)
      upstream.whenSuccess { serve(returned, with: $0, on: loop) }
      upstream.whenFailure { _ in
        systemClose(returned.client)
        census.open.subtract(1, ordering: .relaxed)
      }
    }
  }

  private func serve(
    _ returned: ReturnedConnection, with upstream: (any Channel)?, on loop: any EventLoop
  ) {
    // The handlers of the upstream leg come when it is known to stand.
    Self.bootstrap(on: loop).channelInitializer { channel in
      channel.eventLoop.makeCompletedFuture {
        try begin(channel, returned.number, from: returned.address, returned.admission)
      }
    }.withConnectedSocket(returned.client).whenComplete { _ in
      guard let connection = ticks[ObjectIdentifier(loop)]?.value.connection(returned.number) else {
        upstream?.close(promise: nil)
        return
      }
      connection.resume(returned, upstream: upstream)
    }
  }

  private static func bootstrap(on loop: any EventLoop) -> ClientBootstrap {
    ClientBootstrap(group: loop)
      .channelOption(.autoRead, value: false)
      .channelOption(.maxMessagesPerRead, value: 1)
      .channelOption(.allowRemoteHalfClosure, value: true)
  }
}
