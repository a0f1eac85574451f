import AckCorrelation
import CaptureFormat
import JSONText
import SocketIOPackets
import WebSocketFrames

// Spliced bytes: frames, messages and the Engine.IO packets in them (PROTOCOL.md A.3, A.5, F).

extension TrafficDecoder {
  /// Bytes of an upgraded connection arrived.
  package mutating func bytesReceived(
    _ number: ConnectionNumber, from peer: Peer, _ bytes: UnsafeRawBufferPointer, at time: Timestamp
  ) {
    guard let connection = connections[number], let webSocket = connection.webSocket, !webSocket.isOpaque
    else {
      return
    }
    batch &+= 1
    if peer == .client {
      webSocket.client.receive(bytes) { event in take(event, webSocket, number, peer, at: time) }
    } else {
      webSocket.server.receive(bytes) { event in take(event, webSocket, number, peer, at: time) }
    }
    if connection.undeliverableTo != nil { reportUndelivered(connection, from: peer, at: time) }
    recordOutcomes(at: time)
  }

  /// Whether a frame of our own could be put between those that go to `peer`.
  package func standsBetweenFrames(_ number: ConnectionNumber, toward peer: Peer) -> Bool {
    guard let webSocket = connections[number]?.webSocket, !webSocket.isOpaque else { return false }
    return peer == .client
      ? !webSocket.server.isInsideMessage && webSocket.server.violation == nil
      : !webSocket.client.isInsideMessage && webSocket.client.violation == nil
  }

  /// A direction ended: what waited for more bytes is told as it is. What its peer was being sent ends with it.
  mutating func endStreams(_ connection: ConnectionState, _ peer: Peer, at time: Timestamp) {
    guard let webSocket = connection.webSocket else { return }
    if peer == .server {
      webSocket.server.ended { event in take(event, webSocket, connection.number, peer, at: time) }
    }
    for sender in [peer, peer.other] { endMessage(webSocket, connection.number, sender, at: time) }
    guard let session = webSocket.session, session.carrier === webSocket else { return }
    let place = place(of: webSocket, connection.number, peer)
    let input = peer == .client ? session.client.sessionEnded() : session.server.sessionEnded()
    if let input { take(input, UnsafeRawBufferPointer(start: nil, count: 0), place, session, at: time) }
  }

  /// Records the message that a peer was in the middle of sending, as far as it came.
  private mutating func endMessage(
    _ webSocket: WebSocketState, _ number: ConnectionNumber, _ sender: Peer, at time: Timestamp
  ) {
    if sender == .client {
      webSocket.client.wasCutShort { event in take(event, webSocket, number, sender, at: time) }
    } else {
      webSocket.server.wasCutShort { event in take(event, webSocket, number, sender, at: time) }
    }
  }

  /// A peer says that it closes: records what the other was in the middle of sending it, before the close, so that a
  /// packet which was refused while it was on its way, or its attachments were, is among those that the close is about.
  private mutating func receiverLeft(
    _ webSocket: WebSocketState, _ number: ConnectionNumber, _ receiver: Peer, at time: Timestamp
  ) {
    endMessage(webSocket, number, receiver.other, at: time)
    guard let session = webSocket.session, session.carrier === webSocket else { return }
    let sender = receiver.other
    let input = sender == .client ? session.client.receiverLeft() : session.server.receiverLeft()
    guard let input else { return }
    let place = place(of: webSocket, number, sender)
    take(input, UnsafeRawBufferPointer(start: nil, count: 0), place, session, at: time)
  }

  func place(of webSocket: WebSocketState, _ number: ConnectionNumber, _ peer: Peer) -> PacketPlace {
    PacketPlace(
      connection: number, session: webSocket.session, from: peer, transport: .websocket,
      origin: webSocket.origin(of: peer))
  }

  /// `,"conn":3,"session":2,"from":"client","transport":"websocket"`
  static func origin(
    _ number: ConnectionNumber, _ session: SessionState?, _ peer: Peer, _ transport: Transport
  ) -> [UInt8] {
    let sessionMember = session.map { ",\"session\":\($0.number.number)" } ?? ""
    return Array(
      ",\"conn\":\(number.number)\(sessionMember),\"from\":\"\(peer.name)\",\"transport\":\"\(transport.name)\""
        .utf8)
  }

  func refreshOrigins(_ webSocket: WebSocketState, _ number: ConnectionNumber) {
    webSocket.clientOrigin = Self.origin(number, webSocket.session, .client, .websocket)
    webSocket.serverOrigin = Self.origin(number, webSocket.session, .server, .websocket)
  }

  // MARK: events

  @inline(__always)
  private mutating func take(
    _ event: WebSocketEvent, _ webSocket: WebSocketState, _ number: ConnectionNumber, _ peer: Peer,
    at time: Timestamp
  ) {
    switch event {
    case .message(let message): take(message, webSocket, number, peer, at: time)
    case .control(let control): take(control, webSocket, number, peer, at: time)
    case .violation(let violation): take(violation, webSocket, number, peer, at: time)
    }
  }

  private mutating func take(
    _ message: WebSocketMessage, _ webSocket: WebSocketState, _ number: ConnectionNumber, _ peer: Peer,
    at time: Timestamp
  ) {
    var place = place(of: webSocket, number, peer)
    place.wireBytes = message.wireBytes
    place.messageBytes = message.length
    place.frames = message.frames
    place.isCompressed = message.isCompressed
    place.isCut = message.isTruncated
    place.isCutShort = message.isCutShort
    guard webSocket.isEngineIO else {
      recordPlain(message, place, at: time)
      return
    }
    let version = webSocket.session?.version ?? webSocket.query.version
    do throws(PacketRefusal) {
      let packet = try EngineIO.packet(ofMessage: message.payload, isText: message.isText, version: version)
      if message.isCutShort, packet.type != .message {
        recordPlain(message, place, at: time)
        return
      }
      if packet.type == .open, peer == .server, webSocket.session == nil {
        openSession(packet, message.payload, webSocket, number, at: time)
        place = self.place(of: webSocket, number, peer)
        place.wireBytes = message.wireBytes
        place.messageBytes = message.length
        place.frames = message.frames
        place.isCompressed = message.isCompressed
        place.isCut = message.isTruncated
      }
      take(packet, message.payload, place, at: time)
    } catch {
      let seq = recordPlain(message, place, refusal: message.isCutShort ? nil : error, at: time)
      if !message.isCutShort, let session = webSocket.session {
        correlator.packetRefused(
          session: session.number, from: peer, error.reason.forCorrelation, at: time, seq: RecordSeq(seq))
      }
    }
  }

  private mutating func openSession(
    _ packet: EnginePacket, _ bytes: UnsafeRawBufferPointer, _ webSocket: WebSocketState,
    _ number: ConnectionNumber,
    at time: Timestamp
  ) {
    guard let opening = OpenPacket(UnsafeRawBufferPointer(rebasing: bytes[packet.payload])) else { return }
    var facts = opening.facts
    facts.revision = webSocket.query.version == .v4 ? 4 : 3
    facts.clientFingerprint = webSocket.fingerprint
    let session = session(
      sid: opening.sid, facts: facts, query: webSocket.query, target: webSocket.target, connection: number,
      at: time)
    session.carrier = webSocket
    webSocket.session = session
    connections[number]?.session = session
    refreshOrigins(webSocket, number)
    correlator.webSocketAttached(
      session: session.number, connection: number, isUpgrade: false, at: time, seq: RecordSeq(encoder.nextSeq)
    )
  }

  private mutating func take(
    _ control: WebSocketControl, _ webSocket: WebSocketState, _ number: ConnectionNumber, _ peer: Peer,
    at time: Timestamp
  ) {
    if control.kind == .close { receiverLeft(webSocket, number, peer, at: time) }
    let seq = encoder.begin("control", at: time)
    encoder.members(webSocket.origin(of: peer))
    switch control.kind {
    case .ping: encoder.member("opcode", word: "ping")
    case .pong: encoder.member("opcode", word: "pong")
    case .close: encoder.member("opcode", word: "close")
    }
    if control.kind == .close {
      if let code = control.code {
        encoder.member("code", UInt64(code))
        encoder.member("reason", brokenJSON: control.reason)
      }
    } else if !control.payload.isEmpty {
      encoder.member("base64", base64: control.payload)
    }
    encoder.end()
    guard control.kind == .close else { return }
    if webSocket.firstClose == nil {
      webSocket.firstClose = (peer, control.code, String(decoding: control.reason, as: UTF8.self))
    }
    correlator.closeFrameSeen(
      connection: number, from: peer, code: control.code, at: time, seq: RecordSeq(seq))
  }

  private mutating func take(
    _ violation: WebSocketViolation, _ webSocket: WebSocketState, _ number: ConnectionNumber, _ peer: Peer,
    at time: Timestamp
  ) {
    let place = place(of: webSocket, number, peer)
    let rule =
      violation.rule.isEmpty ? violation.reason.rawValue : "\(violation.reason.rawValue) (\(violation.rule))"
    if violation.endsDecoding {
      let seq = RecordSeq(
        recordUndecodable(place, offset: Int(clamping: violation.offset), reason: rule, at: time))
      if violation.reason == .httpResponseAfterUpgrade {
        correlator.versionMismatched(
          session: webSocket.session?.number, connection: number, at: time, seq: seq)
      } else if violation.isFaultOfSender {
        correlator.ruleBroken(connection: number, from: peer, rule: rule, at: time, seq: seq)
      }
      if let session = webSocket.session {
        correlator.decodingStopped(session: session.number, from: peer, at: time, seq: seq)
      }
    } else {
      // The record it stands in, or just before.
      correlator.ruleBroken(
        connection: number, from: peer, rule: rule, at: time, seq: RecordSeq(encoder.nextSeq - 1))
    }
  }

  // MARK: records

  /// Records a message that is no Engine.IO packet.
  @discardableResult
  private mutating func recordPlain(
    _ message: WebSocketMessage, _ place: PacketPlace, refusal: PacketRefusal? = nil, at time: Timestamp
  ) -> UInt64 {
    let seq = encoder.begin("message", at: time)
    encoder.members(place.origin)
    if message.isText {
      encoder.member("opcode", word: "text")
      encoder.member("text", brokenJSON: message.payload)
    } else {
      encoder.member("opcode", word: "binary")
      encoder.member("base64", base64: message.payload)
    }
    encoder.member("bytes", message.wireBytes)
    if message.isText, refusal == nil, let named = NestMessage(message.payload) {
      let payload = message.payload
      encoder.member("event", verbatim: UnsafeRawBufferPointer(rebasing: payload[named.event]))
      let data = named.data.map { UnsafeRawBufferPointer(rebasing: payload[$0]) }
      _ = encoder.member(
        "args", json: data ?? UnsafeRawBufferPointer(start: nil, count: 0), inBrackets: true,
        mayHoldSecrets: true,
        hasLineBreaks: true)
    }
    if let refusal { encodeRefusal(refusal) }
    if message.frames != 1 { encoder.member("frames", message.frames) }
    if message.isCompressed { encoder.member("compressed", true) }
    encodeTruncation(place)
    encoder.end()
    return seq
  }

  /// Records that something cannot be decoded.
  @discardableResult
  mutating func recordUndecodable(
    _ place: PacketPlace, offset: Int, reason: String, at time: Timestamp
  ) -> UInt64 {
    let seq = encoder.begin("undecodable", at: time)
    encoder.members(place.origin)
    encoder.member("offset", offset)
    encoder.member("reason", reason)
    encoder.end()
    return seq
  }

  /// Why a reference parser would refuse what the record holds, and which ones would.
  mutating func encodeRefusal(_ refusal: PacketRefusal) {
    encoder.member("refused", refusal.reason.text)
    encoder.member("refused_by")
    encoder.raw("[")
    var isFirst = true
    for (parser, name) in [
      (ReferenceParsers.newestJavaScript, "javascript"), (.olderJavaScript, "older_javascript"),
      (.python, "python"),
    ] where refusal.refusedBy.contains(parser) {
      if !isFirst { encoder.raw(",") }
      isFirst = false
      encoder.element(jsonString: name)
    }
    encoder.raw("]")
  }
}

/// A message of NestJS's plain WebSocket adapter, `{"event":…,"data":…}` (PROTOCOL.md D.3).
struct NestMessage {
  /// The event's JSON literal.
  var event: Range<Int>
  var data: Range<Int>?

  /// Nil where the text is anything else.
  init?(_ text: UnsafeRawBufferPointer) {
    var scanner = JSONScanner(text)
    var event: Range<Int>?
    do throws(JSONFault) {
      guard try scanner.peekKind() == .object else { return nil }
      try scanner.enterObject()
      var isFirst = true
      while let name = try scanner.nextMember(&isFirst) {
        let kind = try scanner.peekKind()
        let value = try scanner.skipValue()
        let literal = UnsafeRawBufferPointer(rebasing: text[name])
        if JSONString.literal(literal, equals: "event") {
          event = kind == .string ? value : nil
        } else if JSONString.literal(literal, equals: "data") {
          data = value
        }
      }
      try scanner.expectEnd()
    } catch {
      return nil
    }
    guard let event else { return nil }
    self.event = event
  }
}
