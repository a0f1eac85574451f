// Sessions and their heartbeats, transports and ends (PROTOCOL.md A.7, A.8; VERDICTS.md `ping_timeout`,
// `upgrade_completed`, `upgrade_abandoned`).

/// A slot whose turn comes at a moment; stale once the generation differs.
struct Waiting {
  var until: Timestamp
  var slot: Int32
  var generation: UInt32
}

extension AckCorrelator {
  /// The slot of a session, or -1.
  func findSession(_ number: SessionNumber) -> Int32 {
    sessionTable.find(ByteHash.mix(UInt64(number.number))) { sessions[$0].number == number }
  }

  /// The slot of a session. One that was never opened is taken for one that began before the capture.
  @inline(__always)
  mutating func sessionSlot(_ number: SessionNumber) -> Int32 {
    if lastSessionSlot >= 0, lastSession == number { return lastSessionSlot }
    return lookUpSession(number)
  }

  @inline(never)
  private mutating func lookUpSession(_ number: SessionNumber) -> Int32 {
    var slot = findSession(number)
    if slot < 0 {
      var facts = SessionFacts()
      facts.beganBeforeCapture = true
      slot = addSession(number, facts, RecordSeq(0))
    }
    lastSession = number
    lastSessionSlot = slot
    return slot
  }

  private mutating func addSession(_ number: SessionNumber, _ facts: SessionFacts, _ seq: RecordSeq) -> Int32
  {
    if sessions.count >= max(1, limits.sessions) { evictQuietestSession() }
    let slot = sessions.take { SessionState() }
    let generation = sessions[slot].generation &+ 1
    sessions[slot] = SessionState()
    sessions[slot].generation = generation
    sessions[slot].number = number
    sessions[slot].facts = facts
    sessions[slot].openedAt = now
    sessions[slot].seq = seq
    sessions[slot].seenClient = now
    sessions[slot].seenServer = now
    sessions[slot].serverPingAt = now
    sessionTable.insert(ByteHash.mix(UInt64(number.number)), slot: slot)
    if nextSweep.microseconds == .max {
      nextSweep = now.adding(Self.sweepInterval)
      if nextSweep < due { due = nextSweep }
    }
    return slot
  }

  /// An Engine.IO session became known: its open packet was seen, or a request with its `sid`.
  package mutating func sessionOpened(
    _ number: SessionNumber, _ facts: SessionFacts, at: Timestamp, seq: RecordSeq
  ) {
    advance(to: at)
    let known = findSession(number)
    if known >= 0 {
      sessions[known].facts = facts
    } else {
      _ = addSession(number, facts, seq)
    }
  }

  /// More became known of the server, as by the body that answers a POST.
  package mutating func serverRecognised(session number: SessionNumber, as kind: ServerKind) {
    let session = findSession(number)
    if session >= 0 { sessions[session].facts.server = kind }
  }

  /// A WebSocket was opened for the session.
  ///
  /// - Parameter isUpgrade: true where the session already runs by polling.
  package mutating func webSocketAttached(
    session number: SessionNumber, connection: ConnectionNumber, isUpgrade: Bool, at: Timestamp,
    seq: RecordSeq
  ) {
    advance(to: at)
    let session = sessionSlot(number)
    let slot = connectionSlot(connection)
    connections[slot].session = number
    sessions[session].saw(.client, at: now)
    if isUpgrade {
      // A second WebSocket for a session that runs on one is accepted and closed: no upgrade (PROTOCOL.md A.7).
      if sessions[session].transport == .polling { sessions[session].upgrading = connection }
    } else {
      sessions[session].transport = .websocket
      sessions[session].connection = connection
    }
  }

  /// An Engine.IO packet other than open and message was seen.
  package mutating func enginePacketSeen(
    session number: SessionNumber, connection: ConnectionNumber, from: Peer, _ kind: EnginePacketKind,
    at: Timestamp, seq: RecordSeq
  ) {
    advance(to: at)
    let session = sessionSlot(number)
    sessions[session].saw(from, at: now)
    let pinger: Peer = sessions[session].facts.revision >= 4 ? .server : .client
    switch kind {
    case .ping:
      if from != pinger {
        noteOffence(
          session, Offence(seq: seq, at: now, from: from, reason: Refusal.unexpectedPacket.rawValue))
      }
      sessions[session].ping = SessionState.Ping(at: now, seq: seq, from: from, isAwaited: true)
      if from == .server { sessions[session].serverPingAt = now }
    case .pong:
      if from == pinger {
        noteOffence(
          session, Offence(seq: seq, at: now, from: from, reason: Refusal.unexpectedPacket.rawValue))
      }
      sessions[session].ping?.isAwaited = false
    case .close:
      endSession(session, Ending(at: now, seq: seq, by: Ender(from), sign: .closePacket))
    case .upgrade where from == .client:
      guard sessions[session].transport == .polling else { return }
      sessions[session].transport = .websocket
      sessions[session].connection = connection
      sessions[session].upgrading = nil
      sessions[session].presumed = nil
      sessions[session].abandonedUpgrade = nil
      report(.upgradeCompleted, session: number, connection: connection, .proved, [seq])
    case .upgrade, .noop, .probePing, .probePong: break
    }
  }

  /// Whose heartbeat has stopped, for a session that was ended by `ender` or, with nil, by nobody yet.
  ///
  /// Engine.IO 4: the server pings, and waits `pingTimeout` for the pong; the client waits for both times. In
  /// revision 3 the client pings. A tenth of `pingTimeout` is allowed for the way between peer and proxy.
  /// python-engineio tells an interval below a second as 0: then only a ping that was seen can go unanswered.
  func silentPeer(_ session: Int32, endedBy ender: Ender?) -> (peer: Peer, since: RecordSeq)? {
    let facts = sessions[session].facts
    guard facts.pingTimeout > 0 else { return nil }
    let isIntervalKnown = facts.pingInterval > 0
    let interval = min(facts.pingInterval, 1 << 32) &* 1000
    let timeout = min(facts.pingTimeout, 1 << 32) &* 900
    let ping = sessions[session].ping
    if facts.revision >= 4 {
      if let ping, ping.isAwaited, ping.from == .server, now.since(ping.at) >= timeout {
        return (.client, ping.seq)
      }
      if sessions[session].transport == .polling, sessions[session].pollsUnderWay == 0 {
        // Nobody asked for the pings.
        guard isIntervalKnown, ender != .client,
          now.since(sessions[session].seenClient) >= interval &+ timeout
        else {
          return nil
        }
        return (.client, ping?.seq ?? sessions[session].seq)
      }
      if isIntervalKnown, ender != .server, ping?.isAwaited != true,
        now.since(sessions[session].serverPingAt) >= interval &+ timeout
      {
        return (.server, ping?.seq ?? sessions[session].seq)
      }
      return nil
    }
    if ender != .server, let ping, ping.isAwaited, ping.from == .client, now.since(ping.at) >= timeout {
      return (.server, ping.seq)
    }
    if isIntervalKnown, ender != .client, now.since(sessions[session].seenClient) >= interval &+ timeout {
      return (.client, ping?.seq ?? sessions[session].seq)
    }
    return nil
  }

  /// Says once that a heartbeat stopped.
  mutating func reportSilence(_ session: Int32, _ silent: (peer: Peer, since: RecordSeq), _ seq: RecordSeq?) {
    guard !sessions[session].pingTimeoutReported else { return }
    sessions[session].pingTimeoutReported = true
    report(
      .pingTimeout, session: sessions[session].number, connection: sessions[session].connection, .proved,
      [silent.since] + (seq.map { [$0] } ?? []),
      [("silent", .text("\(silent.peer.name)"))])
  }

  /// A session ended. The first end counts; what follows is its echo.
  mutating func endSession(_ session: Int32, _ ending: Ending) {
    guard sessions[session].ending == nil else { return }
    var ending = ending
    if ending.sign != .sessionUnknown, let presumed = sessions[session].presumed, presumed.sign != .silence {
      // A poll cut off before says more than what follows from it.
      ending = presumed
    }
    if ending.silent == nil, ending.by != .proxy, let silent = silentPeer(session, endedBy: ending.by) {
      ending.silent = silent.peer
      reportSilence(session, silent, ending.seq)
    }
    explainClose(session, ending)
    sessions[session].ending = ending
    sessions[session].presumed = nil
    noteMassDisconnect(session, ending)
    for index in 0..<sessions[session].namespaces.count {
      finishOpening(sessions[session].namespaces[index].slot)
    }
    rememberClient(session)
    let until = now.adding(ackTimeout)
    endedSessions.append(Waiting(until: until, slot: session, generation: sessions[session].generation))
    if until < due { due = until }
  }

  /// Names the packet that made its receiver close, if one came right before (VERDICTS.md `closed_because`).
  private mutating func explainClose(_ session: Int32, _ ending: Ending) {
    guard let offence = sessions[session].offence, Ender(offence.from.other) == ending.by,
      now.since(offence.at) <= Self.promptClose, ending.silent == nil
    else { return }
    if offence.asked >= 0, namespaces[offence.asked].phase == .connected { return }
    var details: [(name: StaticString, value: Finding.Value)] = [("reason", .text(offence.reason))]
    if let event = offence.event, !event.isEmpty { details.append(("event", .json(event))) }
    report(
      .closedBecause, session: sessions[session].number, connection: sessions[session].connection, .strong,
      [offence.seq, ending.seq], details)
  }

  /// A direction of a session cannot be decoded any more: acks and emits of that peer stay unseen.
  package mutating func decodingStopped(
    session number: SessionNumber, from: Peer, at: Timestamp, seq: RecordSeq
  ) {
    advance(to: at)
    let session = sessionSlot(number)
    if from == .client {
      sessions[session].clientUndecodable = sessions[session].clientUndecodable ?? seq
    } else {
      sessions[session].serverUndecodable = sessions[session].serverUndecodable ?? seq
    }
    for index in 0..<sessions[session].namespaces.count {
      let namespace = sessions[session].namespaces[index].slot
      while peers[Self.peer(namespace, from.other)].head >= 0 {
        let slot = peers[Self.peer(namespace, from.other)].head
        conclude(slot, .unanswered, .decodingStopped, .proved, [seq], age: now.since(emits[slot].at))
      }
    }
  }

  /// The session does not use an encoding that Ackscope knows.
  package mutating func customParserSeen(
    session: SessionNumber?, connection: ConnectionNumber, at: Timestamp, seq: RecordSeq
  ) {
    advance(to: at)
    report(.customParser, session: session, connection: connection, .inferred, [seq])
  }

  /// Forgets a session; its emits must have been settled.
  mutating func removeSession(_ session: Int32) {
    let number = sessions[session].number
    for index in 0..<sessions[session].namespaces.count {
      let namespace = sessions[session].namespaces[index].slot
      namespaces[namespace].generation &+= 1
      namespaces[namespace].sessionSlot = -1
      namespaces.giveBack(namespace)
    }
    sessions[session].namespaces.removeAll()
    sessions[session].generation &+= 1
    sessionTable.remove(ByteHash.mix(UInt64(number.number)), slot: session)
    sessions.giveBack(session)
    if lastSessionSlot == session { lastSessionSlot = -1 }
  }
}
