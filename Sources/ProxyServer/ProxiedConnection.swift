import AckCorrelation
import NIOCore
import NIOHTTP1
import NIOPosix
import SessionDecoder

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// One client connection with its upstream leg: HTTP relayed message by message until a WebSocket upgrade, bytes
/// spliced after it.
///
/// Both legs live on one event loop, and everything here happens on it. What arrives is noted with the loop's
/// tick and written to the partner; at the end of the tick the records are written, and then the partner is
/// flushed (promise P2). A leg is read only while its partner is writable (P5). How a direction ends is passed
/// on as it happened: an orderly end as half-close, a reset as reset.
final class ProxiedConnection {
  private enum Phase {
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
    case closed
  }

  /// A request and the answer it waits for.
  private struct Exchange {
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

  private struct LegState {
    var channel: (any Channel)?
    var http: (counter: ArrivalCounter, decoderName: String)?
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
    /// A flush is due at the end of the tick.
    var isFlushDue = false

    var bytes: UInt64 { (http?.counter.bytes ?? 0) &+ splicedBytes }
  }

  let number: ConnectionNumber
  private let tick: LoopTick
  private let proxy: ProxyServer.Context
  private let clientAddress: String
  private var phase = Phase.waiting
  private var client = LegState()
  private var upstream = LegState()
  private var exchanges: CircularBuffer<Exchange> = []
  private var idleTimer: Scheduled<Void>?
  private var wasOpened = false
  private var wasObserved = false
  private var isFinished = false
  private var closing: (by: CloseInitiator, code: UInt16?, reason: String?)?

  init(number: ConnectionNumber, client channel: any Channel, tick: LoopTick, proxy: ProxyServer.Context) {
    self.number = number
    self.tick = tick
    self.proxy = proxy
    clientAddress = channel.remoteAddress.map(Self.text) ?? "unknown"
    client.channel = channel
  }

  private subscript(leg: Leg) -> LegState {
    get { leg == .client ? client : upstream }
    set { if leg == .client { client = newValue } else { upstream = newValue } }
  }

  // MARK: set-up

  /// Builds the client leg's pipeline and begins to read.
  func begin() throws {
    guard let channel = client.channel else { return }
    let counter = ArrivalCounter()
    var framing = HTTPResponseEncoder.Configuration()
    framing.automaticallySetFramingHeaders = false
    let name = "request-decoder-0"
    let operations = channel.pipeline.syncOperations
    try operations.addHandler(counter)
    try operations.addHandler(HTTPResponseEncoder(configuration: framing), name: Self.encoderName)
    try operations.addHandler(requestDecoder(), name: name)
    try operations.addHandler(
      LegHandler<HTTPServerRequestPart>(self, .client) { $0.requestPartReceived($1) }, name: Self.legName)
    client.http = (counter, name)
    startIdleTimer()
  }

  private static let legName = "leg"
  private static let encoderName = "encoder"

  private func requestDecoder() -> ByteToMessageHandler<HTTPRequestDecoder> {
    ByteToMessageHandler(
      HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: proxy.headerLimits))
  }

  private func connect() {
    guard let channel = client.channel else { return }
    let address = proxy.configuration.upstream
    let bootstrap = ClientBootstrap(group: channel.eventLoop)
      .connectTimeout(proxy.configuration.limits.connectTimeout)
      .channelOption(.autoRead, value: false)
      .channelOption(.allowRemoteHalfClosure, value: true)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
    let connecting: EventLoopFuture<any Channel> =
      if let literal = try? SocketAddress(ipAddress: address.host, port: address.port) {
        bootstrap.connect(to: literal)
      } else {
        bootstrap.connect(host: address.host, port: address.port)
      }
    connecting.assumeIsolated().whenComplete { result in
      switch result {
      case .success(let upstream): self.connected(upstream)
      case .failure(let error): self.couldNotConnect(error)
      }
    }
  }

  private func connected(_ channel: any Channel) {
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
    upstream.http = (counter, "response-decoder")
    phase = .relaying
    wasOpened = true
    tick.observe(
      number,
      .opened(
        client: clientAddress,
        upstream: channel.remoteAddress.map(Self.text) ?? proxy.configuration.upstream.host))
    for part in parts { requestPartReceived(part) }
    if client.inputEnded { upstream.endsOutputAfterFlush = true }
    tick.flush(self, .upstream)
    tick.flush(self, .client)
  }

  private func couldNotConnect(_ error: any Error) {
    guard case .connecting(let parts) = phase else { return }
    let upstream = proxy.configuration.upstream
    proxy.diagnose(
      "connection \(number.number): upstream \(upstream.description) cannot be reached: \(Self.explain(error))"
    )
    phase = .refusing(
      explanation: "ackscope: upstream \(upstream.description) cannot be reached: \(Self.explain(error))\n")
    for part in parts { requestPartReceived(part) }
    client.channel?.read()
  }

  // MARK: HTTP from the client

  private func requestPartReceived(_ part: HTTPServerRequestPart) {
    switch phase {
    case .waiting:
      guard case .head = part else { return }
      stopIdleTimer()
      phase = .connecting([part])
      connect()
    case .connecting(var parts):
      parts.append(part)
      phase = .connecting(parts)
    case .relaying: relay(part)
    case .refusing(let explanation): refuse(part, explanation)
    case .answered, .spliced, .closed: return
    }
  }

  private func relay(_ part: HTTPServerRequestPart) {
    switch part {
    case .head(let head):
      stopIdleTimer()
      relay(head)
    case .body(let buffer):
      guard let exchange = exchanges.last else { return }
      if exchange.isObserved { tick.observe(number, .requestBody(buffer)) }
      writeUpstream(.body(.byteBuffer(buffer)))
    case .end(let trailers):
      guard let last = exchanges.indices.last else { return }
      exchanges[last].requestEnded = true
      if exchanges[last].isObserved { tick.observe(number, .requestEnded) }
      writeUpstream(.end(trailers))
    }
  }

  private func relay(_ head: HTTPRequestHead) {
    let forwarded: HTTPRequestHead
    do throws(ForwardedRequest.Refusal) {
      forwarded = try proxy.forwarding.head(from: head)
    } catch {
      return answer(.notImplemented, "ackscope: \(error.explanation)\n")
    }
    begin(exchange: head)
    writeUpstream(.head(forwarded))
  }

  private func begin(exchange head: HTTPRequestHead) {
    let request = RequestHead(
      method: head.method.rawValue, target: head.uri, headers: head.headers.map { ($0.name, $0.value) })
    let exchange = Exchange(
      isObserved: request.asksForWebSocket || proxy.isEngineIO(head.uri),
      asksForWebSocket: request.asksForWebSocket,
      isHead: head.method == .HEAD)
    exchanges.append(exchange)
    wasObserved = wasObserved || exchange.isObserved
    if exchange.isObserved { tick.observe(number, .requestStarted(request)) }
  }

  /// Not only reads bring parts: what a decoder held back comes without the end of a read behind it.
  private func writeUpstream(_ part: HTTPClientRequestPart) {
    upstream.channel?.write(part, promise: nil)
    tick.flush(self, .upstream)
  }

  /// Reads a request for which there is no upstream, so that what it carried is on record, and answers it.
  private func refuse(_ part: HTTPServerRequestPart, _ explanation: String) {
    switch part {
    case .head(let head):
      begin(exchange: head)
      if exchanges.last?.isObserved == true { tick.observe(number, .undeliverable(to: .server)) }
    case .body(let buffer):
      if exchanges.last?.isObserved == true { tick.observe(number, .requestBody(buffer)) }
    case .end:
      if exchanges.last?.isObserved == true { tick.observe(number, .requestEnded) }
      answer(.badGateway, explanation)
    }
  }

  /// Answers in the proxy's own name, where the client still waits for an answer, and closes.
  private func answer(_ status: HTTPResponseStatus, _ explanation: String) {
    closing = closing ?? (.proxy, nil, explanation.split(separator: "\n").first.map(String.init))
    let isBehindAnother = exchanges.count > 1 || exchanges.first?.status != nil
    guard let channel = client.channel, !client.outputEnded else { return close() }
    guard !isBehindAnother else { return close() }
    let head = HTTPResponseHead(
      version: .http1_1, status: status,
      headers: [
        "Content-Type": "text/plain; charset=utf-8", "Content-Length": "\(explanation.utf8.count)",
        "Connection": "close",
      ])
    if exchanges.first?.isObserved == true {
      tick.observe(
        number,
        .responseStarted(
          ResponseHead(status: Int(status.code), headers: head.headers.map { ($0.name, $0.value) })))
      tick.observe(number, .responseEnded)
    }
    channel.write(HTTPServerResponsePart.head(head), promise: nil)
    if exchanges.first?.isHead != true {
      channel.write(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(string: explanation))), promise: nil)
    }
    channel.write(HTTPServerResponsePart.end(nil), promise: nil)
    exchanges.removeAll()
    client.endsOutputAfterFlush = true
    upstream.closesAfterFlush = true
    // Closing at once could meet late bytes of the client with a reset, which would destroy the answer on its way.
    phase = .answered
    tick.flush(self, .client)
    tick.flush(self, .upstream)
    startIdleTimer(proxy.configuration.limits.stopGrace)
  }

  // MARK: HTTP from the upstream

  private func responsePartReceived(_ part: HTTPClientResponsePart) {
    guard case .relaying = phase, !exchanges.isEmpty else { return }
    switch part {
    case .head(let head): relay(head)
    case .body(let buffer):
      if exchanges[exchanges.startIndex].isObserved { tick.observe(number, .responseBody(buffer)) }
      client.channel?.write(HTTPServerResponsePart.body(.byteBuffer(buffer)), promise: nil)
    case .end(let trailers):
      let exchange = exchanges[exchanges.startIndex]
      if exchange.status == 101 { return splice() }
      exchanges.removeFirst()
      if exchange.isObserved { tick.observe(number, .responseEnded) }
      if !exchange.answersWithoutBody {
        client.channel?.write(HTTPServerResponsePart.end(trailers), promise: nil)
      }
      if exchange.asksForWebSocket { renewRequestDecoder() }
      if exchanges.isEmpty { startIdleTimer() }
    }
  }

  private func relay(_ head: HTTPResponseHead) {
    let status = Int(head.status.code)
    if status == 101, !exchanges[exchanges.startIndex].asksForWebSocket {
      proxy.diagnose(
        "connection \(number.number): the server switched protocols without being asked; answered 502")
      return answer(.badGateway, "ackscope: the server switched protocols without being asked\n")
    }
    let forwarded: HTTPResponseHead
    do throws(ForwardedRequest.Refusal) {
      forwarded = try ForwardedRequest.head(from: head)
    } catch {
      proxy.diagnose("connection \(number.number): from the server: \(error.explanation); answered 502")
      return answer(.badGateway, "ackscope: from the server: \(error.explanation)\n")
    }
    client.channel?.write(HTTPServerResponsePart.head(forwarded), promise: nil)
    // Other interim answers (RFC 9110 §15.2) only announce the one that counts.
    guard status >= 200 || status == 101 else { return }
    exchanges[exchanges.startIndex].status = status
    if exchanges[exchanges.startIndex].isObserved {
      let headers = head.headers.map { ($0.name, $0.value) }
      tick.observe(number, .responseStarted(ResponseHead(status: status, headers: headers)))
    }
  }

  /// The decoder stops behind every request that asks for an upgrade, whatever comes of it. After a refusal the
  /// client may go on with HTTP, so a new decoder takes over, with the bytes that the old one holds.
  private func renewRequestDecoder() {
    guard let operations = client.channel?.pipeline.syncOperations, let http = client.http else { return }
    let generation = (http.decoderName.split(separator: "-").last.flatMap { Int($0) } ?? 0) + 1
    let name = "request-decoder-\(generation)"
    do {
      let context = try operations.context(name: http.decoderName)
      try operations.addHandler(requestDecoder(), name: name, position: .after(context.handler))
      client.http = (http.counter, name)
      operations.removeHandler(name: http.decoderName, promise: nil)
    } catch {
      close()
    }
  }

  // MARK: splice

  /// The upgrade was answered: the HTTP handlers leave, and what they had read beyond it comes out of them first.
  private func splice() {
    exchanges.removeAll()
    phase = .spliced
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
      operations.removeHandler(name: http.decoderName, promise: nil)
      tick.flush(self, leg)
    }
  }

  private func bytesReceived(_ buffer: ByteBuffer, on leg: Leg) {
    guard case .spliced = phase else { return }
    if leg == .client {
      client.splicedBytes &+= UInt64(buffer.readableBytes)
      if upstream.outputEnded { tick.observe(number, .undeliverable(to: .server)) }
      tick.observe(number, .bytes(buffer, from: .client))
      if !upstream.outputEnded { upstream.channel?.write(buffer, promise: nil) }
      tick.flush(self, .upstream)
    } else {
      upstream.splicedBytes &+= UInt64(buffer.readableBytes)
      if client.outputEnded { tick.observe(number, .undeliverable(to: .client)) }
      tick.observe(number, .bytes(buffer, from: .server))
      if !client.outputEnded { client.channel?.write(buffer, promise: nil) }
      tick.flush(self, .client)
    }
  }

  // MARK: flow

  func readCompleted(on leg: Leg) {
    tick.flush(self, leg.partner)
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
    if self[leg].endsOutputAfterFlush || self[leg].closesAfterFlush { endOutput(of: leg, channel) }
    if channel.isWritable || self[leg].outputEnded {
      self[leg.partner].channel?.read()
    } else if self[leg].stalledSince == nil {
      self[leg].stalledSince = proxy.recorder.now
    }
  }

  /// Ends a leg's output once all that was written to it has left; a leg whose input has ended too closes with it.
  private func endOutput(of leg: Leg, _ channel: any Channel) {
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
      channel.close(mode: self[leg].closesAfterFlush ? .all : .output, promise: nil)
    }
  }

  private var isConnecting: Bool { if case .connecting = phase { true } else { false } }

  func writabilityChanged(of leg: Leg) {
    guard self[leg].channel?.isWritable == true else { return }
    if let start = self[leg].stalledSince {
      self[leg].stalledSince = nil
      if proxy.recorder.now.since(start) >= Self.notableStall {
        tick.observe(number, .stalled(leg.peer, from: start))
      }
    }
    self[leg.partner].channel?.read()
  }

  /// Microseconds of backpressure worth a finding.
  private static let notableStall: Int64 = 1_000_000

  // MARK: ends

  /// The peer ended its direction in order: so does the partner, behind what it still gets.
  func inputClosed(on leg: Leg) {
    guard !self[leg].inputEnded else { return }
    self[leg].inputEnded = true
    noteEnd(of: leg, .fin)
    switch phase {
    case .waiting, .closed: close()
    case .connecting: return
    case .refusing, .answered:
      client.closesAfterFlush = true
      tick.flush(self, .client)
    case .relaying, .spliced:
      self[leg.partner].endsOutputAfterFlush = true
      tick.flush(self, leg.partner)
    }
  }

  func failed(on leg: Leg, _ error: any Error) {
    if error is HTTPParserError || error is NIOHTTPDecoderError { return refuseMalformed(on: leg, error) }
    guard self[leg].channel != nil else { return }
    self[leg].inputEnded = true
    self[leg].outputEnded = true
    self[leg].wasReset = true
    noteEnd(of: leg, .reset)
    self[leg].channel?.close(promise: nil)
    resetAfterLastRead(leg.partner)
  }

  func becameInactive(_ leg: Leg) {
    let wasEnded = self[leg].inputEnded
    self[leg].channel = nil
    self[leg].inputEnded = true
    self[leg].outputEnded = true
    if case .connecting = phase, leg == .client { phase = .closed }
    if !wasEnded, closing == nil { noteEnd(of: leg, .reset) }
    if self[leg.partner].channel == nil { return finish() }
    if self[leg].wasReset { return }
    if wasEnded {
      self[leg.partner].closesAfterFlush = true
      tick.flush(self, leg.partner)
    } else {
      resetAfterLastRead(leg.partner)
    }
  }

  private func refuseMalformed(on leg: Leg, _ error: any Error) {
    if leg == .upstream {
      // An answer that broke off is passed on as far as it came, and then ends as it did here. The decoder complains
      // before the end itself is told.
      guard !self[leg].inputEnded else { return }
      if case HTTPParserError.invalidEOFState = error { return }
      proxy.diagnose("connection \(number.number): the server's answer is not HTTP/1.1 (\(error))")
      if exchanges.first?.status == nil {
        answer(.badGateway, "ackscope: the server's answer is not HTTP/1.1\n")
      } else {
        close()
      }
      return
    }
    switch phase {
    case .answered, .closed: return
    default: break
    }
    if case HTTPParserError.invalidEOFState = error { return close() }
    let isTooLarge = if case HTTPParserError.headerOverflow = error { true } else { false }
    proxy.diagnose(
      "connection \(number.number): client \(clientAddress) sent "
        + (isTooLarge
          ? "header fields above \(proxy.configuration.limits.headerBytes) bytes"
          : "a malformed request (\(error))")
    )
    if isTooLarge {
      answer(
        .requestHeaderFieldsTooLarge,
        "ackscope: the request's header fields are above \(proxy.configuration.limits.headerBytes) bytes\n")
    } else {
      answer(.badRequest, "ackscope: the request is not well-formed HTTP/1.1\n")
    }
  }

  private func noteEnd(of leg: Leg, _ how: EndOfLeg) {
    closing = closing ?? (leg == .client ? .client : .server, nil, nil)
    if wasOpened { tick.observe(number, .legEnded(leg.peer, how)) }
  }

  /// Resets a leg because its partner was reset, but first reads what had arrived on it: it did reach the proxy, and
  /// the record is to say what became of it.
  private func resetAfterLastRead(_ leg: Leg) {
    guard let channel = self[leg].channel else { return finish() }
    channel.flush()
    channel.read()
    let loop = channel.eventLoop.assumeIsolated()
    // One pass of the selector lies between the two tasks.
    loop.execute {
      loop.execute {
        guard let channel = self[leg].channel else { return }
        // No linger: closing sends a reset.
        _ = (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
        channel.close(promise: nil)
      }
    }
  }

  /// Closes both legs.
  private func close() {
    client.channel?.close(promise: nil)
    upstream.channel?.close(promise: nil)
    if client.channel == nil && upstream.channel == nil { finish() }
  }

  private func finish() {
    if isFinished { return }
    isFinished = true
    phase = .closed
    stopIdleTimer()
    if wasOpened || wasObserved {
      let end = closing ?? (.client, nil, nil)
      tick.observe(
        number,
        .closed(
          by: end.by, code: end.code, reason: end.reason, clientBytes: client.bytes,
          serverBytes: upstream.bytes))
    }
    tick.closed(self)
  }

  // MARK: stop and time

  /// Ends the connection because the proxy stops: peers of a WebSocket get a close frame with 1001 where it does
  /// not fall into a frame of theirs.
  func stop() {
    closing = closing ?? (.proxy, 1001, "the proxy stops")
    guard case .spliced = phase else { return close() }
    for leg in [Leg.client, .upstream] {
      guard let channel = self[leg].channel, !self[leg].outputEnded else { continue }
      if proxy.recorder.mayInject(number, toward: leg.peer) {
        channel.write(Self.closeFrame(masked: leg == .upstream), promise: nil)
      }
      self[leg].endsOutputAfterFlush = true
      tick.flush(self, leg)
    }
  }

  /// Ends the connection at once.
  func abort() {
    closing = closing ?? (.proxy, nil, "the proxy stops")
    close()
  }

  /// A close frame with status 1001 (RFC 6455 §5.5.1, §7.4.1).
  private static func closeFrame(masked: Bool) -> ByteBuffer {
    guard masked else { return ByteBuffer(bytes: [0x88, 0x02, 0x03, 0xE9]) }
    let key = (0..<4).map { _ in UInt8.random(in: .min ... .max) }
    return ByteBuffer(bytes: [0x88, 0x82] + key + [0x03 ^ key[0], 0xE9 ^ key[1]])
  }

  private func startIdleTimer(_ time: TimeAmount? = nil) {
    stopIdleTimer()
    guard let channel = client.channel else { return }
    let time = time ?? proxy.configuration.limits.idleTimeout
    idleTimer = channel.eventLoop.assumeIsolated().scheduleTask(in: time) {
      if self.closing == nil {
        self.proxy.diagnose(
          "connection \(self.number.number): client \(self.clientAddress) sent no request for \(time.nanoseconds / 1_000_000_000) s; closed"
        )
      }
      self.closing = self.closing ?? (.proxy, nil, "idle timeout")
      self.close()
    }
  }

  private func stopIdleTimer() {
    idleTimer?.cancel()
    idleTimer = nil
  }

  // MARK: words

  private static func text(_ address: SocketAddress) -> String {
    guard let ip = address.ipAddress, let port = address.port else { return "\(address)" }
    return ip.contains(":") ? "[\(ip)]:\(port)" : "\(ip):\(port)"
  }

  private static func explain(_ error: any Error) -> String {
    switch error {
    case let error as IOError: String(cString: strerror(error.errnoCode))
    case let error as NIOConnectionError:
      if let first = error.connectionErrors.first {
        explain(first.error)
      } else {
        "the name '\(error.host)' has no address"
      }
    case ChannelError.connectTimeout: "no answer in time"
    default: "\(error)"
    }
  }
}
