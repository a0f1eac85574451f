import JSONText

// Joining and leaving namespaces, recovery, and emits on namespaces that are not joined
// (PROTOCOL.md B.3, B.4, B.9; VERDICTS.md `namespace_not_connected`).

/// A recovery id that a server handed out, and the session it belongs to.
struct Recovery {
  var id: UInt64
  var session: SessionNumber
}

extension AckCorrelator {
  /// The slot of a namespace of a session, made when it is new.
  @inline(__always)
  mutating func namespaceSlot(_ session: Int32, _ id: NamespaceID) -> Int32 {
    let known = sessions[session].namespaces.count
    for index in 0..<known where sessions[session].namespaces[index].id == id {
      return sessions[session].namespaces[index].slot
    }
    return addNamespace(session, id)
  }

  @inline(never)
  private mutating func addNamespace(_ session: Int32, _ id: NamespaceID) -> Int32 {
    if sessions[session].namespaces.count >= max(1, limits.namespacesPerSession),
      let last = sessions[session].namespaces.last
    {
      // Beyond the limit one slot stands for all further namespaces: their emits pair by id alone.
      return last.slot
    }
    let slot = namespaces.take { NamespaceState() }
    namespaces[slot].reset(session: session, id: id)
    for peer in [Peer.client, .server] {
      // Slots of namespaces are handed out in order, so the pool of peers keeps step.
      if Int(Self.peer(slot, peer)) >= peers.used { _ = peers.take { NamespaceState.PeerState() } }
      peers[Self.peer(slot, peer)].reset()
    }
    if sessions[session].facts.beganBeforeCapture {
      namespaces[slot].phase = .connected
    } else if sessions[session].facts.revision < 4, id == .root {
      // Engine.IO 3: the server connects the default namespace by itself (PROTOCOL.md B.3).
      namespaces[slot].phase = .connected
      namespaces[slot].connectedAt = sessions[session].openedAt
      namespaces[slot].opening = NamespaceState.Opening(connectedAt: now, lastAt: now)
      namespaces[slot].isOpening = true
    }
    sessions[session].namespaces.append((id, slot))
    return slot
  }

  /// The index of an event in its namespace's statistics, or -1 where there is no room.
  @inline(__always)
  mutating func statisticsIndex(_ namespace: Int32, _ event: EventID, _ peer: Peer) -> Int32 {
    let count = namespaces[namespace].events.count
    for index in 0..<count {
      if namespaces[namespace].events[index].event == event, namespaces[namespace].events[index].peer == peer
      {
        return Int32(truncatingIfNeeded: index)
      }
    }
    guard count < 64 else { return -1 }
    namespaces[namespace].events.append(NamespaceState.EventStatistics(event: event, peer: peer))
    return Int32(truncatingIfNeeded: count)
  }

  /// A CONNECT packet from the client asked for a namespace.
  ///
  /// - Parameter recoveryID: the `pid` of its payload as text, empty where it has none.
  package mutating func connectRequested(
    session number: SessionNumber, namespace id: NamespaceID, recoveryID: UnsafeRawBufferPointer,
    at: Timestamp,
    seq: RecordSeq
  ) {
    advance(to: at)
    let session = sessionSlot(number)
    sessions[session].saw(.client, at: now)
    let namespace = namespaceSlot(session, id)
    if namespaces[namespace].phase == .connected, sessions[session].facts.revision >= 4,
      !isUnverified(session), namespaces[namespace].ending == nil
    {
      noteOffence(
        session,
        Offence(seq: seq, at: now, from: .client, reason: Refusal.unexpectedPacket.rawValue))
      return
    }
    settleNamespace(namespace)
    namespaces[namespace].ending = nil
    if namespaces[namespace].phase != .connected { namespaces[namespace].phase = .asked }
    namespaces[namespace].askedAt = now
    namespaces[namespace].askedSeq = seq
    namespaces[namespace].askedRecovery = recoveryID.isEmpty ? 0 : ByteHash.hash(recoveryID) | 1
    namespaces[namespace].replayed = 0
  }

  /// The server's CONNECT packet: the namespace is joined.
  ///
  /// - Parameters:
  ///   - hasSid: whether the payload has a `sid`, as revision 5 demands.
  ///   - recoveryID: the `pid` of the payload as text, empty where it has none.
  package mutating func connected(
    session number: SessionNumber, namespace id: NamespaceID, hasSid: Bool,
    recoveryID: UnsafeRawBufferPointer,
    at: Timestamp, seq: RecordSeq
  ) {
    advance(to: at)
    let session = sessionSlot(number)
    sessions[session].saw(.server, at: now)
    let namespace = namespaceSlot(session, id)
    settleNamespace(namespace)
    namespaces[namespace].ending = nil
    namespaces[namespace].phase = .connected
    namespaces[namespace].connectedAt = now
    if sessions[session].facts.revision >= 4, !hasSid, id == .root, !sessions[session].versionReported {
      sessions[session].versionReported = true
      report(
        .versionMismatch, session: number, .strong, [seq],
        [("client_revision", .number(4)), ("server_revision", .number(3))])
    }

    let asked = namespaces[namespace].askedRecovery
    let granted = recoveryID.isEmpty ? 0 : ByteHash.hash(recoveryID) | 1
    if asked != 0 {
      let former = recoveries.last { $0.id == asked }?.session
      if let former { sessions[session].resumedFrom = former }
      var details: [(name: StaticString, value: Finding.Value)] = [("namespace", .text(text(id)))]
      if let former { details.append(("resumed_from", .number(Int64(former.number)))) }
      if granted == asked {
        details.append(("replayed", .number(namespaces[namespace].replayed)))
        report(.recovered, session: number, .proved, [namespaces[namespace].askedSeq, seq], details)
      } else {
        report(.recoveryFailed, session: number, .proved, [namespaces[namespace].askedSeq, seq], details)
      }
      namespaces[namespace].askedRecovery = 0
    }
    if granted != 0 { remember(Recovery(id: granted, session: number)) }

    namespaces[namespace].opening = NamespaceState.Opening(connectedAt: now, lastAt: now)
    namespaces[namespace].isOpening = true
    if openings.count >= limits.connections { finishOldestOpening() }
    openings.append(
      Waiting(
        until: now.adding(Self.openingWindow), slot: namespace, generation: namespaces[namespace].generation))
    if now.adding(Self.openingWindow) < due { due = now.adding(Self.openingWindow) }
  }

  private mutating func remember(_ recovery: Recovery) {
    if recoveries.count < max(1, limits.endedClients) {
      recoveries.append(recovery)
    } else {
      recoveries[nextRecovery] = recovery
      nextRecovery = (nextRecovery + 1) % recoveries.count
    }
  }

  /// A CONNECT_ERROR packet refused a namespace.
  ///
  /// - Parameter payload: its payload as JSON.
  package mutating func connectRefused(
    session number: SessionNumber, namespace id: NamespaceID, payload: UnsafeRawBufferPointer, at: Timestamp,
    seq: RecordSeq
  ) {
    advance(to: at)
    let session = sessionSlot(number)
    sessions[session].saw(.server, at: now)
    let namespace = namespaceSlot(session, id)
    namespaces[namespace].phase = .refused
    // What was sent ahead of the answer found no namespace.
    var slot = peers[Self.peer(namespace, .client)].head
    while slot >= 0 {
      if emits[slot].marks.contains(.namespaceAsked) { emits[slot].marks.insert(.namespaceMissing) }
      slot = emits[slot].next
    }
    var message = String(decoding: payload.prefix(limits.nameBytes), as: UTF8.self)
    if let value = try? JSONValue(parsing: payload) {
      message = value["message"]?.string ?? value.string ?? message
    }
    report(
      .namespaceRefused, session: number, .proved, [seq],
      [("namespace", .text(text(id))), ("message", .text(message))])
  }

  /// A DISCONNECT packet: a peer left the namespace.
  ///
  /// - Parameter batch: as in `Emit`.
  package mutating func disconnected(
    session number: SessionNumber, namespace id: NamespaceID, from: Peer, batch: UInt32, at: Timestamp,
    seq: RecordSeq
  ) {
    advance(to: at)
    let session = sessionSlot(number)
    sessions[session].saw(from, at: now)
    let namespace = namespaceSlot(session, id)
    guard namespaces[namespace].ending == nil else { return }
    namespaces[namespace].phase = .left
    namespaces[namespace].ending = Ending(
      at: now, seq: seq, by: Ender(from), sign: .disconnectPacket, batch: batch)
    finishOpening(namespace)
    guard peers[Self.peer(namespace, .client)].open > 0 || peers[Self.peer(namespace, .server)].open > 0
    else {
      return
    }
    if endedNamespaces.count >= limits.connections { settleOldestNamespace() }
    let until = now.adding(ackTimeout)
    endedNamespaces.append(
      Waiting(until: until, slot: namespace, generation: namespaces[namespace].generation))
    if until < due { due = until }
  }

  /// Marks an emit whose namespace is not joined.
  @inline(__always)
  mutating func markNamespace(_ slot: Int32, _ session: Int32, _ namespace: Int32) {
    guard emits[slot].peer == .client, namespaces[namespace].phase != .connected else { return }
    if sessions[session].facts.beganBeforeCapture || sessions[session].clientUndecodable != nil
      || sessions[session].serverUndecodable != nil
    {
      return
    }
    emits[slot].marks.insert(namespaces[namespace].phase == .asked ? .namespaceAsked : .namespaceMissing)
  }

  /// Notes a packet that the server may close the connection for.
  @inline(__always)
  mutating func noteOffences(_ emit: Emit, _ session: Int32, _ namespace: Int32, _ event: EventID) {
    sessions[session].lastFromClient = emit.seq
    sessions[session].lastFromClientBytes = emit.messageBytes
    if emit.refusal == nil, namespaces[namespace].phase == .connected { return }
    noteClientOffence(emit, session, namespace, event)
  }

  @inline(never)
  private mutating func noteClientOffence(
    _ emit: Emit, _ session: Int32, _ namespace: Int32, _ event: EventID
  ) {
    if let refusal = emit.refusal {
      noteOffence(
        session,
        Offence(
          seq: emit.seq, at: now, from: .client, reason: refusal.rawValue, event: names.text(event.number)))
    } else if !isUnverified(session) {
      let asked = namespaces[namespace].phase == .asked
      noteOffence(
        session,
        Offence(
          seq: emit.seq, at: now, from: .client, reason: Cause.namespaceNotConnected.rawValue,
          asked: asked ? namespace : -1, event: names.text(event.number)))
    }
  }

  typealias Offence = SessionState.Offence

  /// Keeps the newest offence of a session; one after the session's end explains nothing.
  mutating func noteOffence(_ session: Int32, _ offence: Offence) {
    if sessions[session].ending == nil { sessions[session].offence = offence }
  }

  /// A packet was seen that the reference parser refuses and that is no emit (those say so themselves).
  package mutating func packetRefused(
    session number: SessionNumber, from: Peer, _ refusal: Refusal, at: Timestamp, seq: RecordSeq
  ) {
    advance(to: at)
    let session = sessionSlot(number)
    sessions[session].saw(from, at: now)
    noteOffence(session, Offence(seq: seq, at: now, from: from, reason: refusal.rawValue))
  }
}
