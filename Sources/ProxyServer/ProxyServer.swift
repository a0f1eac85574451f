import AckCorrelation
import NIOCore
import NIOHTTP1
import NIOPosix
import SessionDecoder
import SocketReadiness
import Synchronization

/// The proxy: listens, gives each client connection an upstream leg of its own, and stops in order.
package final class ProxyServer: Sendable {
  /// Why the proxy could not begin to listen, in words for the person who started it.
  package struct CannotListen: Error, Equatable {
    package var explanation: String
  }

  /// What every connection needs of its proxy.
  struct Context: Sendable {
    let configuration: ProxyConfiguration
    let recorder: TrafficRecorder
    let dialer: UpstreamDialer
    let headerLimits: NIOHTTPDecoderLimitConfiguration
    /// Take connections over after their upgrade; none where event loops keep them.
    let splices: [SpliceLoop]
    let isEngineIO: @Sendable (_ target: String) -> Bool
    let diagnose: @Sendable (_ line: String) -> Void
    /// A number that no connection had yet.
    let nextNumber: @Sendable () -> ConnectionNumber
  }

  private let listener: any Channel
  private let ticks: [ObjectIdentifier: NIOLoopBound<LoopTick>]
  private let context: Context
  private let timer: RepeatedTask
  private let spliceThreads: NIOThreadPool
  /// The stop, once somebody has asked for it.
  private let stopping = Mutex<Task<Void, Never>?>(nil)

  /// Where the proxy listens, `http://host:port`.
  package let url: String
  package let port: Int

  private init(
    listener: any Channel, ticks: [ObjectIdentifier: NIOLoopBound<LoopTick>], context: Context,
    timer: RepeatedTask, spliceThreads: NIOThreadPool
  ) {
    self.spliceThreads = spliceThreads
    self.listener = listener
    self.ticks = ticks
    self.context = context
    self.timer = timer
    port = listener.localAddress?.port ?? context.configuration.listenPort
    url = Self.url(listener.localAddress, context.configuration)
  }

  private static func url(_ address: SocketAddress?, _ configuration: ProxyConfiguration) -> String {
    let host = address?.ipAddress ?? configuration.listenHost
    let port = address?.port ?? configuration.listenPort
    return (configuration.clientTLS == nil ? "http://" : "https://")
      + (host.contains(":") ? "[\(host)]" : host) + ":\(port)"
  }

  /// Binds and begins to accept.
  ///
  /// - Parameters:
  ///   - ready: called with the URL once the address is bound and before any connection is accepted.
  ///   - diagnose: receives one line for each thing worth telling a person.
  package static func start(
    _ configuration: ProxyConfiguration, recorder: TrafficRecorder,
    isEngineIO: @escaping @Sendable (String) -> Bool,
    group: any EventLoopGroup, ready: @escaping @Sendable (_ url: String) -> Void,
    diagnose: @escaping @Sendable (_ line: String) -> Void
  ) async throws -> ProxyServer {
    try refuseStrangers(configuration)
    OpenFiles.raiseLimit()
    var headerLimits = NIOHTTPDecoderLimitConfiguration()
    headerLimits.maxHeaderFieldSize = configuration.limits.headerBytes
    headerLimits.maxHeaderFieldCount = configuration.limits.headerFields
    headerLimits.maxHeaderListSize = configuration.limits.headerBytes
    let loops = Array(group.makeIterator())
    // One for two cores: half of a splice loop's work is decoding, which is under one lock, and the peers beside a
    // proxy need the rest. With one for each core, waiting for the lock cost a tenth of the time.
    let spliceThreads = NIOThreadPool(numberOfThreads: (loops.count + 1) / 2)
    spliceThreads.start()
    let splices =
      configuration.splicesDirectly
      ? (0..<spliceThreads.numberOfThreads).compactMap { _ in
        SpliceLoop.start(on: spliceThreads, recorder: recorder, diagnose: diagnose)
      } : []
    let census = Entrance.Census()
    let own = OwnAddress()
    let context = Context(
      configuration: configuration, recorder: recorder,
      dialer: UpstreamDialer(
        limits: configuration.limits, tls: configuration.upstreamTLS, proxy: configuration.upstreamProxy,
        own: own),
      headerLimits: headerLimits, splices: splices, isEngineIO: isEngineIO, diagnose: diagnose,
      nextNumber: { ConnectionNumber(census.accepted.add(1, ordering: .relaxed).newValue) })
    prepareTypes(headerLimits)
    var ticks: [ObjectIdentifier: NIOLoopBound<LoopTick>] = [:]
    for loop in loops {
      ticks[ObjectIdentifier(loop)] = try await loop.submit {
        NIOLoopBound(
          LoopTick(loop: loop, recorder: recorder) { census.open.subtract(1, ordering: .relaxed) },
          eventLoop: loop)
      }.get()
    }
    let entrance = Entrance(ticks: ticks, census: census, context: context)
    let bootstrap = ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 1024)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .serverChannelOption(.autoRead, value: false)
      .childChannelOption(.autoRead, value: false)
      // One connection's share of a tick, so that the others do not wait for a flood of tiny frames.
      .childChannelOption(.maxMessagesPerRead, value: 1)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let client = channel.remoteAddress
          try entrance.begin(channel, context.nextNumber(), from: client, entrance.admit(client))
        }
      }
    let listener: any Channel
    do {
      listener = try await bootstrap.bind(host: configuration.listenHost, port: configuration.listenPort)
        .get()
    } catch {
      await stop(splices, spliceThreads, on: group.next())
      throw CannotListen(explanation: explain(error, configuration))
    }
    let timer = listener.eventLoop.scheduleRepeatedTask(
      initialDelay: .milliseconds(100), delay: .milliseconds(100)
    ) { _ in
      recorder.expire()
    }
    if let address = listener.localAddress {
      own.bound(to: address, machine: (try? System.enumerateDevices())?.compactMap(\.address) ?? [])
    }
    let server = ProxyServer(
      listener: listener, ticks: ticks, context: context, timer: timer,
      spliceThreads: spliceThreads)
    ready(server.url)
    if try await !server.openDoor(of: entrance, in: group) {
      try await listener.setOption(.autoRead, value: true).get()
    }
    return server
  }

  /// Lets splice loops accept connections, where they can set upgrades up by themselves.
  ///
  /// - Returns: false where the event loops are to do it.
  private func openDoor(of entrance: Entrance, in group: any EventLoopGroup) async throws -> Bool {
    let configuration = context.configuration
    guard let upstream = configuration.upstream, !upstream.usesTLS, configuration.clientTLS == nil,
      configuration.upstreamProxy == nil, configuration.access.credentials == nil, !context.splices.isEmpty,
      // A name may have several addresses, which are tried side by side.
      let address = try? SocketAddress(ipAddress: upstream.host, port: upstream.port),
      !context.dialer.own.isReached(by: address)
    else { return false }
    let door = FrontDoor(
      upstream: address, upstreamName: ProxiedConnection.text(address),
      forwarding: ForwardedRequest(upstream: upstream, preservesHost: configuration.preservesHost),
      limits: configuration.limits, admit: entrance.admit, nextNumber: context.nextNumber,
      ended: { entrance.census.open.subtract(1, ordering: .relaxed) },
      giveBack: { entrance.takeBack($0, in: group) })
    let copies = try await listener.eventLoop.submit { [listener, splices = context.splices] in
      try listener.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) {
        socket in
        UpgradeSocket.sendAtOnce(socket)
        return splices.map { _ in fcntl(socket, F_DUPFD_CLOEXEC, 0) }
      }
    }.get()
    guard let copies, copies.allSatisfy({ $0 >= 0 }) else {
      for copy in copies ?? [] where copy >= 0 { systemClose(copy) }
      return false
    }
    for (splice, copy) in zip(context.splices, copies) { splice.open(door, listener: copy) }
    return true
  }

  /// Makes the generic types of a connection's handlers once, on one thread, before any loop needs them.
  ///
  /// Two loops that made them at the same moment, for the first connections after the start, once crashed in the
  /// language's runtime while it looked the types up.
  private static func prepareTypes(_ limits: NIOHTTPDecoderLimitConfiguration) {
    _ = ByteToMessageHandler(
      HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: limits))
    _ = ByteToMessageHandler(
      HTTPResponseDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: limits))
    for type in [
      LegHandler<HTTPServerRequestPart>.self, LegHandler<HTTPClientResponsePart>.self,
      LegHandler<ByteBuffer>.self,
    ] as [AnyObject.Type] {
      _ = ObjectIdentifier(type)
    }
  }

  /// Listening where others can connect needs a word on who may.
  private static func refuseStrangers(_ configuration: ProxyConfiguration) throws(CannotListen) {
    guard !configuration.access.isSet else { return }
    let place = "\(ProxiedConnection.hostText(configuration.listenHost)):\(configuration.listenPort)"
    let address =
      (try? SocketAddress(ipAddress: configuration.listenHost, port: 0))
      ?? (try? SocketAddress.makeAddressResolvingHost(configuration.listenHost, port: 0))
    // A name without an address fails when it is to be bound, with its own words.
    guard let address, !AddressRange.isLoopback(address) else { return }
    throw CannotListen(
      explanation:
        "listening on \(place) would let everyone who can reach this machine use the proxy; say who may with --allow CIDR or --proxy-auth USER:PASSWORD, or listen on 127.0.0.1"
    )
  }

  private static func explain(_ error: any Error, _ configuration: ProxyConfiguration) -> String {
    let place = "\(ProxiedConnection.hostText(configuration.listenHost)):\(configuration.listenPort)"
    guard let error = error as? IOError else {
      return
        "cannot listen on \(place): \(error is NIOConnectionError ? "the name has no address" : "\(error)"); choose another with --listen"
    }
    return switch error.errnoCode {
    case EADDRINUSE:
      "cannot listen on \(place): the port is in use; choose another with --listen, or port 0 for a free one"
    case EADDRNOTAVAIL:
      "cannot listen on \(place): no interface of this machine has that address; choose another with --listen"
    case EACCES, EPERM:
      "cannot listen on \(place): permission is denied; choose a port above 1023 with --listen"
    default: "cannot listen on \(place): \(error); choose another with --listen"
    }
  }

  /// Stops in order: no new connections, open ones closed (WebSockets with 1001), the capture completed. Whoever asks again
  /// waits for the same.
  package func stop() async {
    let stop = stopping.withLock { stopping in
      let stop = stopping ?? Task { await stopOnce() }
      stopping = stop
      return stop
    }
    await stop.value
  }

  /// See `TrafficRecorder.lostRecords`.
  package var lostRecords: UInt64 { context.recorder.lostRecords }

  private func stopOnce() async {
    try? await listener.close().get()
    timer.cancel()
    let grace = context.configuration.limits.stopGrace
    for splice in context.splices { splice.stop(grace: grace) }
    // All loops at once, so that the grace is one for all.
    let stops = ticks.values.map { tick in tick.eventLoop.flatSubmit { tick.value.stop(grace: grace) } }
    for stop in stops { try? await stop.get() }
    await Self.stop(context.splices, spliceThreads, on: listener.eventLoop)
    // What the last ticks saw is written before the last line is.
    for tick in ticks.values { try? await tick.eventLoop.submit {}.get() }
    context.recorder.end()
  }

  /// Waits for the last connections of the splice loops, and ends their threads.
  private static func stop(_ splices: [SpliceLoop], _ threads: NIOThreadPool, on loop: any EventLoop) async {
    for splice in splices { try? await splice.stopped(on: loop).get() }
    try? await threads.shutdownGracefully()
  }
}
