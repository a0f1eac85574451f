import JSONText

/// Pairs emits with acks over a whole run, and says of every emit what became of it, and of sessions and
/// connections what they showed.
///
/// # Overview
/// One value holds all sessions of a run. It does no I/O, reads no clock and decodes no packets: a decoder tells
/// it what happened, in past tense, each time with the moment and the `seq` of the record that shows it. What it
/// concludes waits in a queue until `drainOutcomes`. The rules are those of VERDICTS.md, the signatures those of
/// PROTOCOL.md G; each rule stands in the file of its topic (`Endings`, `Exceptions`, `Retries`, `Reconnects`,
/// `Polling`, `Namespaces`, `Connections`).
///
/// # Inputs
/// - Connections: `connectionOpened`, `closeFrameSeen`, `legClosed`, `deliveryFailed`, `connectionClosed`,
///   `sentAfterClose`, `ruleBroken`, `peerStalled`.
/// - Sessions: `sessionOpened`, `webSocketAttached`, `enginePacketSeen`, `serverRecognised`, `decodingStopped`,
///   `customParserSeen`, `packetRefused`.
/// - Polling: `pollStarted` before the packets of a request's body, `pollAnswered` before those of an answer's;
///   `sessionUnknown`, `handshakeRefused`, `versionMismatched`.
/// - Namespaces: `connectRequested`, `connected`, `connectRefused`, `disconnected`.
/// - Events: `emitted`, `acknowledged`.
/// - Time: `expire`, at `nextDeadline` or whenever; `captureEnded` last, after which nothing is open.
///
/// Inputs come in the order of their records. Those for a connection that closes: the close frames, then
/// `legClosed` for each leg as it closes, then `connectionClosed`. A binary event is told when its last
/// attachment has come, with the seq of its record.
///
/// # Every emit gets one final verdict
/// An emit with an ack id is open until its ack comes, or until nothing can come any more. `acknowledged` (in
/// time) and `unconfirmed` are counted but yield no outcome, for the packet records say as much; every other
/// verdict is an outcome. An outcome that is not final (`overdue`; `rejected`, `superseded` or `unanswered` while
/// they can still be refuted) may be followed by others; a final one never is.
///
/// When a peer leaves (DISCONNECT, close, FIN, reset), its open emits wait for the rest of the connection, at
/// most one ack timeout, because an ack under way then means `late/after_peer_left`. They are judged by the
/// moment of leaving, not by the end of the wait. If the connection ended with exactly one emit of a client
/// open, that emit waits further, for the client may come back and send it again.
///
/// # Guessing is deferred
/// An exception without an ack, an attempt followed by a retry, an event instead of an ack: each is only a
/// candidate, and candidates are settled as late as possible: at the ack timeout where the signature is
/// unambiguous, otherwise at the end of the namespace. Until then an ack refutes them.
///
/// # What it cannot know
/// Whether an emit was handled, where it was not acknowledged; whether a missing handler, a handler that returns
/// nothing or a middleware that refuses was the cause; what happened before the capture began. Emits of such
/// sessions are marked `unverified`, and emits whose answers cannot be decoded get `decoding_stopped`.
///
/// # Bounds
/// `CorrelationLimits`. An emit that falls out of a limit gets `unanswered/capture_ended` with `evicted` set.
package struct AckCorrelator: ~Copyable {
  /// Microseconds after which an open emit is overdue.
  let ackTimeout: Int64
  /// What is remembered at most.
  let limits: CorrelationLimits

  /// What was counted so far; O(1).
  package internal(set) var counts = CorrelationCounts()

  /// The latest moment seen.
  var now = Timestamp(microseconds: .min)
  /// No deadline is earlier than this.
  var due = Timestamp(microseconds: .max)

  /// Namespaces, events, and their statistics.
  var names: NameTable
  var unlistedNamespaces: [UInt32: String] = [:]
  var emits = SlotPool<PendingEmit>()
  /// Open emits by namespace slot, peer and id.
  var pending = SlotTable(capacity: 1024)
  /// Bytes of arguments kept in open emits.
  var argumentBytes = 0
  /// The queue of the ack timeout: emits in the order of time.
  var oldest: Int32 = -1
  var newest: Int32 = -1
  /// The queue of those past it, in the same order.
  var oldestOverdue: Int32 = -1
  var newestOverdue: Int32 = -1

  var sessions = SlotPool<SessionState>()
  var sessionTable = SlotTable()
  var lastSession = SessionNumber(.max)
  var lastSessionSlot: Int32 = -1
  var namespaces = SlotPool<NamespaceState>()
  /// The emits of the two peers of each namespace: slot 2n is the client's of namespace n, 2n + 1 the server's.
  var peers = SlotPool<NamespaceState.PeerState>()
  var connections = SlotPool<ConnectionState>()
  var connectionTable = SlotTable()
  /// Connections in the order they were opened, for the limit.
  var connectionOrder = Fifo<ConnectionNumber>()

  /// Ended namespaces and sessions whose emits wait for the rest of the connection; each waits equally long.
  var endedNamespaces = Fifo<Waiting>()
  var endedSessions = Fifo<Waiting>()
  /// Emits of ended sessions that wait for the client to come back.
  var held = Fifo<HeldEmit>()
  var endedClients: [EndedClient] = []
  var nextEndedClient = 0
  /// Namespaces whose first emits may be an offline buffer.
  var openings = Fifo<Waiting>()
  var recoveries: [Recovery] = []
  var nextRecovery = 0

  var groups = SlotPool<RetryGroup>()
  var groupsDue = Timestamp(microseconds: .max)
  var openGroups: [Int32] = []

  var mass: MassDisconnect?
  var replyWatch: [ReplyWatch] = []
  var nextSweep = Timestamp(microseconds: .max)

  var outcomes: [Outcome] = []
  var waitingFindings = 0

  /// - Parameter ackTimeout: microseconds after which an open emit is overdue.
  package init(ackTimeout: Int64 = 5_000_000, limits: CorrelationLimits = CorrelationLimits()) {
    self.ackTimeout = min(max(1, ackTimeout), 1 << 52)
    self.limits = limits
    names = NameTable(limit: limits.names, nameBytes: limits.nameBytes)
  }

  // MARK: names and outcomes

  /// The number of a namespace, to be used in every input that names one. Empty stands for `/`.
  @inline(__always)
  package mutating func namespace(_ bytes: UnsafeRawBufferPointer) -> NamespaceID {
    let id = names.namespace(bytes)
    if id.number >> 31 != 0 { noteUnlisted(id, bytes) }
    return id
  }

  @inline(never)
  private mutating func noteUnlisted(_ id: NamespaceID, _ bytes: UnsafeRawBufferPointer) {
    if unlistedNamespaces.count < 256 {
      unlistedNamespaces[id.number] = String(decoding: bytes.prefix(limits.nameBytes), as: UTF8.self)
    }
  }

  /// The text of a namespace.
  func text(_ namespace: NamespaceID) -> String {
    namespace.number >> 31 == 0 ? names.text(namespace.number) : unlistedNamespaces[namespace.number] ?? ""
  }

  /// Whether outcomes wait.
  package var hasOutcomes: Bool { !outcomes.isEmpty }

  /// Hands over the outcomes in the order in which they were concluded, and forgets them.
  package mutating func drainOutcomes(_ body: (Outcome) -> Void) {
    guard !outcomes.isEmpty else { return }
    for outcome in outcomes { body(outcome) }
    outcomes.removeAll(keepingCapacity: outcomes.count < 1024)
    waitingFindings = 0
  }

  /// Queues a finding, unless too many wait.
  mutating func report(
    _ kind: FindingKind, session: SessionNumber? = nil, connection: ConnectionNumber? = nil,
    _ certainty: Certainty, _ evidence: [RecordSeq],
    _ details: [(name: StaticString, value: Finding.Value)] = []
  ) {
    guard waitingFindings < limits.waitingFindings else {
      counts.droppedFindings &+= 1
      return
    }
    waitingFindings &+= 1
    outcomes.append(
      .finding(
        Finding(
          kind: kind, session: session, connection: connection, certainty: certainty, evidence: evidence,
          details: details)))
  }

  /// The earliest moment at which `expire(at:)` may have something to do; it may turn out to have nothing.
  package var nextDeadline: Timestamp? { due.microseconds == .max ? nil : due }

  /// How many emits of a session are open.
  package func openEmits(of session: SessionNumber) -> Int {
    let slot = findSession(session)
    return slot < 0 ? 0 : Int(sessions[slot].open)
  }

  /// The session that this one continues, where a recovery or continuing ids show it.
  package func resumedSession(of session: SessionNumber) -> SessionNumber? {
    let slot = findSession(session)
    return slot < 0 ? nil : sessions[slot].resumedFrom
  }

  // MARK: the hot path

  /// An event packet was seen. It is counted, and open until it is answered if it has an ack id.
  ///
  /// - Parameters:
  ///   - event: the event name as JSON, empty where it could not be read.
  ///   - arguments: the arguments as JSON without the brackets around them; valid during the call only.
  package mutating func emitted(
    _ emit: Emit, event literal: UnsafeRawBufferPointer, arguments: UnsafeRawBufferPointer
  ) {
    advance(to: emit.at)
    counts.emits &+= 1
    let session = sessionSlot(emit.session)
    let namespace = namespaceSlot(session, emit.namespace)
    let event = names.event(literal, in: emit.namespace)
    sessions[session].saw(emit.from, at: now)
    if emit.transport == .polling || sessions[session].ending != nil { noteSentAfterClose(emit) }
    if emit.from == .client {
      noteOffences(emit, session, namespace, event)
    } else {
      sessions[session].lastFromServer = emit.seq
      if let refusal = emit.refusal {
        noteOffence(session, Offence(seq: emit.seq, at: now, from: .server, reason: refusal.rawValue))
      }
    }

    guard let id = emit.id else {
      counts[.unconfirmed] &+= 1
      if emit.from == .client {
        sentWithoutID(emit, namespace, event, arguments)
      } else {
        serverEventSeen(emit, session, namespace, event, literal, arguments)
      }
      return
    }

    if emits.count >= limits.pendingEmits { evictOldest() }
    if Int(sessions[session].open) >= limits.pendingEmitsPerSession { evictOldest(of: session) }

    let slot = emits.take { PendingEmit() }
    emits[slot].reset()
    let hash = ByteHash.hash(arguments)
    let isShort =
      arguments.count <= limits.argumentBytes && argumentBytes &+ arguments.count <= limits.argumentBytesInAll
    let statistics = statisticsIndex(namespace, event, emit.from)
    let key = Self.key(namespace, emit.from, id)
    Self.fill(
      &emits[slot], emit, id, key, namespace, event, hash, arguments, isShort: isShort, statistics, at: now)
    if isShort { argumentBytes &+= arguments.count }
    if event.number >> 31 != 0 {
      emits[slot].unlistedEvent = String(decoding: literal.prefix(limits.nameBytes), as: UTF8.self)
    }

    markNamespace(slot, session, namespace)
    let isNewest = noteID(slot, namespace)
    if emit.from == .client { linkAttempts(slot, session, namespace, isFirst: isNewest == nil) }
    noteNewest(slot, namespace)
    if isNewest == false { noteRepeatedID(slot, namespace) } else { pending.insert(key, slot: slot) }
    enqueue(slot, namespace, session)
    decideWhatCannotBeAnswered(slot, session)
  }

  @inline(__always)
  private static func fill(
    _ entry: inout PendingEmit, _ emit: Emit, _ id: AckID, _ key: UInt64, _ namespace: Int32,
    _ event: EventID,
    _ hash: UInt64, _ arguments: UnsafeRawBufferPointer, isShort: Bool, _ statistics: Int32, at: Timestamp
  ) {
    entry.seq = emit.seq
    entry.at = at
    entry.id = id
    entry.key = key
    entry.session = emit.session
    entry.connection = emit.connection
    entry.namespaceSlot = namespace
    entry.namespace = emit.namespace
    entry.event = event
    entry.peer = emit.from
    entry.transport = emit.transport
    entry.refusal = emit.refusal
    entry.batch = emit.batch
    entry.messageBytes = emit.messageBytes
    entry.statistics = statistics
    entry.argumentsHash = hash
    entry.argumentsLength = arguments.count
    if isShort { entry.arguments.append(contentsOf: arguments) }
  }

  /// An ack was seen, from the peer that answers.
  ///
  /// - Returns: what it answers, for the packet record; nil for a stray or duplicate ack.
  package mutating func acknowledged(
    session number: SessionNumber, connection: ConnectionNumber, from: Peer, namespace id: NamespaceID,
    id ackID: AckID, at: Timestamp, seq: RecordSeq
  ) -> AckMatch? {
    advance(to: at)
    counts.acks &+= 1
    let session = sessionSlot(number)
    sessions[session].saw(from, at: now)
    let namespace = namespaceSlot(session, id)
    let emitter = from.other
    let key = Self.key(namespace, emitter, ackID)
    let slot = findPending(key, namespace, emitter, ackID)
    guard slot >= 0 else {
      ackWithoutEmit(session, connection, namespace, emitter, ackID, seq)
      return nil
    }

    let latency = now.since(emits[slot].at)
    var verdict = Verdict.acknowledged
    var cause: Cause?
    var certainty = Certainty.proved
    var evidence = [RecordSeq]()
    if let left = leaving(of: emitter, session, namespace) {
      verdict = .late
      cause = .afterPeerLeft
      certainty = left.certainty
      evidence = [seq, left.seq]
    } else if latency > ackTimeout {
      verdict = .late
      cause = .afterAckTimeout
      evidence = [seq]
    }
    let match = AckMatch(emit: emits[slot].seq, latency: latency, verdict: verdict)
    noteAnswer(slot, session, namespace, emitter, ackID)
    if let cause {
      conclude(slot, verdict, cause, certainty, evidence, age: latency)
    } else {
      counts[.acknowledged] &+= 1
      release(slot)
    }
    return match
  }

  /// The record that shows that the emitter was gone before its answer came: it had left, or the receiver itself had
  /// ended the namespace or session, after which the emitter takes no ack any more.
  @inline(__always)
  private func leaving(
    of emitter: Peer, _ session: Int32, _ namespace: Int32
  ) -> (seq: RecordSeq, certainty: Certainty)? {
    guard
      namespaces[namespace].ending != nil || sessions[session].ending != nil
        || sessions[session].presumed != nil
    else { return nil }
    return leavingOfEnded(emitter, session, namespace)
  }

  @inline(never)
  private func leavingOfEnded(
    _ emitter: Peer, _ session: Int32, _ namespace: Int32
  ) -> (seq: RecordSeq, certainty: Certainty)? {
    let ends = [namespaces[namespace].ending, sessions[session].ending, sessions[session].presumed]
    for case let ending? in ends where ending.by == Ender(emitter) { return (ending.seq, .proved) }
    for case let ending? in ends where ending.by == Ender(emitter.other) {
      switch ending.sign {
      case .closeFrame, .closePacket: return (ending.seq, .strong)
      case .disconnectPacket:
        // The JavaScript client drops its acks with the namespace. python-socketio's takes them as long as another
        // namespace holds the connection (PROTOCOL.md B.6).
        let hasOthers = sessions[session].namespaces.contains {
          $0.slot != namespace && namespaces[$0.slot].phase == .connected && namespaces[$0.slot].ending == nil
        }
        return (ending.seq, hasOthers ? .inferred : .strong)
      case .fin, .reset, .sessionUnknown, .silence: continue
      }
    }
    return nil
  }

  @inline(__always)
  private mutating func noteAnswer(
    _ slot: Int32, _ session: Int32, _ namespace: Int32, _ emitter: Peer, _ id: AckID
  ) {
    let seq = emits[slot].seq
    let event = emits[slot].event
    let statistics = Int(emits[slot].statistics)
    let marks = emits[slot].marks
    if emitter == .client { names.update(event) { $0.acknowledged &+= 1 } }
    if statistics >= 0 {
      namespaces[namespace].events[statistics].acknowledged &+= 1
      if seq < namespaces[namespace].events[statistics].firstAcknowledged {
        namespaces[namespace].events[statistics].firstAcknowledged = seq
      }
    }
    remember(answered: id, seq, sentAt: emits[slot].at, namespace, emitter)
    if marks.contains(.bigBatch) { sessions[session].refutedBatch = emits[slot].batch }
    if marks.contains(.namespaceMissing) { namespaces[namespace].phase = .connected }
    if emits[slot].group >= 0 { attemptAnswered(emits[slot].group) }
  }

  @inline(__always)
  private mutating func remember(
    answered id: AckID, _ seq: RecordSeq, sentAt: Timestamp, _ namespace: Int32, _ emitter: Peer
  ) {
    let limit = limits.answeredIDs
    let time = now
    func note(_ peer: inout NamespaceState.PeerState) {
      if seq < peer.firstAnswered {
        peer.firstAnswered = seq
        peer.firstAnsweredAt = sentAt
      }
      if peer.lastSeq == seq { peer.lastAnsweredAt = time }
      let entry = NamespaceState.Answered(id: id, emit: seq)
      if peer.answered.count < limit {
        peer.answered.append(entry)
      } else if limit > 0 {
        peer.answered[peer.nextAnswered] = entry
        peer.nextAnswered = peer.nextAnswered &+ 1 < limit ? peer.nextAnswered &+ 1 : 0
      }
    }
    note(&peers[Self.peer(namespace, emitter)])
  }

  // MARK: time

  /// Time went on: does what is due before the input that says so.
  @inline(__always)
  mutating func advance(to at: Timestamp) {
    if at > now { now = at }
    if now >= due { runDeadlines() }
  }

  /// Time passed. Call it at `nextDeadline` when nothing else comes in.
  package mutating func expire(at: Timestamp) {
    advance(to: at)
  }
}
