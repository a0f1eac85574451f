import AckCorrelation
import CaptureFormat
import JSONText
import SocketIOPackets
import WebSocketFrames

/// Turns what the tap saw of all connections into the records of one capture.
///
/// One value serves a whole run, since sessions span connections and some verdicts need to know how an event fared
/// elsewhere. It does no I/O and reads no clock: every input is named after what happened and carries its time, and
/// the records wait in `records` for the one who writes the file. Nothing that arrives can make it fail (promise
/// P3): what cannot be decoded becomes a record that says so.
///
/// Inputs of one connection come in the order of the wire. HTTP requests and answers are told apart from the
/// spliced bytes behind an upgrade by the calls that bring them.
package struct TrafficDecoder: ~Copyable {
  let options: DecoderOptions
  let packetLimits: SocketPacketLimits
  var encoder: RecordEncoder
  var correlator: AckCorrelator
  var connections: [ConnectionNumber: ConnectionState] = [:]
  var sessions: [String: SessionState] = [:]
  /// Ended sessions in the order they ended, so that late requests still find them.
  var endedSessions: [SessionState] = []
  var totals = CaptureTotals()
  /// Numbers the reads and bodies, so that packets which came together can be told.
  var batch: UInt32 = 0
  /// Where base64 is undone.
  var scratch = ByteSink(capacity: 64)
  var closeRecords = CloseRecords()
  var place = CapturePlace()
  /// Notes of the events and acks among `records`, in their order; none unless the options ask for them.
  package internal(set) var notes: [PacketNote] = []
  private var nextSweep = Timestamp(microseconds: .min)

  /// - Parameter redactor: replaces the secrets, with the key of this capture.
  package init(options: DecoderOptions, redactor: Redactor) {
    self.options = options
    encoder = RecordEncoder(redactor: redactor)
    correlator = AckCorrelator(ackTimeout: options.ackTimeout)
    var limits = SocketPacketLimits()
    limits.packetBytes = options.capturePayload
    limits.attachmentBytes = options.capturePayload
    packetLimits = limits
  }

  // MARK: records

  /// The records made since the last `removeRecords()`, as lines.
  package var records: UnsafeRawBufferPointer { encoder.bytes }
  /// How many records were made so far.
  package var recordCount: UInt64 { encoder.recordCount }

  /// Forgets the records, which the caller has written.
  package mutating func removeRecords() {
    encoder.removeAll()
    notes.removeAll(keepingCapacity: true)
  }

  /// Takes back all records made since the last `removeRecords()`; `count` is what `recordCount` was then.
  package mutating func withdrawRecords(to count: UInt64) {
    encoder.withdraw(from: count + 1)
    notes.removeAll(keepingCapacity: true)
  }

  // MARK: the capture as a whole

  /// The capture begins; makes its first line.
  ///
  /// - Parameters:
  ///   - upstream: nil for a forward proxy, whose clients say where they want to go.
  ///   - isSet: whether it may go on in further files.
  package mutating func captureStarted(
    listen: String, upstream: String?, isSet: Bool = false, at time: Timestamp
  ) {
    place = CapturePlace(listen: listen, upstream: upstream, startedAt: time)
    recordCapture(part: isSet ? 1 : nil, at: time)
  }

  /// Records could not be written.
  package mutating func recordsLost(_ lost: UInt64, reason: String, at time: Timestamp) {
    _ = encoder.begin("gap", at: time)
    encoder.member("lost", lost)
    encoder.member("reason", reason)
    encoder.end()
  }

  /// When `expire(at:)` has something to tell next, or nil.
  package var nextDeadline: Timestamp? { correlator.nextDeadline }

  /// Time passed.
  package mutating func expire(at time: Timestamp) {
    if time >= nextSweep { forgetSilentSessions(at: time) }
    guard let deadline = correlator.nextDeadline, deadline <= time else {
      if closeRecords.hasWaiting { recordOutcomes(at: time) }
      return
    }
    correlator.expire(at: time)
    recordOutcomes(at: time)
  }

  /// The capture ends in order; makes its last line.
  package mutating func captureEnded(at time: Timestamp) {
    correlator.captureEnded(at: time)
    closeRecords.stopWaiting()
    recordOutcomes(at: time)
    let counts = correlator.counts
    _ = encoder.begin("end", at: time)
    encoder.member("connections", totals.connections)
    encoder.member("sessions", totals.sessions)
    encoder.member("packets", totals.packets)
    encoder.member("emits", counts.emits)
    encoder.member("acks", counts.acks)
    encoder.member("verdicts")
    encoder.raw("{")
    var isFirst = true
    for verdict in Verdict.allCases where counts[verdict] > 0 {
      if !isFirst { encoder.raw(",") }
      isFirst = false
      encoder.element(jsonString: verdict.rawValue)
      encoder.raw(":")
      encoder.element(counts[verdict])
    }
    encoder.raw("}")
    encoder.end()
  }

  // MARK: connections

  /// A client connected and its upstream leg stands.
  package mutating func connectionOpened(
    _ number: ConnectionNumber, client: String, upstream: String, facts: ConnectionFacts = ConnectionFacts(),
    at time: Timestamp
  ) {
    let connection = connection(number, at: time)
    connection.isOpen = true
    connection.clientHost = client.lastIndex(of: ":").map { String(client[..<$0]) } ?? client
    connection.client = client
    connection.upstream = upstream
    totals.connections += 1
    let seq = encoder.begin("open", at: time)
    encoder.member("conn", UInt64(number.number))
    encoder.member("client", client)
    encoder.member("upstream", upstream)
    encode(facts)
    encoder.end()
    correlator.connectionOpened(number, at: time, seq: RecordSeq(seq))
  }

  /// A peer's direction ended.
  package mutating func legEnded(
    _ number: ConnectionNumber, _ peer: Peer, _ how: EndOfLeg, at time: Timestamp
  ) {
    guard let connection = connections[number] else { return }
    endStreams(connection, peer, at: time)
    correlator.legClosed(
      connection: number, by: Ender(peer), how == .fin ? .fin : .reset, at: time,
      seq: CloseRecords.reference(to: number))
    recordOutcomes(at: time)
  }

  /// The proxy itself ends a connection, both legs of which stand: what its peers do from here on is an answer to that.
  package mutating func proxyEnded(_ number: ConnectionNumber, at time: Timestamp) {
    guard connections[number] != nil else { return }
    correlator.legClosed(
      connection: number, by: .proxy, .fin, at: time, seq: CloseRecords.reference(to: number))
    recordOutcomes(at: time)
  }

  /// What one peer sends from now on cannot reach the other.
  package mutating func deliveryFailed(_ number: ConnectionNumber, to peer: Peer, at time: Timestamp) {
    let connection = connection(number, at: time)
    guard connection.undeliverableTo == nil else { return }
    connection.undeliverableTo = peer
    connection.undeliverableSince = RecordSeq(encoder.nextSeq)
  }

  /// A peer read so slowly that the other was held back, from `start` on.
  package mutating func peerStalled(
    _ number: ConnectionNumber, _ peer: Peer, from start: Timestamp, at time: Timestamp
  ) {
    correlator.peerStalled(
      connection: number, peer, from: start, at: time, seq: CloseRecords.reference(to: number))
    recordOutcomes(at: time)
  }

  /// Both legs of a connection are closed.
  package mutating func connectionClosed(
    _ number: ConnectionNumber, by initiator: CloseInitiator, code: UInt16?, reason: String?,
    clientBytes: UInt64,
    serverBytes: UInt64, cutOff: [Peer] = [], at time: Timestamp
  ) {
    guard let connection = connections.removeValue(forKey: number) else { return }
    guard connection.isOpen else {
      // Its upstream leg never stood, and so it was never announced.
      correlator.connectionClosed(number, at: time, seq: RecordSeq(encoder.nextSeq))
      return recordOutcomes(at: time)
    }
    // What a peer was in the middle of sending will not become whole.
    for peer in [Peer.client, .server] { endStreams(connection, peer, at: time) }
    let session = connection.webSocket?.session
    let seq = encoder.begin("close", at: time)
    encoder.member("conn", UInt64(number.number))
    if let session = session ?? connection.session {
      encoder.member("session", UInt64(session.number.number))
    }
    let said = initiator == .proxy ? nil : connection.webSocket?.firstClose
    encoder.member("by", said.map { $0.from == .client ? "client" : "server" } ?? initiator.rawValue)
    if let code = code ?? said?.code { encoder.member("code", UInt64(code)) }
    if let reason = reason ?? said?.reason, !reason.isEmpty {
      reason.withBytes { encoder.member("reason", brokenJSON: $0) }
    }
    encoder.member("pending_emits", session.map { correlator.openEmits(of: $0.number) } ?? 0)
    encoder.member("bytes")
    encoder.raw("{\"client\":")
    encoder.element(clientBytes)
    encoder.raw(",\"server\":")
    encoder.element(serverBytes)
    encoder.raw("}")
    encode(cutOff: cutOff)
    encoder.member("duration_us", UInt64(max(time.since(connection.openedAt), 0)))
    encoder.end()
    closeRecords.add(seq, for: number)
    if initiator == .proxy {
      correlator.legClosed(connection: number, by: .proxy, .fin, at: time, seq: RecordSeq(seq))
    }
    correlator.connectionClosed(number, at: time, seq: RecordSeq(seq))
    recordOutcomes(at: time)
    if let session { sessionEnded(session) }
  }

  func connection(_ number: ConnectionNumber) -> ConnectionState? { connections[number] }

  mutating func connection(_ number: ConnectionNumber, at time: Timestamp) -> ConnectionState {
    if let known = connections[number] { return known }
    let fresh = ConnectionState(number: number, openedAt: time)
    connections[number] = fresh
    return fresh
  }

  // MARK: sessions

  /// The session of that `sid`, made known with a record if it is new.
  mutating func session(
    sid: String, facts: SessionFacts, query: EngineIOQuery, target: String, connection: ConnectionNumber,
    at time: Timestamp
  ) -> SessionState {
    if let known = sessions[sid] {
      known.lastSeen = time
      return known
    }
    if sessions.count >= Self.sessionsKept { forgetQuietestSessions() }
    totals.sessions += 1
    let number = SessionNumber(UInt32(truncatingIfNeeded: totals.sessions))
    let version = facts.revision == 4 ? EngineIOVersion.v4 : .v3
    let session = SessionState(number: number, sid: sid, version: version, limits: packetLimits)
    session.lastSeen = time
    sessions[sid] = session
    let seq = encoder.begin("session", at: time)
    encoder.member("conn", UInt64(connection.number))
    encoder.member("session", UInt64(number.number))
    encoder.member("sid", sid)
    encoder.member("eio", UInt64(version.rawValue))
    encoder.member("path", String(target.prefix { $0 != "?" && $0 != "#" }))
    if facts.pingInterval > 0 { encoder.member("ping_interval_ms", Int(facts.pingInterval)) }
    if facts.pingTimeout > 0 { encoder.member("ping_timeout_ms", Int(facts.pingTimeout)) }
    if let limit = facts.maximumPayload { encoder.member("max_payload", limit) }
    if facts.beganBeforeCapture { encoder.member("began_before_capture", true) }
    encoder.end()
    correlator.sessionOpened(number, facts, at: time, seq: RecordSeq(seq))
    return session
  }

  /// Keeps an ended session findable for a while, so that requests with its `sid` are not taken for new ones.
  mutating func sessionEnded(_ session: SessionState) {
    guard !session.hasEnded else { return }
    session.hasEnded = true
    endedSessions.append(session)
    if endedSessions.count > Self.endedSessionsKept {
      for forgotten in endedSessions.prefix(endedSessions.count - Self.endedSessionsKept / 2)
      where sessions[forgotten.sid] === forgotten {
        sessions[forgotten.sid] = nil
      }
      endedSessions.removeFirst(endedSessions.count - Self.endedSessionsKept / 2)
    }
  }

  private static let endedSessionsKept = 4096

  /// As many as the correlator follows.
  private static let sessionsKept = CorrelationLimits().sessions

  /// Forgets an eighth of the sessions, those that no upgraded connection carries and that were quiet longest: anybody can
  /// name a new session in every request.
  private mutating func forgetQuietestSessions() {
    let quietest = sessions.values.filter { $0.carrier == nil }.sorted { $0.lastSeen < $1.lastSeen }
    for session in quietest.prefix(Self.sessionsKept / 8) { sessions[session.sid] = nil }
    endedSessions.removeAll { sessions[$0.sid] !== $0 }
  }

  /// Forgets polling sessions that nothing was heard of for much longer than any heartbeat: a client that just
  /// went away ends its session without a word.
  private mutating func forgetSilentSessions(at time: Timestamp) {
    nextSweep = time.adding(30_000_000)
    for (sid, session) in sessions
    where session.carrier == nil && !session.hasEnded && time.since(session.lastSeen) > Self.longestSilence {
      sessions[sid] = nil
    }
  }

  /// Microseconds; the longest heartbeat in use is 45 s by default.
  private static let longestSilence: Int64 = 600_000_000
}

/// What the capture's last line counts.
struct CaptureTotals {
  var connections: UInt64 = 0
  var sessions: UInt64 = 0
  var packets: UInt64 = 0
}
