import AckCorrelation
import CaptureFormat
import NIOCore
import NIOSSL
import NIOTLS
import OutgoingTLS
import SessionDecoder

// TLS on the legs: how it begins, how it ends, and what is beneath it.

extension ProxiedConnection {
  // MARK: the client's leg

  /// TLS is to be spoken to the client: puts a handler in place that waits for its first bytes, and shows it the certificate
  /// for the name it asks for.
  ///
  /// - Parameter host: where the client has said already where it wants to go; it is what it gets a certificate for unless it
  ///   asks for another.
  func expectTLS(_ tls: ClientTLS, on channel: any Channel, host: String?) throws {
    let hello = ByteToMessageHandler(
      SNIHandler { asked in
        let loop = channel.eventLoop
        do {
          try self.beginTLS(tls, on: channel, asked: asked, host: host)
          return loop.makeSucceededVoidFuture()
        } catch {
          self.handshakeCannotBegin(asked, error)
          return loop.makeFailedFuture(error)
        }
      })
    let operations = channel.pipeline.syncOperations
    if host == nil {
      try operations.addHandler(hello, name: Self.helloName, position: .first)
    } else if let counter = client.http?.counter {
      try operations.addHandler(hello, name: Self.helloName, position: .before(counter))
    }
    try operations.addHandler(
      HelloGate { self.handshakeBrokenOff() }, name: Self.gateName, position: .after(hello))
    startIdleTimer(proxy.configuration.limits.handshakeTimeout)
  }

  static var helloName: String { "hello" }
  private static var gateName: String { "gate" }

  private func handshakeBrokenOff() {
    guard closing == nil else { return }
    noteFailedHandshake("it hung up in the middle of it")
    close()
  }

  /// There is no certificate for what a client asks for.
  private func handshakeCannotBegin(_ asked: SNIResult, _ error: any Error) {
    var explanation = "there is no certificate for it: \(error)"
    if case .hostname(let name) = asked {
      explanation = "there is no certificate for the name '\(TerminalText.harmless(name))': \(error)"
    }
    noteFailedHandshake(explanation)
    // Nothing is before this handler yet, so this goes out as it is: unrecognized_name (RFC 6066 §3).
    if let hello = try? client.channel?.pipeline.syncOperations.context(name: Self.helloName) {
      hello.writeAndFlush(NIOAny(ByteBuffer(bytes: [0x15, 3, 3, 0, 2, 2, 112])), promise: nil)
    }
    close()
  }

  /// Says and records that no TLS came about with the client.
  private func noteFailedHandshake(_ explanation: String) {
    closing = (.client, nil, "TLS handshake failed: \(explanation)")
    proxy.diagnose(
      "connection \(number.number): TLS handshake with client \(clientAddress) failed: \(explanation)")
    tick.observe(number, .tlsFailed(.client, at: clientAddress, explanation))
  }

  /// Whether TLS is expected of the client, and has not come about.
  var awaitsTLS: Bool {
    guard client.tls == nil, let operations = client.channel?.pipeline.syncOperations else { return false }
    return alerts != nil || (try? operations.context(name: Self.helloName)) != nil
  }

  /// The client has had its time for a handshake.
  func handshakeTimedOut(_ time: TimeAmount) {
    noteFailedHandshake("nothing more came of it for \(time.nanoseconds / 1_000_000_000) s")
  }

  private func beginTLS(_ tls: ClientTLS, on channel: any Channel, asked: SNIResult, host: String?) throws {
    let names: [String] =
      switch asked {
      case .hostname(let name): [name.lowercased()]
      case .fallback: host.map { [$0] } ?? Self.namesWithoutSNI(channel.localAddress)
      }
    if host != nil, case .hostname(let name) = asked { target?.serverName = name }
    let time = proxy.recorder.now.microseconds / 1_000_000
    let context = try tls.context(for: names, at: time)
    var configuration = NIOSSLHandler.Configuration()
    configuration.maximumPreservedOutboundBufferCapacity = 64 << 10
    let operations = channel.pipeline.syncOperations
    let hello = try operations.context(name: Self.helloName)
    let watch = AlertWatch()
    alerts = watch
    try operations.addHandler(watch, position: .after(hello.handler))
    // TLS within TLS stays with the event loop: its records are not what the socket holds.
    let isWithinTLS = (try? operations.context(handlerType: NIOSSLHandler.self)) != nil
    var records: (any ChannelHandler)?
    if isWithinTLS {
      try? operations.handler(type: RecordWatch.self).giveUp()
    } else if !proxy.splices.isEmpty {
      let following = RecordWatch(isServer: true, secrets: tls.secrets)
      try operations.addHandler(following, position: .after(watch))
      records = following
    }
    try operations.addHandler(
      NIOSSLServerHandler(context: context, configuration: configuration),
      position: .after(records ?? watch))
    if tunnel != nil { certificateShown = proxy.recorder.now }
    operations.removeHandler(name: Self.gateName, promise: nil)
    // What it has read of the handshake comes out of it.
    operations.removeHandler(context: hello, promise: nil)
  }

  /// A client that names no host means the address it has connected to.
  private static func namesWithoutSNI(_ address: SocketAddress?) -> [String] {
    let ip = address?.ipAddress ?? "127.0.0.1"
    return ip == "127.0.0.1" || ip == "::1" ? [ip, "localhost"] : [ip]
  }

  // MARK: what TLS says

  /// The handshake on a leg is done.
  func secured(_ leg: Leg) {
    self[leg].tls = tlsVersion(of: leg)
    if leg == .client, let watch = alerts, let channel = client.channel {
      channel.pipeline.syncOperations.removeHandler(watch, promise: nil)
      alerts = nil
    }
    if leg == .client, case .waiting = phase { startIdleTimer() }
  }

  /// The version of TLS on a leg; nil where it is plain.
  func tlsVersion(of leg: Leg) -> String? {
    guard let channel = self[leg].channel else { return nil }
    return Self.tlsVersion(of: channel)
  }

  static func tlsVersion(of channel: any Channel) -> String? {
    guard let version = try? channel.pipeline.syncOperations.nioSSL_tlsVersion() else { return nil }
    return switch version {
    case .tlsv13: "1.3"
    case .tlsv12: "1.2"
    case .tlsv11: "1.1"
    case .tlsv1: "1.0"
    }
  }

  /// TLS on a leg failed; false where the error is none of its own.
  func tlsFailed(on leg: Leg, _ error: any Error) -> Bool {
    guard TLSWords.isTLS(error) else { return false }
    switch error {
    case NIOSSLError.uncleanShutdown:
      // The end itself is told next, in the way in which it came.
      if !self[leg].inputEnded { self[leg].isCutOff = true }
      return true
    case NIOSSLError.handshakeFailed where leg == .client:
      handshakeFailed(error)
      return true
    case is NIOSSLCloseTimedOutError: return true
    default:
      // What a peer complains of once its partner is gone is news to nobody.
      guard !self[leg].outputEnded, closing == nil else { return false }
      if leg == .client, TLSWords.refusesCertificate(error) { certificateRefused() }
      proxy.diagnose(
        "connection \(number.number): TLS of the \(leg.peer == .client ? "client" : "server") failed: \(TLSWords.explain(error))"
      )
      return leg == .upstream && refusedBehindHandshake(error)
    }
  }

  /// A server that asks for a client certificate says so in TLS 1.3 when its handshake is over for us, in place of its first
  /// answer: the client gets a 502 as it does for a handshake that failed.
  ///
  /// - Returns: false where an answer has begun already.
  private func refusedBehindHandshake(_ error: any Error) -> Bool {
    guard case .relaying = phase, !exchanges.isEmpty, upstream.bytes == 0, let channel = upstream.channel
    else { return false }
    let name = target?.description ?? "unknown"
    let explanation = "TLS handshake failed: \(TLSWords.explain(error))"
    closing = (.server, nil, explanation)
    tick.observe(number, .tlsFailed(.server, at: name, explanation))
    upstream.inputEnded = true
    upstream.outputEnded = true
    answer(.badGateway, "ackscope: upstream \(name) cannot be reached: \(explanation)\n")
    closeAtOnce(channel)
    return true
  }

  private func handshakeFailed(_ error: any Error) {
    let alert = alerts?.alert
    let explanation = alert.map(TLSWords.explain(alert:)) ?? TLSWords.explain(error)
    guard closing == nil else { return }
    noteFailedHandshake(explanation)
    if alert.map(TLSWords.refusesCertificate(alert:)) ?? TLSWords.refusesCertificate(error) {
      certificateRefused()
    } else if !(alert.map(TLSWords.givesUp(alert:)) ?? TLSWords.isHangUp(error)) {
      // It failed for another reason than what the certificate says.
      certificateShown = nil
    }
    self[.client].inputEnded = true
    self[.client].outputEnded = true
    if alerts?.beginsWithLetter == true, let channel = client.channel, let tls = tlsContext(of: channel) {
      tls.writeAndFlush(NIOAny(ByteBuffer(string: Self.speakTLS)), promise: nil)
    }
  }

  private static let speakTLS = {
    let line = "ackscope: this port speaks TLS; use https:// or wss://\n"
    return
      "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: \(line.utf8.count)\r\nConnection: close\r\n\r\n\(line)"
  }()

  /// Whether an answer that lasts as long as its connection was cut off; a plain client then gets a reset in place of an end,
  /// since it has no other way to know that something is missing (RFC 9112 §9.8).
  var answerIsCutOff: Bool {
    guard upstream.isCutOff, client.tls == nil else { return false }
    // No end in order comes before the reset.
    client.outputEnded = true
    resetAfterLastRead(.client)
    return true
  }

  // MARK: beneath TLS

  /// Ends a leg's output as it ended on its partner: with close_notify, or, where the partner was cut off, without.
  func closeOutput(of leg: Leg, _ channel: any Channel, mode: CloseMode) {
    guard self[leg.partner].isCutOff, let tls = tlsContext(of: channel) else {
      return channel.close(mode: mode, promise: nil)
    }
    tls.close(mode: mode, promise: nil)
  }

  /// Closes a channel without the courtesies of TLS.
  func closeAtOnce(_ channel: any Channel) {
    guard let tls = tlsContext(of: channel) else { return channel.close(promise: nil) }
    tls.close(promise: nil)
  }

  private func tlsContext(of channel: any Channel) -> ChannelHandlerContext? {
    try? channel.pipeline.syncOperations.context(handlerType: NIOSSLHandler.self)
  }
}
