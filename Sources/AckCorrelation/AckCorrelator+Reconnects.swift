// Clients that come back: emits kept for them, and offline buffers (PROTOCOL.md B.7; VERDICTS.md `buffered_burst`).

/// An emit of an ended session, kept because the client may send it again.
struct HeldEmit {
  var slot: Int32
  var until: Timestamp
  var fingerprint: UInt64
  /// What it gets if the client does not.
  var verdict: EmitVerdict
}

/// What is remembered of a client on a namespace when its session ended.
struct EndedClient {
  var session: SessionNumber
  var namespace: NamespaceID
  var fingerprint: UInt64
  var highestID: UInt64
  var endedAt: Timestamp
  /// A hash of the events it sent right after CONNECT.
  var opening: UInt64
}

extension AckCorrelator {
  /// Notes an emit right after CONNECT: within a tenth of a second, and at most 20 ms after the one before.
  @inline(never)
  mutating func noteOpening(_ namespace: Int32, _ seq: RecordSeq, _ event: EventID, _ id: AckID?) {
    guard var opening = namespaces[namespace].opening, namespaces[namespace].isOpening else { return }
    let isInTime =
      now.since(opening.connectedAt) <= Self.openingWindow
      && (opening.count == 0 || now.since(opening.lastAt) <= 20_000)
    guard isInTime else {
      finishOpening(namespace)
      return
    }
    opening.count += 1
    opening.lastAt = now
    opening.events = ByteHash.mix(opening.events &+ UInt64(event.number) &+ 1)
    if let id, opening.firstID == nil { opening.firstID = id.value }
    if opening.evidence.count < 8 { opening.evidence.append(seq) }
    namespaces[namespace].opening = opening
  }

  /// The time right after CONNECT is over: was it an offline buffer that came?
  ///
  /// It was where ids continue those of a client whose session ended before, and there were several emits that
  /// are not just what the client sends after every CONNECT; or a single one that skips an id, which expired in
  /// the buffer. A single emit without a gap may as well come from the application's connect handler.
  mutating func finishOpening(_ namespace: Int32) {
    guard let opening = namespaces[namespace].opening, namespaces[namespace].isOpening else { return }
    namespaces[namespace].isOpening = false
    let session = namespaces[namespace].sessionSlot
    guard session >= 0, let firstID = opening.firstID, firstID > 0 else { return }
    let facts = sessions[session].facts
    let openedAt = sessions[session].openedAt
    let id = namespaces[namespace].id
    var former: EndedClient?
    for client in endedClients
    where client.namespace == id && client.fingerprint == facts.clientFingerprint
      && client.highestID < firstID && firstID - client.highestID <= 1_000 && client.endedAt <= openedAt
    {
      let isBetter = former.map { ($0.highestID, $0.endedAt) < (client.highestID, client.endedAt) } ?? true
      if isBetter { former = client }
    }
    guard let former else { return }
    let gap = firstID - former.highestID - 1
    guard opening.count >= 2 ? gap > 0 || opening.events != former.opening : gap > 0 else { return }
    if sessions[session].resumedFrom == nil { sessions[session].resumedFrom = former.session }
    report(
      .bufferedBurst, session: sessions[session].number, .inferred, opening.evidence,
      [
        ("namespace", .text(text(id))), ("emits", .number(Int64(opening.count))),
        ("resumed_from", .number(Int64(former.session.number))),
      ])
  }

  /// Remembers the client of an ended session.
  mutating func rememberClient(_ session: Int32) {
    for entry in sessions[session].namespaces {
      guard let highest = peers[Self.peer(entry.slot, .client)].highestID else { continue }
      let client = EndedClient(
        session: sessions[session].number, namespace: entry.id,
        fingerprint: sessions[session].facts.clientFingerprint, highestID: highest, endedAt: now,
        opening: namespaces[entry.slot].opening?.events ?? 0)
      if endedClients.count < max(1, limits.endedClients) {
        endedClients.append(client)
      } else {
        endedClients[nextEndedClient] = client
        nextEndedClient = (nextEndedClient + 1) % endedClients.count
      }
    }
  }

  /// Keeps an emit for the client's return, and says what it will be if the client does not come.
  mutating func hold(_ slot: Int32, _ verdict: EmitVerdict, _ session: Int32) {
    while held.count >= max(1, limits.heldForReconnect), let first = held.removeFirst() {
      finish(first.slot, first.verdict)
    }
    let until = now.adding(limits.reconnectWindow)
    emits[slot].marks.insert(.held)
    leaveQueue(slot)
    leaveNamespace(slot)
    held.append(
      HeldEmit(
        slot: slot, until: until, fingerprint: sessions[session].facts.clientFingerprint, verdict: verdict))
    var likely = verdict
    likely.isFinal = false
    outcomes.append(.verdict(likely))
    if until < due { due = until }
  }
}
