import AckCorrelation
import CaptureFormat
import JSONText
import SocketIOPackets
import WebSocketFrames

// HTTP: long-polling requests and their answers (PROTOCOL.md A.4, A.6, A.9), and the upgrade to a WebSocket (F.1).

extension TrafficDecoder {
  /// A request head arrived.
  package mutating func requestStarted(_ number: ConnectionNumber, _ head: RequestHead, at time: Timestamp) {
    let connection = connection(number, at: time)
    let exchange = HTTPExchange(head, at: time, limit: options.capturePayload + (64 << 10))
    // Preflights and the like go the same way and are no part of the protocol.
    exchange.isPolling =
      !head.asksForWebSocket && head.method != "OPTIONS" && head.method != "HEAD"
      && options.rule.covers(target: head.target)
    connection.exchanges.append(exchange)
    guard exchange.isPolling, let sid = exchange.query.sid else { return }
    let session = knownSession(sid, exchange, number, at: time)
    exchange.session = session
    connection.session = session
    guard head.method == "GET" || head.method == "POST" else { return }
    correlator.pollStarted(
      session: session.number, connection: number, head.method == "GET" ? .get : .post, at: time,
      seq: RecordSeq(encoder.nextSeq))
    recordOutcomes(at: time)
  }

  /// The session that a request names. One that is not known began before the capture, or never existed.
  private mutating func knownSession(
    _ sid: String, _ exchange: HTTPExchange, _ number: ConnectionNumber, at time: Timestamp
  ) -> SessionState {
    var facts = SessionFacts()
    facts.revision = exchange.query.version == .v4 ? 4 : 3
    facts.beganBeforeCapture = true
    return session(
      sid: sid, facts: facts, query: exchange.query, target: exchange.request.target, connection: number,
      at: time)
  }

  /// Bytes of a request body arrived.
  package mutating func requestBodyReceived(
    _ number: ConnectionNumber, _ bytes: UnsafeRawBufferPointer, at time: Timestamp
  ) {
    connections[number]?.exchanges.last?.requestBody.receive(bytes)
  }

  /// A request is complete.
  package mutating func requestEnded(_ number: ConnectionNumber, at time: Timestamp) {
    guard let connection = connections[number], let exchange = connection.exchanges.last else { return }
    exchange.requestBody.ended()
    guard exchange.isPolling, exchange.request.method == "POST", let session = exchange.session else {
      return
    }
    let body = exchange.takeRequestBody()
    exchange.requestPackets = decode(
      body, of: exchange, session, number, from: .client,
      contentType: exchange.request.headers.firstValue(of: "content-type"), at: time)
    reportUndelivered(connection, from: .client, at: time)
  }

  /// The final answer's head arrived.
  package mutating func responseStarted(_ number: ConnectionNumber, _ head: ResponseHead, at time: Timestamp)
  {
    guard let connection = connections[number], let exchange = connection.exchanges.first else { return }
    exchange.response = head
    exchange.responseBody = BodyCollector(
      coding: head.headers.joinedValues(of: "content-encoding"), limit: options.capturePayload + (64 << 10))
    guard exchange.request.asksForWebSocket else { return }
    let seq = recordHandshake(exchange, head, number, at: time)
    if head.status == 101 { upgraded(connection, exchange, head, at: time, seq: seq) }
  }

  /// Bytes of an answer's body arrived.
  package mutating func responseBodyReceived(
    _ number: ConnectionNumber, _ bytes: UnsafeRawBufferPointer, at time: Timestamp
  ) {
    connections[number]?.exchanges.first?.responseBody.receive(bytes)
  }

  /// An answer is complete.
  package mutating func responseEnded(_ number: ConnectionNumber, at time: Timestamp) {
    guard let connection = connections[number], !connection.exchanges.isEmpty else { return }
    let exchange = connection.exchanges.removeFirst()
    guard let response = exchange.response, response.status != 101 else { return }
    exchange.responseBody.ended()
    if exchange.isPolling {
      pollAnswered(connection, exchange, response, at: time)
    } else if exchange.request.asksForWebSocket {
      upgradeRefused(connection, exchange, response, at: time)
    }
    recordOutcomes(at: time)
  }

  // MARK: polling

  private mutating func pollAnswered(
    _ connection: ConnectionState, _ exchange: HTTPExchange, _ response: ResponseHead, at time: Timestamp
  ) {
    let body = exchange.takeResponseBody()
    let isHandshake = exchange.session == nil
    let refusal = response.status >= 400 ? ServerRefusal(body.bytes) : nil
    if isHandshake, response.status == 200, exchange.request.method == "GET" {
      openSession(body, exchange, connection, at: time)
    }
    let seq = recordExchange(exchange, response, connection.number, at: time)
    if connection.undeliverableTo == .server {
      correlator.deliveryFailed(
        connection: connection.number, to: .server, since: connection.undeliverableSince, at: time,
        seq: RecordSeq(seq))
      return
    }
    guard let session = exchange.session else {
      if response.status >= 400 {
        handshakeRefused(refusal, response, connection.number, at: time, seq: seq)
      }
      return
    }
    if !isHandshake {
      correlator.pollAnswered(
        connection: connection.number, status: response.status, code: refusal?.code,
        packets: exchange.requestPackets,
        at: time, seq: RecordSeq(seq))
      if refusal?.code == 1 { sessionEnded(session) }
    }
    if exchange.request.method == "POST" {
      if response.status == 200 { recogniseServer(session, byAnswer: body.bytes) }
      return
    }
    guard response.status == 200, exchange.request.method == "GET" else { return }
    _ = decode(
      body, of: exchange, session, connection.number, from: .server,
      contentType: response.headers.firstValue(of: "content-type"), at: time)
    reportUndelivered(connection, from: .server, at: time)
  }

  /// `ok` is what engine.io answers, `OK` what python-engineio does.
  private mutating func recogniseServer(_ session: SessionState, byAnswer body: [UInt8]) {
    guard !session.serverIsKnown else { return }
    if body.elementsEqual("ok".utf8) {
      session.serverIsKnown = true
      correlator.serverRecognised(session: session.number, as: .javascript)
    } else if body.elementsEqual("OK".utf8) {
      session.serverIsKnown = true
      correlator.serverRecognised(session: session.number, as: .python)
    }
  }

  private mutating func handshakeRefused(
    _ refusal: ServerRefusal?, _ response: ResponseHead, _ number: ConnectionNumber, at time: Timestamp,
    seq: UInt64
  ) {
    if refusal?.code == 1 {
      return correlator.sessionUnknown(
        session: nil, connection: number, isUpgrade: false, at: time, seq: RecordSeq(seq))
    }
    correlator.handshakeRefused(
      connection: number, status: response.status, code: refusal?.code, message: refusal?.message ?? "",
      isVersion: refusal?.isVersion ?? false, at: time, seq: RecordSeq(seq))
  }

  /// Looks for the open packet that a handshake is answered with, and makes its session known.
  private mutating func openSession(
    _ body: PollingBody, _ exchange: HTTPExchange, _ connection: ConnectionState, at time: Timestamp
  ) {
    var version = exchange.query.version
    var opening: OpenPacket?
    for candidate in [version, version == .v4 ? EngineIOVersion.v3 : .v4] {
      opening = packets(
        body, exchange, version: candidate, from: .server, contentType: exchange.responseContentType
      ) {
        payload, bytes in
        guard let first = payload.packets.first, first.type == .open else { return nil }
        return OpenPacket(UnsafeRawBufferPointer(rebasing: bytes[first.payload]))
      }
      if opening != nil {
        version = candidate
        break
      }
    }
    guard let opening else { return }
    var facts = opening.facts
    facts.revision = version == .v4 ? 4 : 3
    facts.clientFingerprint = exchange.request.fingerprint(connection)
    let session = session(
      sid: opening.sid, facts: facts, query: exchange.query, target: exchange.request.target,
      connection: connection.number, at: time)
    session.serverIsKnown = facts.server != .unknown
    exchange.session = session
    connection.session = session
    if version != exchange.query.version {
      correlator.versionMismatched(
        session: session.number, connection: connection.number, at: time, seq: RecordSeq(encoder.nextSeq))
    }
  }

  /// Undoes JSONP and broken UTF-8, cuts the body into packets, and lends both.
  private func packets<Result>(
    _ body: PollingBody, _ exchange: HTTPExchange, version: EngineIOVersion, from peer: Peer,
    contentType: String?,
    _ use: (PollingPayload, UnsafeRawBufferPointer) -> Result?
  ) -> Result? {
    body.bytes.withUnsafeBytes { raw in
      var unwrapped = ByteSink(capacity: 16)
      var bytes = raw
      if exchange.query.isJSONP {
        do throws(PacketRefusal) {
          if peer == .client {
            try JSONP.unwrapRequest(raw, into: &unwrapped)
          } else {
            try JSONP.unwrapResponse(raw, into: &unwrapped)
          }
        } catch {
          return nil
        }
        bytes = unwrapped.bytes
      }
      let isBinary = version == .v3 && PollingPayload.isBinaryForm(contentType: contentType, body: bytes)
      var repaired = ByteSink(capacity: 16)
      if !isBinary, !isValidUTF8(bytes) {
        // Receivers decode the body as UTF-8 and go on with U+FFFD for what is none.
        repaired.append(String(decoding: bytes, as: UTF8.self))
        bytes = repaired.bytes
      }
      return use(PollingPayload(body: bytes, version: version, isBinary: isBinary), bytes)
    }
  }

  /// Decodes the packets of a body; returns how many there were.
  private mutating func decode(
    _ body: PollingBody, of exchange: HTTPExchange, _ session: SessionState, _ number: ConnectionNumber,
    from peer: Peer, contentType: String?, at time: Timestamp
  ) -> Int {
    var place = PacketPlace(
      connection: number, session: session, from: peer, transport: .polling,
      origin: Self.origin(number, session, peer, .polling))
    place.isCompressed = body.isCompressed
    place.messageBytes = body.bytes.count
    batch &+= 1
    if let obstacle = body.obstacle {
      recordUndecodable(place, offset: 0, reason: obstacle, at: time)
      correlator.decodingStopped(
        session: session.number, from: peer, at: time, seq: RecordSeq(encoder.nextSeq - 1))
      recordOutcomes(at: time)
      return 0
    }
    if body.bytes.isEmpty, peer == .server { return 0 }
    // The slices outlive the closure only as numbers; the text is lent again for each packet.
    var count = 0
    let wasDecoded: Bool? = withPackets(body, exchange, session, peer, contentType) {
      decoder, payload, bytes in
      count = payload.packets.count
      for (index, packet) in payload.packets.enumerated() {
        let isLast = index == payload.packets.count - 1
        var place = place
        place.isCut = body.isTruncated && isLast
        place.wireBytes = packet.wireBytes(session.version)
        var kept = packet
        // Base64 says three bytes with four.
        let limit = decoder.options.capturePayload / (packet.isBase64 ? 3 : 4) * 4
        if kept.payload.count > limit {
          kept.payload = kept.payload.lowerBound..<kept.payload.lowerBound + limit
          place.isCut = true
        }
        decoder.take(kept, bytes, place, at: time)
      }
      if let refusal = payload.refusal {
        let seq = decoder.recordUndecodable(
          place, offset: refusal.offset, reason: refusal.reason.text, at: time)
        decoder.correlator.packetRefused(
          session: session.number, from: peer, refusal.reason.forCorrelation, at: time, seq: RecordSeq(seq))
      }
      return true
    }
    if wasDecoded == nil {
      recordUndecodable(place, offset: 0, reason: "not the JSONP form that the request announced", at: time)
    }
    recordOutcomes(at: time)
    return count
  }

  private mutating func withPackets<Result>(
    _ body: PollingBody, _ exchange: HTTPExchange, _ session: SessionState, _ peer: Peer,
    _ contentType: String?,
    _ use: (inout TrafficDecoder, PollingPayload, UnsafeRawBufferPointer) -> Result
  ) -> Result? {
    let cut = packets(body, exchange, version: session.version, from: peer, contentType: contentType) {
      payload, bytes in (payload, Array(bytes))
    }
    guard let (payload, text) = cut else { return nil }
    return text.withUnsafeBytes { use(&self, payload, $0) }
  }

  private func isValidUTF8(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var index = 0
    while index < bytes.count {
      if bytes[index] < 0x80 {
        index &+= 1
        continue
      }
      let length = validUTF8Length(bytes, at: index)
      if length == 0 { return false }
      index &+= length
    }
    return true
  }

  /// Tells the correlator that what a peer just sent did not reach the other.
  mutating func reportUndelivered(_ connection: ConnectionState, from peer: Peer, at time: Timestamp) {
    guard connection.undeliverableTo == peer.other, connection.isOpen else { return }
    correlator.deliveryFailed(
      connection: connection.number, to: peer.other, since: connection.undeliverableSince, at: time,
      seq: CloseRecords.reference(to: connection.number))
    recordOutcomes(at: time)
  }

  private mutating func recordExchange(
    _ exchange: HTTPExchange, _ response: ResponseHead, _ number: ConnectionNumber, at time: Timestamp
  ) -> UInt64 {
    let seq = encoder.begin("exchange", at: time)
    encoder.member("conn", UInt64(number.number))
    if let session = exchange.session { encoder.member("session", UInt64(session.number.number)) }
    encoder.member("transport", word: "polling")
    encodeRequest(exchange.request, withHeaders: exchange.isHandshake)
    encodeResponse(response, withHeaders: exchange.isHandshake)
    encoder.member("duration_us", UInt64(max(time.since(exchange.startedAt), 0)))
    encoder.end()
    return seq
  }

  private mutating func encodeRequest(_ request: RequestHead, withHeaders: Bool) {
    encoder.member("request")
    encoder.raw("{\"method\":")
    encoder.element(jsonString: request.method)
    encoder.member("target", target: request.target)
    if withHeaders { encoder.member("headers", headers: request.headers) }
    encoder.raw("}")
  }

  private mutating func encodeResponse(_ response: ResponseHead, withHeaders: Bool) {
    encoder.member("response")
    encoder.raw("{\"status\":")
    encoder.element(UInt64(response.status))
    if withHeaders { encoder.member("headers", headers: response.headers) }
    encoder.raw("}")
  }

  // MARK: upgrade

  private mutating func recordHandshake(
    _ exchange: HTTPExchange, _ response: ResponseHead, _ number: ConnectionNumber, at time: Timestamp
  ) -> UInt64 {
    let covers = isEngineIO(exchange)
    if covers, let sid = exchange.query.sid, exchange.session == nil,
      response.status == 101 || sessions[sid] != nil
    {
      exchange.session = knownSession(sid, exchange, number, at: time)
    }
    let seq = encoder.begin("handshake", at: time)
    encoder.member("conn", UInt64(number.number))
    if let session = exchange.session { encoder.member("session", UInt64(session.number.number)) }
    encoder.member("transport", word: "websocket")
    encodeRequest(exchange.request, withHeaders: true)
    encodeResponse(response, withHeaders: true)
    if let extensions = response.headers.joinedValues(of: "sec-websocket-extensions") {
      encoder.member("extensions", extensions)
    }
    encoder.end()
    return seq
  }

  /// Whether an upgraded connection speaks Engine.IO. `EIO` may be missing in what old clients ask for.
  private func isEngineIO(_ exchange: HTTPExchange) -> Bool {
    options.rule.covers(target: exchange.request.target) || exchange.query.isWebSocketTransport
  }

  private mutating func upgraded(
    _ connection: ConnectionState, _ exchange: HTTPExchange, _ response: ResponseHead, at time: Timestamp,
    seq: UInt64
  ) {
    let accepted = response.headers.joinedValues(of: "sec-websocket-extensions") ?? ""
    var obstacle: String?
    var compression: DeflateParameters?
    switch DeflateParameters.negotiated(
      response: accepted, offer: exchange.request.headers.joinedValues(of: "sec-websocket-extensions"))
    {
    case .none: break
    case .deflate(let parameters): compression = parameters
    case .unsupported(let name): obstacle = "the WebSocket extension '\(name)' is not known"
    case .invalid(let reason): obstacle = "the answer's WebSocket extensions are not valid: \(reason)"
    }
    var limits = WebSocketLimits()
    limits.payload = options.capturePayload
    let webSocket = WebSocketState(
      query: exchange.query, target: exchange.request.target, isEngineIO: isEngineIO(exchange),
      compression: compression,
      limits: limits)
    webSocket.fingerprint = exchange.request.fingerprint(connection)
    webSocket.session = exchange.session
    connection.webSocket = webSocket
    connection.exchanges.removeAll()
    refreshOrigins(webSocket, connection.number)
    if let session = exchange.session {
      correlator.webSocketAttached(
        session: session.number, connection: connection.number, isUpgrade: true, at: time, seq: RecordSeq(seq)
      )
    }
    guard let obstacle else { return }
    webSocket.isOpaque = true
    for peer in [Peer.client, .server] {
      let place = place(of: webSocket, connection.number, peer)
      let seq = recordUndecodable(place, offset: 0, reason: obstacle, at: time)
      if let session = webSocket.session {
        correlator.decodingStopped(session: session.number, from: peer, at: time, seq: RecordSeq(seq))
      }
    }
    recordOutcomes(at: time)
  }

  private mutating func upgradeRefused(
    _ connection: ConnectionState, _ exchange: HTTPExchange, _ response: ResponseHead, at time: Timestamp
  ) {
    guard isEngineIO(exchange), response.status >= 400, connection.undeliverableTo != .server else { return }
    let refusal = ServerRefusal(exchange.takeResponseBody().bytes)
    let seq = RecordSeq(encoder.nextSeq - 1)
    if refusal.code == 1 {
      let session = exchange.query.sid.flatMap { sessions[$0] }
      correlator.sessionUnknown(
        session: session?.number, connection: connection.number, isUpgrade: true, at: time, seq: seq)
      if let session { sessionEnded(session) }
    } else if exchange.query.sid == nil {
      correlator.handshakeRefused(
        connection: connection.number, status: response.status, code: refusal.code, message: refusal.message,
        isVersion: refusal.isVersion, at: time, seq: seq)
    }
  }
}
