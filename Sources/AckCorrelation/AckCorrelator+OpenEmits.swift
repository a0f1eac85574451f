// The lists that open emits stand in: by id, by namespace and peer, by time; and how they leave them.

extension AckCorrelator {
  /// The slot of a peer of a namespace in `peers`.
  @inline(__always)
  static func peer(_ namespace: Int32, _ peer: Peer) -> Int32 {
    namespace &* 2 &+ Int32(truncatingIfNeeded: peer.rawValue)
  }

  /// The key of an id in the table of open emits.
  @inline(__always)
  static func key(_ namespace: Int32, _ peer: Peer, _ id: AckID) -> UInt64 {
    let scope = UInt64(UInt32(bitPattern: namespace)) << 1 | UInt64(peer.rawValue)
    return ByteHash.mix(id.value &+ scope &* 0x9E37_79B9_7F4A_7C15)
  }

  /// The slot of the oldest open emit with an id, or -1.
  @inline(__always)
  func findPending(_ key: UInt64, _ namespace: Int32, _ peer: Peer, _ id: AckID) -> Int32 {
    pending.find(key) { slot in
      emits[slot].namespaceSlot == namespace && emits[slot].peer == peer && emits[slot].id == id
    }
  }

  /// Notes the id of a new emit. Returns nil for the first of its peer, true for a higher one, and false for
  /// one that may have been there before.
  @inline(__always)
  mutating func noteID(_ slot: Int32, _ namespace: Int32) -> Bool? {
    let id = emits[slot].id
    let peer = emits[slot].peer
    guard !id.isWide else { return false }
    guard let highest = peers[Self.peer(namespace, peer)].highestID else {
      peers[Self.peer(namespace, peer)].highestID = id.value
      return nil
    }
    if id.value > highest {
      peers[Self.peer(namespace, peer)].highestID = id.value
      return true
    }
    return false
  }

  /// Remembers a new emit as the newest of its peer.
  @inline(__always)
  mutating func noteNewest(_ slot: Int32, _ namespace: Int32) {
    let peer = emits[slot].peer
    noteRepeats(slot, namespace)
    let seq = emits[slot].seq
    let id = emits[slot].id
    let event = emits[slot].event
    let hash = emits[slot].argumentsHash
    let length = emits[slot].argumentsLength
    func note(_ state: inout NamespaceState.PeerState) {
      state.lastSlot = slot
      state.lastSeq = seq
      state.lastID = id
      state.lastEvent = event
      state.lastHash = hash
      state.lastLength = length
      state.lastAnsweredAt = nil
    }
    note(&peers[Self.peer(namespace, peer)])
    if peer == .client {
      namespaces[namespace].lastFromClient = seq
      namespaces[namespace].lastFromClientAt = now
      if namespaces[namespace].isOpening { noteOpening(namespace, seq, event, id) }
    }
  }

  /// Puts a new emit into the lists of its namespace and of the ack timeout.
  @inline(__always)
  mutating func enqueue(_ slot: Int32, _ namespace: Int32, _ session: Int32) {
    let peer = emits[slot].peer
    let tail = peers[Self.peer(namespace, peer)].tail
    emits[slot].previous = tail
    if tail >= 0 { emits[tail].next = slot } else { peers[Self.peer(namespace, peer)].head = slot }
    peers[Self.peer(namespace, peer)].tail = slot
    peers[Self.peer(namespace, peer)].open &+= 1
    sessions[session].open &+= 1

    emits[slot].earlier = newest
    if newest >= 0 { emits[newest].later = slot } else { oldest = slot }
    newest = slot
    counts[.pending] &+= 1
    let deadline = now.adding(ackTimeout)
    if deadline < due { due = deadline }
  }

  /// Takes an emit out of the queue by time that it stands in.
  @inline(__always)
  mutating func leaveQueue(_ slot: Int32) {
    guard !emits[slot].marks.contains(.leftQueue) else { return }
    emits[slot].marks.insert(.leftQueue)
    let earlier = emits[slot].earlier
    let later = emits[slot].later
    let isOverdue = emits[slot].marks.contains(.inOverdueQueue)
    if earlier >= 0 {
      emits[earlier].later = later
    } else if isOverdue {
      oldestOverdue = later
    } else {
      oldest = later
    }
    if later >= 0 {
      emits[later].earlier = earlier
    } else if isOverdue {
      newestOverdue = earlier
    } else {
      newest = earlier
    }
  }

  /// Moves an emit from the queue of the ack timeout to that of the overdue.
  mutating func joinOverdue(_ slot: Int32) {
    leaveQueue(slot)
    emits[slot].marks.remove(.leftQueue)
    emits[slot].marks.insert(.inOverdueQueue)
    emits[slot].earlier = newestOverdue
    emits[slot].later = -1
    if newestOverdue >= 0 { emits[newestOverdue].later = slot } else { oldestOverdue = slot }
    newestOverdue = slot
  }

  /// Takes an emit out of its namespace: its session is over, or it was decided.
  @inline(__always)
  mutating func leaveNamespace(_ slot: Int32) {
    let namespace = emits[slot].namespaceSlot
    guard namespace >= 0 else { return }
    let peer = emits[slot].peer
    let previous = emits[slot].previous
    let next = emits[slot].next
    if previous >= 0 { emits[previous].next = next } else { peers[Self.peer(namespace, peer)].head = next }
    if next >= 0 {
      emits[next].previous = previous
    } else {
      peers[Self.peer(namespace, peer)].tail = previous
    }
    peers[Self.peer(namespace, peer)].open &-= 1
    let session = namespaces[namespace].sessionSlot
    if session >= 0 { sessions[session].open &-= 1 }
    let key = emits[slot].key
    if emits[slot].marks.contains(.chained) {
      leaveChain(slot, key, namespace, peer)
    } else {
      pending.remove(key, slot: slot)
    }
    emits[slot].namespaceSlot = -1
  }

  /// Gives the slot of a decided emit back.
  @inline(__always)
  mutating func release(_ slot: Int32) {
    leaveQueue(slot)
    leaveNamespace(slot)
    if emits[slot].marks.contains(.overdue) {
      counts[.overdue] &-= 1
    } else {
      counts[.pending] &-= 1
    }
    argumentBytes &-= emits[slot].arguments.count
    if emits.used > 4_096, emits[slot].arguments.capacity > 256 { emits[slot].arguments = [] }
    let group = emits[slot].group
    if group >= 0 { attemptDecided(group) }
    emits.giveBack(slot)
  }

  /// Says the last word on an emit and gives its slot back.
  mutating func conclude(
    _ slot: Int32, _ verdict: Verdict, _ cause: Cause, _ certainty: Certainty, _ evidence: [RecordSeq],
    age: Int64, ending: Ending? = nil, evicted: Bool = false
  ) {
    var outcome = describe(slot, verdict, cause, certainty, evidence, age: age, ending: ending)
    outcome.evicted = evicted
    finish(slot, outcome)
  }

  /// Reports a final verdict that was put together already, and gives the slot back.
  mutating func finish(_ slot: Int32, _ outcome: EmitVerdict) {
    counts[outcome.verdict] &+= 1
    outcomes.append(.verdict(outcome))
    if outcome.verdict != .late { rememberGivenUp(slot) }
    release(slot)
  }

  /// Remembers an emit that was decided without an ack, in case one comes yet.
  private mutating func rememberGivenUp(_ slot: Int32) {
    let namespace = emits[slot].namespaceSlot
    guard namespace >= 0, limits.answeredIDs > 0 else { return }
    let entry = NamespaceState.Answered(id: emits[slot].id, emit: emits[slot].seq)
    let limit = limits.answeredIDs
    func note(_ peer: inout NamespaceState.PeerState) {
      if peer.givenUp.count < limit {
        peer.givenUp.append(entry)
      } else {
        peer.givenUp[peer.nextGivenUp] = entry
        peer.nextGivenUp = (peer.nextGivenUp &+ 1) % limit
      }
    }
    note(&peers[Self.peer(namespace, emits[slot].peer)])
  }

  /// Puts a verdict together, with what the emit and its session say.
  func describe(
    _ slot: Int32, _ verdict: Verdict, _ cause: Cause?, _ certainty: Certainty, _ evidence: [RecordSeq],
    age: Int64, ending: Ending? = nil, isFinal: Bool = true
  ) -> EmitVerdict {
    let emit = emits[slot]
    let namespace = emit.namespaceSlot
    let session = namespace >= 0 ? namespaces[namespace].sessionSlot : -1
    let isUnverified = session >= 0 && isUnverified(session)
    // Signatures need the whole story; what was seen was seen.
    let certainty = isUnverified && certainty == .strong ? .inferred : certainty
    let namesEnding = cause == .disconnectedBeforeAck || cause == .overtakenByDisconnect
    let namesNext = cause == .retried
    return EmitVerdict(
      emit: emit.seq,
      event: emit.unlistedEvent.isEmpty ? names.text(emit.event.number) : emit.unlistedEvent,
      namespace: text(emit.namespace), id: emit.id, connection: emit.connection, session: emit.session,
      from: emit.peer, verdict: verdict, cause: cause, certainty: certainty, evidence: evidence, age: age,
      isFinal: isFinal, endedBy: namesEnding ? ending?.by : nil, how: namesEnding ? ending?.sign : nil,
      silent: cause == .pingTimeout ? ending?.silent : nil, nextAttempt: namesNext ? emit.nextAttempt : nil,
      nextAttemptID: namesNext ? emit.nextAttemptID : nil,
      unverified: isUnverified)
  }

  /// Whether parts of a session stayed unseen.
  func isUnverified(_ session: Int32) -> Bool {
    sessions[session].facts.beganBeforeCapture || sessions[session].clientUndecodable != nil
      || sessions[session].serverUndecodable != nil
  }
}
