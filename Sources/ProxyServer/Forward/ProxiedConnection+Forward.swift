import AckCorrelation
import NIOCore
import NIOHTTP1
import NIOSSL
import SessionDecoder

// The forward proxy: where a client's request is to go, and the tunnels that it asks for.

extension ProxiedConnection {
  /// A way to one host that a client asked for, by CONNECT or SOCKS.
  struct Tunnel {
    var host: String
    var port: Int
    /// How the client hears that it stands, or does not.
    var way: Way

    enum Way {
      case connect, socks
    }
  }

  // MARK: the beginning

  /// A client of a forward proxy speaks HTTP or SOCKS: its first byte tells.
  func expectGreeting(on channel: any Channel) throws {
    let operations = channel.pipeline.syncOperations
    var socks = SOCKSRequest(access: proxy.configuration.access)
    var isSOCKS = false
    let first = FirstBytes { held in
      if !isSOCKS {
        switch FirstSpeech(held.readableBytesView.prefix(32)) {
        case .none: return .more
        case .http:
          do { try self.expectHTTP(on: channel) } catch { self.close() }
          return .release
        case .socks: isSOCKS = true
        case .tls, .other:
          self.proxy.diagnose(
            "connection \(self.number.number): client \(self.clientAddress) speaks neither HTTP nor SOCKS 5 to the proxy; closed"
          )
          self.close()
          return .hold
        }
      }
      return self.negotiate(&socks, &held, on: channel)
    }
    try operations.addHandler(first, name: Self.firstName)
    try operations.addHandler(
      LegHandler<ByteBuffer>(self, .client) { $0.bytesReceived($1, on: .client) }, name: Self.legName)
    startIdleTimer()
  }

  static var firstName: String { "first-bytes" }

  /// Puts HTTP in place of whatever handled the client's bytes, behind the first bytes and TLS.
  func expectHTTP(on channel: any Channel) throws {
    let operations = channel.pipeline.syncOperations
    operations.removeHandler(name: Self.legName, promise: nil)
    try installHTTP(on: channel)
  }

  private func negotiate(
    _ socks: inout SOCKSRequest, _ held: inout ByteBuffer, on channel: any Channel
  ) -> FirstBytes.Step {
    while true {
      var rest = Array(held.readableBytesView)[...]
      let step = socks.received(&rest)
      held.moveReaderIndex(forwardBy: held.readableBytes - rest.count)
      switch step {
      case .wait: return .more
      case .reply(let bytes): channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil)
      case .refuse(let bytes, let reason):
        proxy.diagnose("connection \(number.number): client \(clientAddress) refused: \(reason)")
        closing = closing ?? (.proxy, nil, reason)
        channel.writeAndFlush(ByteBuffer(bytes: bytes)).assumeIsolated().whenComplete { _ in self.close() }
        return .hold
      case .connect(let host, let port):
        // What follows belongs to the tunnel.
        let ahead = held
        held.clear()
        open(Tunnel(host: host, port: port, way: .socks), ahead: ahead)
        return .hold
      }
    }
  }

  // MARK: plain requests

  /// Where a request goes, and the request as its server is to see it; nil where it was answered here.
  func routed(_ head: HTTPRequestHead) -> HTTPRequestHead? {
    guard let forward = proxy.configuration.forward else { return head }
    // Within a tunnel everything goes to its end.
    if tunnel != nil {
      guard head.method != .CONNECT else {
        answer(.badRequest, "ackscope: a tunnel within a tunnel is not dug\n")
        return nil
      }
      return head
    }
    if head.method == .CONNECT {
      digTunnel(for: head, forward)
      return nil
    }
    via = head.headers["via"]
    if via.contains(where: { $0.contains(proxy.dialer.own.mark) }) {
      answer(.loopDetected, "ackscope: this request has been here before\n")
      return nil
    }
    guard let end = head.uri.firstRange(of: "://") else {
      answer(
        .badRequest,
        "ackscope: this is a forward proxy: set it as the proxy of your client, and ask for whole addresses like http://host/path\n"
      )
      return nil
    }
    let rest = head.uri[end.upperBound...]
    let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    guard let address = try? UpstreamAddress(String(head.uri[..<end.upperBound] + authority)) else {
      answer(.badRequest, "ackscope: the address of the request is not one to go to\n")
      return nil
    }
    if let target, target != address, case .relaying = phase {
      guard exchanges.isEmpty else {
        // Answers come in the order of the requests, and this one's would come from elsewhere.
        close()
        return nil
      }
      leaveUpstream()
    }
    target = address
    var routed = head
    routed.headers.remove(name: "proxy-authorization")
    routed.uri = ForwardedRequest.originForm(head.uri)
    return routed
  }

  /// The next request goes to another server: this connection ends for the record, and a new one begins on the same client leg.
  private func leaveUpstream() {
    if let old = upstream.channel {
      // Its end is nobody's any more.
      old.pipeline.syncOperations.removeHandler(name: Self.legName, promise: nil)
      old.close(promise: nil)
    }
    if wasOpened || wasObserved {
      tick.observe(
        number,
        .closed(
          by: .client, code: nil, reason: nil, clientBytes: client.bytes &- clientBytesBefore,
          serverBytes: upstream.bytes, cutOff: []))
    }
    clientBytesBefore = client.bytes
    upstream = LegState()
    (wasOpened, wasObserved, closing) = (false, false, nil)
    tick.renumber(self, proxy.nextNumber())
    phase = .waiting
  }

  // MARK: tunnels

  private func digTunnel(for head: HTTPRequestHead, _ forward: ForwardRules) {
    stopIdleTimer()
    via = head.headers["via"]
    if via.contains(where: { $0.contains(proxy.dialer.own.mark) }) {
      return answer(.loopDetected, "ackscope: this request has been here before\n")
    }
    guard let address = try? UpstreamAddress("https://" + head.uri), address.pathPrefix.isEmpty,
      head.uri.last != "/", head.uri.contains(":")
    else {
      return answer(.badRequest, "ackscope: CONNECT asks for a host and a port, like chat.example:443\n")
    }
    guard case .waiting = phase else {
      return answer(.badRequest, "ackscope: CONNECT has to come first on a connection\n")
    }
    // Some would take it for the first bytes of the tunnel (RFC 9110 §9.3.6).
    guard head.headers["transfer-encoding"].isEmpty, head.headers["content-length"].allSatisfy({ $0 == "0" })
    else { return answer(.badRequest, "ackscope: CONNECT has no body\n") }
    // The end of the request comes next, and then HTTP is over.
    pendingTunnel = Tunnel(host: address.host, port: address.port, way: .connect)
  }

  /// The request for the tunnel is complete: HTTP leaves the client's leg.
  func tunnelRequested() {
    guard let tunnel = pendingTunnel, let channel = client.channel else { return }
    pendingTunnel = nil
    let operations = channel.pipeline.syncOperations
    let catcher = FirstBytes { held in self.look(&held) }
    do {
      try operations.addHandler(catcher, name: Self.firstName)
      try operations.addHandler(
        LegHandler<ByteBuffer>(self, .client) { $0.bytesReceived($1, on: .client) }, name: "tunnel")
    } catch {
      return close()
    }
    let http = client.http
    client.http = nil
    clientBytesBefore = 0
    operations.removeHandler(name: Self.legName, promise: nil)
    operations.removeHandler(name: Self.encoderName, promise: nil)
    if let http {
      operations.removeHandler(http.counter, promise: nil)
      // What it read beyond the request comes out of it, to the catcher.
      operations.removeHandler(name: http.decoderName, promise: nil)
    }
    open(tunnel, ahead: ByteBuffer())
  }

  /// A tunnel was asked for: it is granted at once where it is looked into, else when its server is reached.
  private func open(_ tunnel: Tunnel, ahead: ByteBuffer) {
    guard let channel = client.channel, let forward = proxy.configuration.forward else { return close() }
    self.tunnel = tunnel
    tunnelOpened = proxy.recorder.now
    target = try? UpstreamAddress("https://\(Self.hostText(tunnel.host)):\(tunnel.port)")
    // A name must not become a path, a port or another host on the way.
    guard let target, target.pathPrefix.isEmpty, target.port == tunnel.port,
      target.host.lowercased() == tunnel.host.lowercased(), Self.isHost(target.host)
    else { return refuse(tunnel, "its name is no host name") }
    if case .socks = tunnel.way {
      // The catcher of the greeting has done its work; another waits for what comes through the tunnel.
      let operations = channel.pipeline.syncOperations
      operations.removeHandler(name: Self.firstName, promise: nil)
      do {
        let catcher = FirstBytes { held in self.look(&held) }
        let leg = try operations.context(name: Self.legName)
        try operations.addHandler(catcher, name: Self.firstName + "-2", position: .before(leg.handler))
      } catch {
        return close()
      }
    }
    if let reason = forward.reasonToPassThrough(tunnel.host, port: tunnel.port, client: clientAddress) {
      return passThrough(tunnel, because: reason, isGranted: false)
    }
    grant(tunnel, on: channel)
    if ahead.readableBytes > 0 { channel.pipeline.syncOperations.fireChannelRead(NIOAny(ahead)) }
    silence = channel.eventLoop.assumeIsolated().scheduleTask(in: proxy.configuration.limits.silence) {
      guard case .waiting = self.phase, self.client.http == nil else { return }
      self.passThrough(tunnel, because: "server_speaks_first", isGranted: true)
    }
    channel.read()
  }

  /// Whether a text is an address, or has only what occurs in names of hosts: letters, digits, `-`, `.` and `_`.
  private static func isHost(_ text: String) -> Bool {
    (try? SocketAddress(ipAddress: text, port: 0)) != nil
      || text.utf8.allSatisfy { byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
        default: false
        }
      }
  }

  static func hostText(_ host: String) -> String {
    host.contains(":") && !host.hasPrefix("[") ? "[\(host)]" : host
  }

  private func grant(_ tunnel: Tunnel, on channel: any Channel) {
    let reply =
      switch tunnel.way {
      case .connect: ByteBuffer(string: "HTTP/1.1 200 Connection established\r\n\r\n")
      case .socks: ByteBuffer(bytes: SOCKSRequest.reply(.succeeded))
      }
    channel.writeAndFlush(reply, promise: nil)
    startIdleTimer(proxy.configuration.limits.handshakeTimeout)
  }

  private func refuse(_ tunnel: Tunnel, _ reason: String) {
    proxy.diagnose(
      "connection \(number.number): no tunnel to \(tunnel.host):\(tunnel.port): \(reason)")
    closing = closing ?? (.proxy, nil, reason)
    guard let channel = client.channel else { return close() }
    let line = "ackscope: no tunnel to \(tunnel.host):\(tunnel.port): \(reason)\n"
    let reply =
      switch tunnel.way {
      case .connect:
        ByteBuffer(
          string:
            "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: \(line.utf8.count)\r\nConnection: close\r\n\r\n\(line)"
        )
      case .socks: ByteBuffer(bytes: SOCKSRequest.reply(.hostUnreachable))
      }
    channel.writeAndFlush(reply).assumeIsolated().whenComplete { _ in self.close() }
  }

  /// The first bytes through a granted tunnel.
  private func look(_ held: inout ByteBuffer) -> FirstBytes.Step {
    guard let tunnel, let channel = client.channel, let forward = proxy.configuration.forward else {
      return .hold
    }
    // A tunnel that is passed through looks at nothing.
    if case .connecting = phase { return .hold }
    guard let speech = FirstSpeech(held.readableBytesView.prefix(32)) else { return .more }
    silence?.cancel()
    do {
      switch speech {
      case .tls:
        try expectHTTP(inTunnelOn: channel)
        try expectTLS(forward.tls, on: channel, host: tunnel.host)
        return .release
      case .http:
        target?.usesTLS = false
        try expectHTTP(inTunnelOn: channel)
        startIdleTimer()
        return .release
      case .socks, .other:
        passThrough(tunnel, because: "not_tls", isGranted: true)
        return .hold
      }
    } catch {
      close()
      return .hold
    }
  }

  private func expectHTTP(inTunnelOn channel: any Channel) throws {
    channel.pipeline.syncOperations.removeHandler(name: legNameInTunnel, promise: nil)
    try installHTTP(on: channel)
  }

  private var legNameInTunnel: String {
    if case .connect = tunnel?.way { "tunnel" } else { Self.legName }
  }

  private var catcherName: String {
    if case .connect = tunnel?.way { Self.firstName } else { Self.firstName + "-2" }
  }

  /// Joins the client with the tunnel's end, and looks at nothing.
  ///
  /// - Parameter isGranted: the client was already told that the tunnel stands.
  private func passThrough(_ tunnel: Tunnel, because reason: String, isGranted: Bool) {
    guard let channel = client.channel, let target else { return close() }
    phase = .connecting([])
    stopIdleTimer()
    proxy.dialer.dialPlain(target, via: via, on: channel.eventLoop).assumeIsolated().whenComplete { result in
      switch result {
      case .failure(let error):
        guard case .connecting = self.phase else { return }
        let explanation = Self.explain(error)
        if isGranted {
          self.proxy.diagnose(
            "connection \(self.number.number): \(tunnel.host):\(tunnel.port) cannot be reached: \(explanation)"
          )
          self.closing = self.closing ?? (.proxy, nil, explanation)
          self.close()
        } else {
          self.refuse(tunnel, explanation)
        }
      case .success(let upstream):
        guard case .connecting = self.phase, self.client.channel != nil else {
          return upstream.close(promise: nil)
        }
        self.join(upstream, tunnel, because: reason, isGranted: isGranted)
      }
    }
  }

  private func join(_ channel: any Channel, _ tunnel: Tunnel, because reason: String, isGranted: Bool) {
    guard let client = client.channel else { return channel.close(promise: nil) }
    do {
      try channel.pipeline.syncOperations.addHandler(
        LegHandler<ByteBuffer>(self, .upstream) { $0.bytesReceived($1, on: .upstream) }, name: Self.legName)
    } catch {
      channel.close(promise: nil)
      return close()
    }
    upstream.channel = channel
    isPassedThrough = true
    phase = .spliced
    wasOpened = true
    tick.observe(
      number,
      .opened(
        client: clientAddress, upstream: channel.remoteAddress.map(Self.text) ?? tunnel.host,
        facts: ConnectionFacts(
          host: "\(Self.hostText(tunnel.host)):\(tunnel.port)", passedThrough: reason)))
    if !isGranted { grant(tunnel, on: client) }
    stopIdleTimer()
    if let catcher = try? client.pipeline.syncOperations.context(name: catcherName).handler as? FirstBytes {
      catcher.release(in: client)
    }
    tick.flush(self, .upstream)
    tick.flush(self, .client)
  }

  // MARK: certificates that are not taken

  /// A client said that it does not take the certificate it was shown.
  func certificateRefused() {
    certificateShown = nil
    guard let tunnel, let forward = proxy.configuration.forward,
      forward.certificateRefused(tunnel.host, port: tunnel.port, client: clientAddress)
    else { return }
    proxy.diagnose(
      "client \(clientAddress) does not take Ackscope's certificate for \(tunnel.host): it was not told to trust the authority ('ackscope ca trust'), or expects a certificate of its own; its next connections there are passed through unread"
    )
  }

  /// A client sent a request under the certificate it was shown.
  func certificateTaken() {
    certificateShown = nil
    guard let tunnel, let forward = proxy.configuration.forward else { return }
    forward.certificateTaken(tunnel.host, port: tunnel.port, client: clientAddress)
  }

  /// The connection is over. Where its client ended it soon after it was shown our certificate, during the handshake or behind
  /// it, in order or not, and had not sent a single byte under it, that is how clients refuse that say nothing.
  func clientHungUp() {
    guard let shown = certificateShown, let opened = tunnelOpened, let tunnel,
      let forward = proxy.configuration.forward
    else { return }
    certificateShown = nil
    guard (closing?.by ?? .client) == .client, (client.http?.counter.bytes ?? 0) == 0,
      proxy.recorder.now.since(shown) <= Self.timeToRefuse,
      let result = forward.clientHungUp(
        tunnel.host, port: tunnel.port, client: clientAddress, opened: opened, at: proxy.recorder.now)
    else { return }
    let consequence =
      switch result {
      case .isNoted: "when it does so once more, its connections there are passed through unread"
      case .isRefusal:
        "that was the second time, and its next connections there are passed through unread"
      }
    proxy.diagnose(
      "client \(clientAddress) hung up when it had been shown Ackscope's certificate for \(tunnel.host): it may not have been told to trust the authority ('ackscope ca trust'), or expect a certificate of its own; \(consequence)"
    )
  }

  /// Microseconds that a client takes at most to find a certificate wanting; one that ends a connection later has another reason.
  private static let timeToRefuse: Int64 = 5_000_000
}
