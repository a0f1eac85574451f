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

// How a connection ends: by its peers, by faults, by time, or because the proxy stops.

extension ProxiedConnection {
  // MARK: ends

  /// The peer ended its direction in order: so does the partner, behind what it still gets.
  func inputClosed(on leg: Leg) {
    guard !self[leg].inputEnded else { return }
    self[leg].inputEnded = true
    noteEnd(of: leg, .fin)
    switch phase {
    case .waiting, .closed: close()
    case .connecting, .handedOver: return
    case .refusing, .answered:
      client.closesAfterFlush = true
      tick.flush(self, .client)
    case .relaying, .spliced:
      self[leg.partner].endsOutputAfterFlush = true
      tick.flush(self, leg.partner)
    }
  }

  func failed(on leg: Leg, _ error: any Error) {
    if case .handedOver = phase { return }
    // What follows a malformed request is not read any more; that is no news, and no reason to reset the answer.
    if error is ByteToMessageDecoderError { return }
    if error is HTTPParserError || error is NIOHTTPDecoderError { return refuseMalformed(on: leg, error) }
    if tlsFailed(on: leg, error) { return }
    guard self[leg].channel != nil else { return }
    self[leg].inputEnded = true
    self[leg].outputEnded = true
    self[leg].wasReset = true
    noteEnd(of: leg, .reset)
    if let channel = self[leg].channel { closeAtOnce(channel) }
    resetAfterLastRead(leg.partner)
  }

  func becameInactive(_ leg: Leg) {
    if case .handedOver = phase { return }
    let hadEnded = self[leg].inputEnded
    let wasEnded = hadEnded || self[leg].isCutOff
    self[leg].channel = nil
    self[leg].inputEnded = true
    self[leg].outputEnded = true
    if case .connecting = phase, leg == .client { phase = .closed }
    if !wasEnded, closing == nil { noteEnd(of: leg, .reset) }
    if !hadEnded, self[leg].isCutOff { noteEnd(of: leg, .fin) }
    if self[leg.partner].channel == nil { return finish() }
    if self[leg].wasReset { return }
    if wasEnded {
      self[leg.partner].closesAfterFlush = true
      tick.flush(self, leg.partner)
    } else {
      resetAfterLastRead(leg.partner)
    }
  }

  func refuseMalformed(on leg: Leg, _ error: any Error) {
    if leg == .upstream {
      // An answer that broke off is passed on as far as it came, and then ends as it did here. The decoder complains
      // before the end itself is told.
      guard !self[leg].inputEnded else { return }
      if case HTTPParserError.invalidEOFState = error { return }
      proxy.diagnose("connection \(number.number): the server's answer is not HTTP/1.1 (\(error))")
      // What nobody asked for must not become the answer to what is asked next.
      if exchanges.isEmpty {
        closing = closing ?? (.server, nil, nil)
        phase = .answered
        client.closesAfterFlush = true
        upstream.closesAfterFlush = true
        tick.flush(self, .client)
        tick.flush(self, .upstream)
        startIdleTimer(proxy.configuration.limits.stopGrace)
      } else if exchanges.first?.status == nil {
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
    // A handshake's first record (RFC 8446 §5.1).
    let speaksTLS = client.tls == nil && client.http?.counter.first == 0x16
    let isTooLarge = if case HTTPParserError.headerOverflow = error { true } else { false }
    proxy.diagnose(
      "connection \(number.number): client \(clientAddress) "
        + (speaksTLS
          ? "speaks TLS, and this port does not: use http:// or ws://, or begin with --tls"
          : isTooLarge
            ? "sent header fields above \(proxy.configuration.limits.headerBytes) bytes, or more than \(proxy.configuration.limits.headerFields)"
            : "sent a malformed request (\(error))")
    )
    if isTooLarge {
      answer(
        .requestHeaderFieldsTooLarge,
        "ackscope: the request's header fields are above \(proxy.configuration.limits.headerBytes) bytes, or more than \(proxy.configuration.limits.headerFields)\n"
      )
    } else {
      answer(.badRequest, "ackscope: the request is not well-formed HTTP/1.1\n")
    }
  }

  /// Refuses a peer that sends bytes without ever completing a part of a message: a first line or a chunk's extension
  /// without an end, which the decoder would go on collecting.
  func checkProgress(of leg: Leg) {
    let limit = UInt64(2 * proxy.configuration.limits.headerBytes)
    guard self[leg].bytes > self[leg].bytesAtLastPart &+ limit else { return }
    switch phase {
    case .waiting, .relaying, .refusing: break
    default: return
    }
    self[leg].bytesAtLastPart = .max &- limit
    let words = "a line above \(limit) bytes"
    proxy.diagnose(
      "connection \(number.number): \(leg == .client ? "client \(clientAddress)" : "the server") sent \(words)"
    )
    answer(
      leg == .client ? .requestHeaderFieldsTooLarge : .badGateway,
      "ackscope: \(leg == .client ? "the request" : "the server's answer") has \(words)\n")
  }

  func noteEnd(of leg: Leg, _ how: EndOfLeg) {
    closing = closing ?? (leg == .client ? .client : .server, nil, nil)
    if wasOpened { tick.observe(number, .legEnded(leg.peer, how)) }
  }

  /// Resets a leg because its partner was reset, but first reads what had arrived on it: it did reach the proxy, and
  /// the record is to say what became of it.
  func resetAfterLastRead(_ leg: Leg) {
    guard let channel = self[leg].channel else { return finish() }
    // What the partner had sent goes out with the tick, behind its records; the reset comes after that.
    tick.flush(self, leg)
    channel.eventLoop.assumeIsolated().execute { self.resetOnceRead(leg, triesLeft: Self.lastReads) }
  }

  /// A loop looks at its sockets only when no task is due, however the tasks are nested: so it is given time to, until
  /// nothing is left to read.
  private func resetOnceRead(_ leg: Leg, triesLeft: Int) {
    guard let channel = self[leg].channel else { return }
    guard triesLeft > 0, !self[leg].inputEnded, hasArrived(on: channel) else {
      // No linger: closing sends a reset.
      _ = (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
      closeAtOnce(channel)
      return
    }
    channel.read()
    channel.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(1)) {
      self.resetOnceRead(leg, triesLeft: triesLeft - 1)
    }
  }

  /// A peer that goes on sending is not heard out.
  private static let lastReads = 16

  /// Whether the socket holds bytes that were not read yet.
  private func hasArrived(on channel: any Channel) -> Bool {
    let peeked = try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(
      of: NIOBSDSocket.Handle.self
    ) { descriptor in
      var byte: UInt8 = 0
      return recv(descriptor, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT))
    }
    return peeked.map { $0 > 0 } ?? false
  }

  /// Closes both legs.
  func close() {
    client.channel?.close(promise: nil)
    upstream.channel?.close(promise: nil)
    if client.channel == nil && upstream.channel == nil { finish() }
  }

  func finish() {
    if isFinished { return }
    isFinished = true
    phase = .closed
    stopIdleTimer()
    silence?.cancel()
    clientHungUp()
    if wasOpened || wasObserved {
      let end = closing ?? (.client, nil, nil)
      tick.observe(
        number,
        .closed(
          by: end.by, code: end.code, reason: end.reason, clientBytes: client.bytes &- clientBytesBefore,
          serverBytes: upstream.bytes,
          cutOff: [Leg.client, .upstream].filter { self[$0].isCutOff }.map(\.peer)))
    }
    tick.closed(self)
  }

  // MARK: stop and time

  /// Ends the connection because the proxy stops: peers of a WebSocket get a close frame with 1001 where it does
  /// not fall into a frame of theirs.
  func stop() {
    if decodersLeft > 0, let channel = client.channel ?? upstream.channel {
      // They are about to leave, and take no close frame.
      return channel.eventLoop.assumeIsolated().execute { self.stop() }
    }
    let isFirst = closing == nil
    closing = closing ?? (.proxy, 1001, "the proxy stops")
    if case .relaying = phase {
      // Behind what is on record already; nothing more is taken in.
      phase = .answered
      for leg in [Leg.client, .upstream] where self[leg].channel != nil {
        self[leg].closesAfterFlush = true
        tick.flush(self, leg)
      }
      return
    }
    guard case .spliced = phase else { return close() }
    // Behind what came before, and ahead of the ends with which the peers answer.
    if isFirst { tick.observe(number, .proxyEnded) }
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
    for channel in [client.channel, upstream.channel] { channel.map(closeAtOnce) }
    if client.channel == nil && upstream.channel == nil { finish() }
  }

  /// A close frame with status 1001 (RFC 6455 §5.5.1, §7.4.1).
  static func closeFrame(masked: Bool) -> ByteBuffer {
    guard masked else { return ByteBuffer(bytes: [0x88, 0x02, 0x03, 0xE9]) }
    let key = (0..<4).map { _ in UInt8.random(in: .min ... .max) }
    return ByteBuffer(bytes: [0x88, 0x82] + key + [0x03 ^ key[0], 0xE9 ^ key[1]])
  }

  func startIdleTimer(_ time: TimeAmount? = nil) {
    stopIdleTimer()
    guard let channel = client.channel else { return }
    let time = time ?? proxy.configuration.limits.idleTimeout
    idleTimer = channel.eventLoop.assumeIsolated().scheduleTask(in: time) {
      if self.closing == nil, self.awaitsTLS {
        self.handshakeTimedOut(time)
      } else if self.closing == nil {
        self.proxy.diagnose(
          "connection \(self.number.number): client \(self.clientAddress) sent no request for \(time.nanoseconds / 1_000_000_000) s; closed"
        )
      }
      self.closing = self.closing ?? (.proxy, nil, "idle timeout")
      self.close()
    }
  }

  func stopIdleTimer() {
    idleTimer?.cancel()
    idleTimer = nil
  }
}
