// Ids used or answered more than once (PROTOCOL.md B.5; VERDICTS.md `duplicate_emit`, `duplicate_ack`, `stray_ack`).

extension AckCorrelator {
  /// An id came that is not higher than all before: it may repeat one, or the peer counts in another way.
  @inline(never)
  mutating func noteRepeatedID(_ slot: Int32, _ namespace: Int32) {
    let key = emits[slot].key
    let peer = emits[slot].peer
    let id = emits[slot].id
    let first = findPending(key, namespace, peer, id)
    var former: RecordSeq?
    if first >= 0 {
      var last = first
      while emits[last].sameKey >= 0 { last = emits[last].sameKey }
      former = emits[last].seq
      emits[last].sameKey = slot
      emits[first].marks.insert(.chained)
      emits[slot].marks.insert(.chained)
    } else {
      pending.insert(key, slot: slot)
      former = peers[Self.peer(namespace, peer)].answered.last { $0.id == id }?.emit
    }
    guard let former, former != emits[slot].seq else { return }
    report(
      .duplicateEmit, session: emits[slot].session, connection: emits[slot].connection, .proved,
      [former, emits[slot].seq],
      [("namespace", .text(text(emits[slot].namespace))), ("id", .id(id))])
  }

  /// Takes an emit out of the chain of those with the same id.
  @inline(never)
  mutating func leaveChain(_ slot: Int32, _ key: UInt64, _ namespace: Int32, _ peer: Peer) {
    let first = findPending(key, namespace, peer, emits[slot].id)
    let next = emits[slot].sameKey
    if first == slot {
      if next >= 0 {
        pending.replace(key, slot: slot, with: next)
      } else {
        pending.remove(key, slot: slot)
      }
      return
    }
    var before = first
    while before >= 0, emits[before].sameKey != slot { before = emits[before].sameKey }
    if before >= 0 { emits[before].sameKey = next }
  }

  /// An ack that no open emit waits for: the second of its emit, one for an emit that was given up already, whose last
  /// word stands and which the finding names, or one that answers nothing that was seen.
  @inline(never)
  mutating func ackWithoutEmit(
    _ session: Int32, _ connection: ConnectionNumber, _ namespace: Int32, _ emitter: Peer, _ id: AckID,
    _ seq: RecordSeq
  ) {
    let details: [(name: StaticString, value: Finding.Value)] = [
      ("namespace", .text(text(namespaces[namespace].id))), ("id", .id(id)),
    ]
    let number = sessions[session].number
    if let former = peers[Self.peer(namespace, emitter)].answered.last(where: { $0.id == id }) {
      report(.duplicateAck, session: number, connection: connection, .proved, [former.emit, seq], details)
      return
    }
    // The emit may have been sent where nobody looked.
    guard !sessions[session].facts.beganBeforeCapture, sessions[session].undecodable(emitter) == nil else {
      return
    }
    if let former = peers[Self.peer(namespace, emitter)].givenUp.last(where: { $0.id == id }) {
      report(
        .strayAck, session: number, connection: connection, .proved, [former.emit, seq],
        details + [("emit", .number(Int64(clamping: former.emit.number)))])
      return
    }
    report(.strayAck, session: number, connection: connection, .proved, [seq], details)
  }
}
