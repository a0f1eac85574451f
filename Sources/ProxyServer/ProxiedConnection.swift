import AckCorrelation
import NIOCore
import NIOHTTP1
import OutgoingTLS
import SessionDecoder

/// One client connection with its upstream leg: HTTP relayed message by message until a WebSocket upgrade, bytes
/// spliced after it.
///
/// Both legs live on one event loop, and everything here happens on it. What arrives is noted with the loop's
/// tick and written to the partner; at the end of the tick the records are written, and then the partner is
/// flushed (promise P2). A leg is read only while its partner is writable (P5). How a direction ends is passed
/// on as it happened: an orderly end as half-close, a reset as reset.
final class ProxiedConnection {
  enum Phase {
    /// No request yet, and so no upstream leg.
    case waiting
    /// The upstream leg is being set up; parts of the request wait for it.
    case connecting([HTTPServerRequestPart])
    /// HTTP passes in both directions.
    case relaying
    /// The upstream cannot be reached: the request is read to its end, then answered.
    case refusing(explanation: String)
    /// The proxy answered in its own name; what else the client says is dropped until it closes too.
    case answered
    /// The upgrade is done: bytes pass.
    case spliced
    /// A splice loop has taken the connection over.
    case handedOver
    case closed
  }

  /// A request and the answer it waits for.
  struct Exchange {
    /// Whether the tap is shown this exchange.
    let isObserved: Bool
    let asksForWebSocket: Bool
    let isHead: Bool
    var status: Int?
    var requestEnded = false

    /// Whether the answer has no body whatever its headers say (RFC 9110 §6.4.1).
    var answersWithoutBody: Bool {
      isHead || status.map { $0 == 204 || $0 == 304 || $0 < 200 } ?? false
    }
  }

  struct LegState {
    var channel: (any Channel)?
    var http: (counter: ArrivalCounter, decoderName: String)?
    /// Bytes that had arrived when its decoder made a part of a message of them last.
    var bytesAtLastPart: UInt64 = 0
    /// The peer has ended its direction.
    var inputEnded = false
    /// Nothing more can be written to this peer.
    var outputEnded = false
    /// The leg failed rather than ended, and so does its partner.
    var wasReset = false
    /// Since when this peer has not taken what the other sends, and so holds it back.
    var stalledSince: Timestamp?
    /// An end to pass on, behind what is still to be flushed.
    var endsOutputAfterFlush = false
    /// Both directions are to end behind what is still to be flushed.
    var closesAfterFlush = false
    var splicedBytes: UInt64 = 0
    /// The version of TLS, where it is spoken on this leg.
    var tls: String?
    /// The peer ended its direction without the close_notify of TLS: what it sent may be cut off.
    var isCutOff = false
    /// A flush is due at the end of the tick.
    var isFlushDue = false
    /// It is to be read already, so nobody has to say so again.
    var isReadDue = false

    var bytes: UInt64 { (http?.counter.bytes ?? 0) &+ splicedBytes }
  }

  private(set) var number: ConnectionNumber
  let tick: LoopTick
  let proxy: ProxyServer.Context
  let clientAddress: String
  var phase = Phase.waiting
  var client = LegState()
  var upstream = LegState()
  var exchanges: CircularBuffer<Exchange> = []
  var idleTimer: Scheduled<Void>?
  /// A splice loop has put the request that is under way on record.
  var isRequestOnRecord = false
  var wasOpened = false
  var wasObserved = false
  var isFinished = false
  /// HTTP decoders that may still bring bytes behind the upgrade, and take nothing but HTTP on its way out.
  var decodersLeft = 0
  /// A splice loop is to take the connection over.
  var isLeaving = false
  /// The way to a splice loop, while the connection is on it.
  var draining: Draining?
  /// Where requests go; in a forward proxy nil until the client has said it.
  var target: UpstreamAddress?
  /// The proxies before this one, as the client's request names them.
  var via: [String] = []
  /// What the client asked for by CONNECT or SOCKS, once that is decided upon.
  var tunnel: Tunnel?
  /// When that was granted.
  var tunnelOpened: Timestamp?
  /// The tunnel of a CONNECT whose end has not come yet.
  var pendingTunnel: Tunnel?
  /// Bytes pass and nobody looks at them.
  var isPassedThrough = false
  /// What the client had sent under the number before this one.
  var clientBytesBefore: UInt64 = 0
  /// Overhears why a client gives the handshake up; nil once it is done.
  var alerts: AlertWatch?
  /// When the client of a tunnel was answered with our certificate, until it shows what it makes of it.
  var certificateShown: Timestamp?
  /// Ends the wait for a client that lets its server speak first.
  var silence: Scheduled<Void>?
  var closing: (by: CloseInitiator, code: UInt16?, reason: String?)?

  init(
    number: ConnectionNumber, client channel: any Channel, at address: SocketAddress?, tick: LoopTick,
    proxy: ProxyServer.Context
  ) {
    self.number = number
    self.tick = tick
    self.proxy = proxy
    clientAddress = address.map(Self.text) ?? "unknown"
    client.channel = channel
  }

  subscript(leg: Leg) -> LegState {
    get { leg == .client ? client : upstream }
    set { if leg == .client { client = newValue } else { upstream = newValue } }
  }

  /// Goes on under another number, for a second server on the same client leg.
  func take(_ number: ConnectionNumber) { self.number = number }

  // MARK: set-up

  /// Builds the client leg's pipeline and begins to read.
  func begin() throws {
    guard let channel = client.channel else { return }
    if proxy.configuration.forward == nil {
      target = proxy.configuration.upstream
      try installHTTP(on: channel)
      startIdleTimer()
    } else {
      try expectGreeting(on: channel)
    }
    if let tls = proxy.configuration.clientTLS { try expectTLS(tls, on: channel, host: nil) }
  }

  /// HTTP is what comes next on the client leg.
  func installHTTP(on channel: any Channel) throws {
    let counter = ArrivalCounter()
    var framing = HTTPResponseEncoder.Configuration()
    framing.automaticallySetFramingHeaders = false
    // The decoder that a tunnel came from may not have left yet.
    let name = tunnel == nil ? "request-decoder-0" : "request-decoder-in-tunnel"
    let operations = channel.pipeline.syncOperations
    try operations.addHandler(counter)
    try operations.addHandler(HTTPResponseEncoder(configuration: framing), name: Self.encoderName)
    try operations.addHandler(requestDecoder(), name: name)
    try operations.addHandler(
      LegHandler<HTTPServerRequestPart>(self, .client) { $0.requestPartReceived($1) }, name: Self.legName)
    client.http = (counter, name)
  }

  static let legName = "leg"
  static let encoderName = "encoder"

  func requestDecoder() -> ByteToMessageHandler<HTTPRequestDecoder> {
    ByteToMessageHandler(
      HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: proxy.headerLimits))
  }

  func connect() {
    guard let channel = client.channel, let target else { return }
    let connecting = proxy.dialer.dial(target, via: via, on: channel.eventLoop)
    connecting.assumeIsolated().whenComplete { result in
      switch result {
      case .success(let upstream): self.connected(upstream)
      case .failure(let error): self.couldNotConnect(error)
      }
    }
  }

  func connected(_ channel: any Channel) {
    guard case .connecting(let parts) = phase, client.channel != nil else {
      channel.close(promise: nil)
      return
    }
    let counter = ArrivalCounter()
    var framing = HTTPRequestEncoder.Configuration()
    framing.automaticallySetFramingHeaders = false
    let decoder = ByteToMessageHandler(
      HTTPResponseDecoder(
        leftOverBytesStrategy: .forwardBytes, informationalResponseStrategy: .forward,
        limitConfiguration: proxy.headerLimits))
    let operations = channel.pipeline.syncOperations
    do {
      try operations.addHandler(counter)
      try operations.addHandler(HTTPRequestEncoder(configuration: framing), name: Self.encoderName)
      try operations.addHandler(decoder, name: "response-decoder")
      try operations.addHandler(
        LegHandler<HTTPClientResponsePart>(self, .upstream) { $0.responsePartReceived($1) },
        name: Self.legName)
    } catch {
      channel.close(promise: nil)
      return couldNotConnect(error)
    }
    upstream.channel = channel
    upstream.tls = Self.tlsVersion(of: channel)
    upstream.http = (counter, "response-decoder")
    phase = .relaying
    wasOpened = true
    if !isRequestOnRecord { noteOpened(channel) }
    for part in parts { pass(part) }
    if client.inputEnded { upstream.endsOutputAfterFlush = true }
    tick.flush(self, .upstream)
    tick.flush(self, .client)
  }

  private func noteOpened(_ channel: any Channel) {
    tick.observe(
      number,
      .opened(
        client: clientAddress,
        upstream: channel.remoteAddress.map(Self.text) ?? target?.host ?? "unknown",
        facts: ConnectionFacts(
          clientTLS: client.tls, upstreamTLS: upstream.tls,
          isUnverified: upstream.tls != nil && proxy.configuration.upstreamTLS?.isVerifying == false,
          host: proxy.configuration.forward == nil
            ? nil : target.map { "\(Self.hostText($0.host)):\($0.port)" })))
  }

  func couldNotConnect(_ error: any Error) {
    guard case .connecting(let parts) = phase else { return }
    let upstream = target?.description ?? "unknown"
    proxy.diagnose(
      "connection \(number.number): upstream \(upstream) cannot be reached: \(Self.explain(error))"
    )
    if let failed = error as? TLSHandshake.Failed {
      tick.observe(number, .tlsFailed(.server, at: upstream, failed.explanation))
    }
    phase = .refusing(
      explanation: "ackscope: upstream \(upstream) cannot be reached: \(Self.explain(error))\n")
    for part in parts { pass(part) }
    client.channel?.read()
  }

  // MARK: splice

  /// The upgrade was answered: the HTTP handlers leave, and what they had read beyond it comes out of them first.
  func splice() {
    exchanges.removeAll()
    phase = .spliced
    decideOnLeaving()
    stopIdleTimer()
    tick.observe(number, .responseEnded)
    tick.flush(self, .client)
    for leg in [Leg.upstream, .client] {
      guard let operations = self[leg].channel?.pipeline.syncOperations, let http = self[leg].http else {
        continue
      }
      do {
        try operations.addHandler(
          LegHandler<ByteBuffer>(self, leg) { $0.bytesReceived($1, on: leg) }, name: "splice")
      } catch {
        return close()
      }
      self[leg].splicedBytes = http.counter.bytes
      self[leg].http = nil
      operations.removeHandler(name: Self.legName, promise: nil)
      operations.removeHandler(name: Self.encoderName, promise: nil)
      operations.removeHandler(http.counter, promise: nil)
      decodersLeft += 1
      operations.removeHandler(name: http.decoderName).assumeIsolated().whenComplete { _ in
        self.decoderLeft()
      }
      tick.flush(self, leg)
    }
  }

  func bytesReceived(_ buffer: ByteBuffer, on leg: Leg) {
    guard case .spliced = phase else { return }
    if leg == .client {
      client.splicedBytes &+= UInt64(buffer.readableBytes)
      if upstream.outputEnded { tick.observe(number, .undeliverable(to: .server)) }
      if !isPassedThrough { tick.observe(number, .bytes(buffer, from: .client)) }
      if !upstream.outputEnded { upstream.channel?.write(buffer, promise: nil) }
      tick.flush(self, .upstream)
    } else {
      upstream.splicedBytes &+= UInt64(buffer.readableBytes)
      if client.outputEnded { tick.observe(number, .undeliverable(to: .client)) }
      if !isPassedThrough { tick.observe(number, .bytes(buffer, from: .server)) }
      if !client.outputEnded { client.channel?.write(buffer, promise: nil) }
      tick.flush(self, .client)
    }
  }

  // MARK: flow

  func readCompleted(on leg: Leg) {
    if self[leg].http != nil { checkProgress(of: leg) }
    readOn(leg)
    tick.flush(self, leg.partner)
  }

  /// Lets a leg of a splice that stays be read again while its partner takes what comes, before the loop has stopped waiting
  /// for the leg: that saves two system calls a read. (One that is about to be handed over must not be read then.)
  /// What is read in one tick is flushed at its end, so only one read more than the partner has room for can be taken in.
  private func readOn(_ leg: Leg) {
    self[leg].isReadDue = false
    guard case .spliced = phase, !isLeaving, !self[leg].inputEnded,
      self[leg.partner].channel?.isWritable == true
    else { return }
    self[leg].isReadDue = true
    self[leg].channel?.read()
  }

  /// Notes that a flush of the leg is due; false where one is already.
  func markFlushDue(_ leg: Leg) -> Bool {
    if self[leg].isFlushDue { return false }
    self[leg].isFlushDue = true
    return true
  }

  /// Sends what was written to a leg and lets its partner be read again, if the leg takes more.
  func flush(_ leg: Leg) {
    self[leg].isFlushDue = false
    guard let channel = self[leg].channel else {
      // Without an upstream leg nothing holds the client back but the set-up itself.
      if leg == .upstream, !isConnecting { client.channel?.read() }
      return
    }
    channel.flush()
    if draining != nil { return prepareHandOver(of: leg, channel) }
    if self[leg].endsOutputAfterFlush || self[leg].closesAfterFlush, decodersLeft == 0 {
      endOutput(of: leg, channel)
    }
    if channel.isWritable || self[leg].outputEnded {
      // Its answers come first: a client gets no further ahead of them than this.
      if leg == .upstream, exchanges.count >= Self.exchangesAhead { return }
      if !self[leg.partner].isReadDue { self[leg.partner].channel?.read() }
    } else if self[leg].stalledSince == nil {
      self[leg].stalledSince = proxy.recorder.now
    }
  }

  /// Ends a leg's output once all that was written to it has left; a leg whose input has ended too closes with it.
  func endOutput(of leg: Leg, _ channel: any Channel) {
    guard !self[leg].outputEnded || self[leg].closesAfterFlush else { return }
    self[leg].outputEnded = true
    let drained = channel.eventLoop.makePromise(of: Void.self)
    // From the innermost handler on, so that no HTTP encoder sees it.
    if let counter = self[leg].http?.counter,
      let context = try? channel.pipeline.syncOperations.context(handler: counter)
    {
      context.writeAndFlush(NIOAny(ByteBuffer()), promise: drained)
    } else {
      channel.writeAndFlush(ByteBuffer(), promise: drained)
    }
    drained.futureResult.assumeIsolated().whenComplete { _ in
      self.closeOutput(of: leg, channel, mode: self[leg].closesAfterFlush ? .all : .output)
    }
  }

  var isConnecting: Bool { if case .connecting = phase { true } else { false } }

  func writabilityChanged(of leg: Leg) {
    guard self[leg].channel?.isWritable == true else { return }
    if let start = self[leg].stalledSince {
      self[leg].stalledSince = nil
      if proxy.recorder.now.since(start) >= Self.notableStall {
        tick.observe(number, .stalled(leg.peer, from: start))
      }
    }
    guard draining == nil else { return }
    if leg == .upstream, exchanges.count >= Self.exchangesAhead { return }
    self[leg.partner].channel?.read()
  }

  /// Requests of a connection that wait for their answers before the client is no longer read.
  static let exchangesAhead = 64

  /// Microseconds of backpressure worth a finding.
  static let notableStall: Int64 = 1_000_000

  // MARK: words

  static func text(_ address: SocketAddress) -> String {
    guard let ip = address.ipAddress, let port = address.port else { return "\(address)" }
    return ip.contains(":") ? "[\(ip)]:\(port)" : "\(ip):\(port)"
  }

  static func explain(_ error: any Error) -> String {
    error is UpstreamDialer.IsTheProxyItself
      ? "that is the proxy itself" : ConnectionWords.explain(error) ?? "\(error)"
  }
}
