// Deadlines, the last word on open emits, and the end of the capture. The order of `judge` is the order in which
// causes outrank each other (VERDICTS.md, *Verdicts*).

extension AckCorrelator {
  /// Emits this soon after CONNECT may be an offline buffer.
  static var openingWindow: Int64 { 100_000 }
  /// A close this soon after a refused packet is its effect.
  static var promptClose: Int64 { 1_000_000 }
  /// Sessions that end within this time end together.
  static var massWindow: Int64 { 250_000 }
  /// An event this soon after an emit may be its answer.
  static var replyWindow: Int64 { 250_000 }
  /// An unknown session this soon after its handshake was not lost by a restart.
  static var affinityWindow: Int64 { 10_000_000 }
  /// How often quiet polling sessions are looked for.
  static var sweepInterval: Int64 { 10_000_000 }

  // MARK: deadlines

  /// Does whatever is due, and finds out when the next deadline is.
  @inline(never)
  mutating func runDeadlines() {
    while oldest >= 0, now.since(emits[oldest].at) > ackTimeout { becameOverdue(oldest) }
    while let waiting = endedNamespaces.first, waiting.until <= now { settleOldestNamespace() }
    while let waiting = endedSessions.first, waiting.until <= now {
      _ = endedSessions.removeFirst()
      if sessions[waiting.slot].generation == waiting.generation, sessions[waiting.slot].ending != nil {
        settleSession(waiting.slot)
      }
    }
    while let first = held.first, first.until <= now {
      _ = held.removeFirst()
      finish(first.slot, first.verdict)
    }
    while let waiting = openings.first, waiting.until <= now { finishOldestOpening() }
    if groupsDue <= now { settleGroups() }
    if let mass, now.since(mass.from) >= Self.massWindow { finishMassDisconnect() }
    if nextSweep <= now { sweep() }

    var next = min(groupsDue, nextSweep)
    if oldest >= 0 { next = min(next, emits[oldest].at.adding(ackTimeout &+ 1)) }
    for until in [
      endedNamespaces.first?.until, endedSessions.first?.until, held.first?.until, openings.first?.until,
      mass.map { $0.from.adding(Self.massWindow) },
    ] {
      if let until { next = min(next, until) }
    }
    due = next
  }

  /// The ack timeout of an emit passed.
  private mutating func becameOverdue(_ slot: Int32) {
    let namespace = emits[slot].namespaceSlot
    joinOverdue(slot)
    guard namespace >= 0 else { return }
    let session = namespaces[namespace].sessionSlot
    if let ending = namespaces[namespace].ending {
      // Sent after the end, when the wait for it was over already.
      if now.since(ending.at) > ackTimeout { settleNamespace(namespace) }
      return
    }
    if session >= 0, sessions[session].ending != nil {
      if sessions[session].isSettled { settleSession(session) }
      return
    }
    if emits[slot].marks.contains(.namespaceMissing) {
      conclude(
        slot, .unanswered, .namespaceNotConnected, .strong, [], age: now.since(emits[slot].at))
      return
    }
    let age = now.since(emits[slot].at)
    if let rejection = rejection(of: slot), rejection.certainty == .strong {
      takeException(rejection.seq, namespace)
      conclude(slot, .rejected, .exceptionEvent, .strong, [rejection.seq], age: age)
      return
    }
    emits[slot].marks.insert(.overdue)
    counts[.pending] &-= 1
    counts[.overdue] &+= 1
    if !emits[slot].marks.contains(.provisional) {
      outcomes.append(
        .verdict(describe(slot, .overdue, nil, .proved, [], age: ackTimeout, isFinal: false)))
    }
  }

  /// Ends polling sessions whose client was silent for too long, and forgets ended sessions.
  private mutating func sweep() {
    for session in 0..<Int32(sessions.used) {
      guard findSession(sessions[session].number) == session else { continue }
      let quiet = min(
        now.since(sessions[session].seenClient), now.since(sessions[session].seenServer))
      if sessions[session].ending != nil {
        if sessions[session].isSettled, quiet > 60_000_000 {
          settleSession(session)
          removeSession(session)
        }
        continue
      }
      guard sessions[session].transport == .polling else { continue }
      if let presumed = sessions[session].presumed, now.since(presumed.at) > ackTimeout {
        endSession(session, presumed)
        continue
      }
      let facts = sessions[session].facts
      let patience =
        (min(max(0, facts.pingInterval), 3_600_000) &+ min(max(0, facts.pingTimeout), 3_600_000)) &* 1000
        &+ 30_000_000
      if quiet > patience {
        let silent = silentPeer(session, endedBy: nil)
        if let silent { reportSilence(session, silent, nil) }
        endSession(
          session,
          Ending(
            at: now, seq: silent?.since ?? sessions[session].seq,
            by: silent?.peer == .server ? .server : .client,
            sign: .silence, silent: silent?.peer))
      }
    }
    nextSweep = sessions.count == 0 ? Timestamp(microseconds: .max) : now.adding(Self.sweepInterval)
  }

  // MARK: limits

  /// Gives up the emit that was open longest.
  mutating func evictOldest() {
    if oldestOverdue >= 0 {
      evict(oldestOverdue)
      return
    }
    if oldest >= 0 {
      evict(oldest)
      return
    }
    if let first = held.removeFirst() { finish(first.slot, first.verdict) }
  }

  /// Gives up a session's oldest open emit; false where it has none.
  @discardableResult
  mutating func evictOldest(of session: Int32) -> Bool {
    var found: Int32 = -1
    for entry in sessions[session].namespaces {
      for head in [peers[Self.peer(entry.slot, .client)].head, peers[Self.peer(entry.slot, .server)].head]
      where head >= 0 {
        if found < 0 || emits[head].seq < emits[found].seq { found = head }
      }
    }
    guard found >= 0 else { return false }
    evict(found)
    return true
  }

  private mutating func evict(_ slot: Int32) {
    conclude(
      slot, .unanswered, .captureEnded, .proved, [], age: now.since(emits[slot].at), evicted: true)
  }

  /// Gives up the session that was quiet longest, and its emits.
  mutating func evictQuietestSession() {
    var candidates: [(seen: Timestamp, session: Int32)] = []
    candidates.reserveCapacity(sessions.count)
    for session in 0..<Int32(sessions.used) where findSession(sessions[session].number) == session {
      candidates.append((max(sessions[session].seenClient, sessions[session].seenServer), session))
    }
    // Under a flood of new sessions several at once, so that not every one of them costs a walk over all.
    candidates.sort { ($0.seen, $0.session) < ($1.seen, $1.session) }
    for (_, session) in candidates.prefix(max(1, limits.sessions / 64)) {
      while evictOldest(of: session) {}
      removeSession(session)
    }
  }

  // MARK: settling

  /// Settles the namespace that ended first of those that wait.
  mutating func settleOldestNamespace() {
    guard let waiting = endedNamespaces.removeFirst() else { return }
    // It may have been joined again, and left again later.
    guard namespaces[waiting.slot].generation == waiting.generation,
      let ending = namespaces[waiting.slot].ending, ending.at.adding(ackTimeout) <= waiting.until
    else { return }
    settleNamespace(waiting.slot)
  }

  /// Ends the oldest of the times right after CONNECT.
  mutating func finishOldestOpening() {
    guard let waiting = openings.removeFirst(),
      namespaces[waiting.slot].generation == waiting.generation
    else { return }
    finishOpening(waiting.slot)
  }

  /// Says the last word on the emits of a namespace that was left.
  mutating func settleNamespace(_ namespace: Int32) {
    let session = namespaces[namespace].sessionSlot
    guard session >= 0, namespaces[namespace].ending != nil else { return }
    settle(namespace, session, atEndOfCapture: false)
  }

  /// Says the last word on the emits of an ended session.
  mutating func settleSession(_ session: Int32) {
    sessions[session].isSettled = true
    settleAll(session, atEndOfCapture: false)
  }

  private mutating func settleAll(_ session: Int32, atEndOfCapture: Bool) {
    for index in 0..<sessions[session].namespaces.count {
      let namespace = sessions[session].namespaces[index].slot
      if sessions[session].namespaces[..<index].contains(where: { $0.slot == namespace }) { continue }
      settle(namespace, session, atEndOfCapture: atEndOfCapture)
      finishRepeats(namespace)
    }
  }

  private mutating func settle(_ namespace: Int32, _ session: Int32, atEndOfCapture: Bool) {
    let mayReturn =
      !atEndOfCapture && namespaces[namespace].ending == nil && peers[Self.peer(namespace, .client)].open == 1
      && namespaces[namespace].phase == .connected
      && sessions[session].ending.map { $0.by != .proxy || $0.sign == .silence } ?? false
    for peer in [Peer.client, .server] {
      while peers[Self.peer(namespace, peer)].head >= 0 {
        let slot = peers[Self.peer(namespace, peer)].head
        let verdict = judge(slot, namespace, session)
        if verdict.verdict == .rejected, let seq = verdict.evidence.first {
          takeException(seq, namespace)
        } else {
          leaveExceptions(emits[slot].seq, namespace)
        }
        if peer == .server, verdict.cause == .noHandlerOrNoReturn { noteMissingListener(slot, namespace) }
        if peer == .client, mayReturn, verdict.verdict == .unanswered, mayComeAgain(slot, verdict),
          let ending = sessions[session].ending, emits[slot].at < ending.at
        {
          hold(slot, verdict, session)
        } else {
          finish(slot, verdict)
        }
      }
    }
  }

  /// Whether a client with retries would send the emit again after it reconnects: its only open one, and none
  /// that the server refused.
  private func mayComeAgain(_ slot: Int32, _ verdict: EmitVerdict) -> Bool {
    switch verdict.cause {
    case .disconnectedBeforeAck, .pingTimeout, .sessionUnknown, .noHandlerOrNoReturn, .conditionalPath: true
    default: false
    }
  }

  /// The capture ends: every open emit gets its last word.
  package mutating func captureEnded(at: Timestamp) {
    advance(to: at)
    for session in 0..<Int32(sessions.used) where findSession(sessions[session].number) == session {
      if sessions[session].ending == nil {
        if let presumed = sessions[session].presumed {
          endSession(session, presumed)
        } else if let silent = silentPeer(session, endedBy: nil) {
          reportSilence(session, silent, nil)
        }
        if let abandoned = sessions[session].abandonedUpgrade, sessions[session].ending == nil {
          sessions[session].abandonedUpgrade = nil
          report(.upgradeAbandoned, session: sessions[session].number, .proved, [abandoned])
        }
      }
      for index in 0..<sessions[session].namespaces.count {
        finishOpening(sessions[session].namespaces[index].slot)
      }
      settleAll(session, atEndOfCapture: true)
    }
    while let first = held.removeFirst() { finish(first.slot, first.verdict) }
    for group in openGroups { groups[group].until = now }
    settleGroups()
    finishMassDisconnect()
  }

  // MARK: the last word

  /// What is to be said of an open emit, now that nothing more is awaited.
  private func judge(_ slot: Int32, _ namespace: Int32, _ session: Int32) -> EmitVerdict {
    let emit = emits[slot]
    var ending = namespaces[namespace].ending
    if let end = sessions[session].ending, ending.map({ end.at < $0.at }) ?? true { ending = end }
    // An emit after its own end was sent too late, which is no reason to be younger than nothing.
    let end = ending?.at ?? now
    let age = max(0, end.since(emit.at))
    let isOverdue = age > ackTimeout
    let seqs = ending.map { [$0.seq] } ?? []
    func say(
      _ verdict: Verdict, _ cause: Cause, _ certainty: Certainty, _ evidence: [RecordSeq],
      silent: Peer? = nil
    ) -> EmitVerdict {
      var known = ending
      if let silent { known?.silent = silent }
      var outcome = describe(slot, verdict, cause, certainty, evidence, age: age, ending: known)
      outcome.silent = cause == .pingTimeout ? silent : nil
      return outcome
    }

    if emit.marks.contains(.tooLarge) || isTooLarge(slot, session, ending) {
      let isTold = ending?.code == 1009
      return say(.unanswered, .payloadTooLarge, isTold ? .proved : .strong, seqs)
    }
    if let ending, emit.refusal != nil, ending.by == Ender(emit.peer.other),
      ending.at.since(emit.at) <= Self.promptClose
    {
      return say(.unanswered, .invalidPacket, .strong, [ending.seq])
    }
    if emit.marks.contains(.namespaceMissing)
      || (emit.marks.contains(.namespaceAsked) && namespaces[namespace].phase != .connected
        && ending != nil)
    {
      return say(.unanswered, .namespaceNotConnected, .strong, seqs)
    }
    let rejection = rejection(of: slot)
    if let rejection, rejection.certainty == .strong {
      return say(.rejected, .exceptionEvent, .strong, [rejection.seq])
    }
    let supersededBy = isConvincing(slot) ? emit.nextAttempt : nil
    if let supersededBy, supersededCertainty(slot) == .strong {
      return say(.superseded, .retried, .strong, [supersededBy])
    }
    if let silent = silentSide(slot, session, namespace, isOverdue: isOverdue) {
      return say(
        .unanswered, .pingTimeout, .proved, [silent.since] + seqs.filter { $0 != silent.since },
        silent: silent.peer)
    }
    if emit.marks.contains(.bigBatch), sessions[session].facts.server != .javascript,
      sessions[session].refutedBatch != emit.batch
    {
      return say(.unanswered, .pollBatchTooLarge, .inferred, seqs)
    }
    if emit.marks.contains(.sessionRefused) || (ending?.sign == .sessionUnknown && !isOverdue) {
      return say(.unanswered, .sessionUnknown, .proved, seqs)
    }
    if let ending, ending.sign == .disconnectPacket, ending.by == Ender(emit.peer),
      isOneBurst(emit, ending)
    {
      return say(.unanswered, .overtakenByDisconnect, .inferred, [ending.seq])
    }
    if let rejection { return say(.rejected, .exceptionEvent, rejection.certainty, [rejection.seq]) }
    if let supersededBy { return say(.superseded, .retried, .inferred, [supersededBy]) }
    guard isOverdue else {
      return ending == nil
        ? say(.unanswered, .captureEnded, .proved, [])
        : say(.unanswered, .disconnectedBeforeAck, .proved, seqs)
    }
    if emit.peer == .client, let event = answeringEvent(slot) {
      return say(.answeredByEvent, .returnedEventObject, .inferred, [event])
    }
    return say(.unanswered, silence(slot, namespace), .inferred, [])
  }

  /// Why an emit on a healthy connection was never answered.
  private func silence(_ slot: Int32, _ namespace: Int32) -> Cause {
    let emit = emits[slot]
    let index = Int(emit.statistics)
    let known = index >= 0 ? namespaces[namespace].events[index] : nil
    if emit.peer == .server {
      return (known?.acknowledged ?? 0) > 0 ? .conditionalPath : .noHandlerOrNoReturn
    }
    guard names.statistics(emit.event).acknowledged > 0 || (known?.acknowledged ?? 0) > 0 else {
      return .noHandlerOrNoReturn
    }
    guard let known, known.acknowledged > 0, emit.seq < peers[Self.peer(namespace, .client)].firstAnswered,
      peers[Self.peer(namespace, .client)].firstAnsweredAt.since(emit.at) >= 10_000,
      let connectedAt = namespaces[namespace].connectedAt, emit.at.since(connectedAt) <= 5_000_000
    else { return .conditionalPath }
    // Only the first emits: none of this event went unanswered later.
    var later = emit.next
    while later >= 0 {
      if emits[later].event == emit.event, emits[later].seq > known.firstAcknowledged {
        return .conditionalPath
      }
      later = emits[later].next
    }
    return .handlerRegisteredLate
  }

  /// The side whose heartbeat stopped, where that explains why an emit was not answered.
  private func silentSide(
    _ slot: Int32, _ session: Int32, _ namespace: Int32, isOverdue: Bool
  ) -> (peer: Peer, since: RecordSeq)? {
    guard namespaces[namespace].ending == nil else { return nil }
    let silent: (peer: Peer, since: RecordSeq)
    if let ending = sessions[session].ending {
      guard let peer = ending.silent else { return nil }
      silent = (peer, sessions[session].ping?.seq ?? sessions[session].seq)
    } else {
      guard let found = silentPeer(session, endedBy: nil) else { return nil }
      silent = found
    }
    guard isOverdue else { return silent }
    // Overdue already when the heartbeat stopped: that is another story.
    let emit = emits[slot]
    if emit.at.adding(ackTimeout) <= sessions[session].seen(silent.peer) { return nil }
    if silent.peer == emit.peer, sessions[session].transport == .websocket { return nil }
    return silent
  }

  /// Whether the receiver ended the session right after an emit longer than the limit it had told.
  private func isTooLarge(_ slot: Int32, _ session: Int32, _ ending: Ending?) -> Bool {
    guard let ending, ending.by == .server, emits[slot].peer == .client, ending.sign != .disconnectPacket,
      let limit = sessions[session].facts.maximumPayload, emits[slot].messageBytes > limit
    else { return false }
    return ending.at.since(emits[slot].at) <= Self.promptClose
  }

  /// Whether an emit and the DISCONNECT behind it came together. Over polling only one body counts: handlers of
  /// separate requests run (PROTOCOL.md B.10).
  private func isOneBurst(_ emit: PendingEmit, _ ending: Ending) -> Bool {
    guard ending.at >= emit.at else { return false }
    if ending.batch != 0, ending.batch == emit.batch { return true }
    return emit.transport == .websocket && ending.at.since(emit.at) <= 2_000
  }

  private mutating func noteMissingListener(_ slot: Int32, _ namespace: Int32) {
    let index = Int(emits[slot].statistics)
    if index >= 0 {
      guard !namespaces[namespace].events[index].missingListenerReported else { return }
      namespaces[namespace].events[index].missingListenerReported = true
    }
    report(
      .listenerMissing, session: emits[slot].session, connection: emits[slot].connection, .inferred,
      [emits[slot].seq],
      [("namespace", .text(text(emits[slot].namespace))), ("event", .json(eventText(slot)))])
  }
}
