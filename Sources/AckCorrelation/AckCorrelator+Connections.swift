// Connections: their legs, close frames, undelivered bytes, rule violations (VERDICTS.md `not_delivered`,
// `payload_too_large`, `sent_after_close`, `protocol_error`, `stalled_peer`, `mass_disconnect`).

/// Sessions that the server side ended within one instant.
struct MassDisconnect {
  var from: Timestamp
  var sessions = 0
  var openThen: Int
  var evidence: [RecordSeq] = []
}

extension AckCorrelator {
  /// The slot of a connection, or -1.
  @inline(__always)
  func findConnection(_ number: ConnectionNumber) -> Int32 {
    connectionTable.find(ByteHash.mix(UInt64(number.number))) { connections[$0].number == number }
  }

  /// The slot of a connection, made when it is new.
  mutating func connectionSlot(_ number: ConnectionNumber) -> Int32 {
    let found = findConnection(number)
    if found >= 0 { return found }
    while connections.count >= max(1, limits.connections), let oldest = connectionOrder.removeFirst() {
      let slot = findConnection(oldest)
      if slot >= 0 { removeConnection(slot) }
    }
    let slot = connections.take { ConnectionState() }
    connections[slot] = ConnectionState(number: number)
    connectionTable.insert(ByteHash.mix(UInt64(number.number)), slot: slot)
    connectionOrder.append(number)
    if connectionOrder.count > 2 * max(64, limits.connections) { forgetClosedConnections() }
    return slot
  }

  /// Takes connections that are gone out of the queue for the limit.
  private mutating func forgetClosedConnections() {
    var kept = Fifo<ConnectionNumber>()
    while let number = connectionOrder.removeFirst() {
      if findConnection(number) >= 0 { kept.append(number) }
    }
    connectionOrder = kept
  }

  private mutating func removeConnection(_ slot: Int32) {
    connectionTable.remove(ByteHash.mix(UInt64(connections[slot].number.number)), slot: slot)
    connections.giveBack(slot)
  }

  /// A connection was accepted. Optional: connections are made known by whatever names them first.
  package mutating func connectionOpened(_ number: ConnectionNumber, at: Timestamp, seq: RecordSeq) {
    advance(to: at)
    _ = connectionSlot(number)
  }

  /// A peer sent a WebSocket close frame.
  package mutating func closeFrameSeen(
    connection number: ConnectionNumber, from: Peer, code: UInt16?, at: Timestamp, seq: RecordSeq
  ) {
    advance(to: at)
    let slot = connectionSlot(number)
    if from == .client {
      connections[slot].clientSaidClose = connections[slot].clientSaidClose ?? seq
    } else {
      connections[slot].serverSaidClose = connections[slot].serverSaidClose ?? seq
    }
    let ending = Ending(at: now, seq: seq, by: Ender(from), sign: .closeFrame, code: code)
    webSocketEnded(slot, ending)
  }

  /// One of the two TCP legs closed.
  ///
  /// - Parameters:
  ///   - by: whose leg it is and, with `proxy`, that the proxy itself closed both.
  ///   - sign: `fin` or `reset`.
  package mutating func legClosed(
    connection number: ConnectionNumber, by: Ender, _ sign: EndingSign, at: Timestamp, seq: RecordSeq
  ) {
    advance(to: at)
    let slot = connectionSlot(number)
    if by != .server { connections[slot].clientClosed = connections[slot].clientClosed ?? seq }
    if by != .client { connections[slot].serverClosed = connections[slot].serverClosed ?? seq }
    if sign == .reset || by == .proxy {
      if by != .server { connections[slot].clientWasReset = true }
      if by != .client { connections[slot].serverWasReset = true }
    }
    let ending = Ending(at: now, seq: seq, by: by, sign: sign)
    webSocketEnded(slot, ending)
    pollCutOff(slot, ending)
  }

  /// Both legs of a connection are closed: nothing more can come on it.
  package mutating func connectionClosed(_ number: ConnectionNumber, at: Timestamp, seq: RecordSeq) {
    advance(to: at)
    let slot = findConnection(number)
    guard slot >= 0 else { return }
    webSocketEnded(slot, Ending(at: now, seq: seq, by: .proxy, sign: .fin))
    pollCutOff(slot, Ending(at: now, seq: seq, by: .proxy, sign: .fin))
    if let session = connections[slot].session.map({ findSession($0) }), session >= 0,
      sessions[session].connection == number, sessions[session].ending != nil
    {
      settleSession(session)
      removeSession(session)
    }
    removeConnection(slot)
  }

  /// The WebSocket of a connection ended, in whichever way.
  private mutating func webSocketEnded(_ slot: Int32, _ ending: Ending) {
    guard let number = connections[slot].session else { return }
    let session = findSession(number)
    guard session >= 0 else { return }
    let connection = connections[slot].number
    if sessions[session].connection == connection {
      if ending.code == 1009 { explainTooLarge(session, ending) }
      endSession(session, ending)
    } else if sessions[session].upgrading == connection {
      sessions[session].upgrading = nil
      if sessions[session].ending == nil, !hasLeftAll(session) {
        // Said only once the session is seen to go on by polling.
        sessions[session].abandonedUpgrade = ending.seq
      }
    }
  }

  /// Whether every namespace of the session was left: the client is on its way out.
  private func hasLeftAll(_ session: Int32) -> Bool {
    !sessions[session].namespaces.isEmpty
      && sessions[session].namespaces.allSatisfy { namespaces[$0.slot].ending != nil }
  }

  /// A receiver closed with 1009, message too big: the culprit is the sender's newest emit, or an earlier one
  /// longer than the limit that the server told.
  private mutating func explainTooLarge(_ session: Int32, _ ending: Ending) {
    guard sessions[session].ending == nil, ending.by != .proxy else { return }
    let sender: Peer = ending.by == .server ? .client : .server
    let limit = sender == .client ? sessions[session].facts.maximumPayload : nil
    let newest = sender == .client ? sessions[session].lastFromClient : sessions[session].lastFromServer
    var culprit = newest
    var event = ""
    for index in 0..<sessions[session].namespaces.count {
      var slot = peers[Self.peer(sessions[session].namespaces[index].slot, sender)].tail
      while slot >= 0 {
        let isTooLong = limit.map { emits[slot].messageBytes > $0 } ?? false
        if isTooLong || (limit == nil && emits[slot].seq == newest) {
          emits[slot].marks.insert(.tooLarge)
          culprit = emits[slot].seq
          event = names.text(emits[slot].event.number)
        }
        slot = emits[slot].previous
      }
    }
    if limit != nil, event.isEmpty, findOpenEmit(newest, session, sender) >= 0 {
      // The limit told and the limit kept differ: a proxy of the server's own, perhaps.
      let slot = findOpenEmit(newest, session, sender)
      emits[slot].marks.insert(.tooLarge)
      event = names.text(emits[slot].event.number)
    }
    sessions[session].offence = Offence(
      seq: culprit, at: now, from: sender, reason: Cause.payloadTooLarge.rawValue, event: event)
  }

  /// The slot of an open emit, by its record, or -1.
  func findOpenEmit(_ seq: RecordSeq, _ session: Int32, _ peer: Peer) -> Int32 {
    for entry in sessions[session].namespaces {
      var slot = peers[Self.peer(entry.slot, peer)].tail
      while slot >= 0, emits[slot].seq >= seq {
        if emits[slot].seq == seq { return slot }
        slot = emits[slot].previous
      }
    }
    return -1
  }

  /// Bytes of a peer could not be handed to the other: the other's leg was down, or could not be opened.
  ///
  /// - Parameters:
  ///   - receiver: who did not get them.
  ///   - since: the first record whose bytes are concerned.
  package mutating func deliveryFailed(
    connection number: ConnectionNumber, to receiver: Peer, since: RecordSeq, at: Timestamp, seq: RecordSeq
  ) {
    advance(to: at)
    let connection = connectionSlot(number)
    guard let session = connections[connection].session ?? connections[connection].polled else { return }
    let slot = findSession(session)
    guard slot >= 0 else { return }
    for index in 0..<sessions[slot].namespaces.count {
      var emit = peers[Self.peer(sessions[slot].namespaces[index].slot, receiver.other)].head
      while emit >= 0 {
        let next = emits[emit].next
        if emits[emit].connection == number, emits[emit].seq >= since {
          conclude(emit, .unanswered, .notDelivered, .proved, [seq], age: now.since(emits[emit].at))
        }
        emit = next
      }
    }
    if connections[connection].request != nil { requestEnded(connection) }
  }

  /// Concludes an emit at once where no answer can come: its receiver's leg was down already, or the answers
  /// cannot be decoded.
  @inline(__always)
  mutating func decideWhatCannotBeAnswered(_ slot: Int32, _ session: Int32) {
    if sessions[session].serverUndecodable != nil || sessions[session].clientUndecodable != nil,
      let stopped = sessions[session].undecodable(emits[slot].peer.other)
    {
      conclude(slot, .unanswered, .decodingStopped, .proved, [stopped], age: 0)
      return
    }
    guard sessions[session].ending != nil || emits[slot].transport == .polling else { return }
    let connection = findConnection(emits[slot].connection)
    guard connection >= 0, let closed = connections[connection].closed(emits[slot].peer.other) else { return }
    // A peer that has sent its FIN may read on, if hardly any does: it will not answer, but the bytes may arrive.
    let isCertain = connections[connection].wasReset(emits[slot].peer.other)
    conclude(slot, .unanswered, .notDelivered, isCertain ? .proved : .inferred, [closed], age: 0)
  }

  /// Notes an emit behind its peer's close frame or, in a body, behind its close packet.
  @inline(never)
  mutating func noteSentAfterClose(_ emit: Emit) {
    let connection = findConnection(emit.connection)
    if connection >= 0, let said = connections[connection].saidClose(emit.from) {
      reportSentAfterClose(connection, emit.from, said, emit.seq)
    }
  }

  private mutating func reportSentAfterClose(
    _ slot: Int32, _ peer: Peer, _ close: RecordSeq, _ seq: RecordSeq
  ) {
    guard !connections[slot].sentAfterCloseReported else { return }
    connections[slot].sentAfterCloseReported = true
    report(
      .sentAfterClose, session: connections[slot].session, connection: connections[slot].number, .strong,
      [close, seq], [("from", .text("\(peer.name)"))])
  }

  /// Something other than an emit came after its peer's close frame or close packet. Emits after a close frame
  /// are noticed without this.
  package mutating func sentAfterClose(
    connection number: ConnectionNumber, from: Peer, close: RecordSeq, at: Timestamp, seq: RecordSeq
  ) {
    advance(to: at)
    reportSentAfterClose(connectionSlot(number), from, close, seq)
  }

  /// A peer broke a rule of RFC 6455 or RFC 7692.
  package mutating func ruleBroken(
    connection number: ConnectionNumber, from: Peer, rule: String, at: Timestamp, seq: RecordSeq
  ) {
    advance(to: at)
    let slot = connectionSlot(number)
    report(
      .protocolError, session: connections[slot].session, connection: number, .proved, [seq],
      [("from", .text("\(from.name)")), ("rule", .text(rule))])
  }

  /// A peer read too slowly and held the other back, between two moments.
  package mutating func peerStalled(
    connection number: ConnectionNumber, _ peer: Peer, from: Timestamp, at: Timestamp, seq: RecordSeq
  ) {
    advance(to: at)
    let slot = connectionSlot(number)
    report(
      .stalledPeer, session: connections[slot].session, connection: number, .proved, [seq],
      [("peer", .text("\(peer.name)")), ("duration_us", .number(max(0, now.since(from))))])
  }

  // MARK: many at one instant

  /// Counts a session that the server side ended among those of the same instant.
  mutating func noteMassDisconnect(_ session: Int32, _ ending: Ending) {
    guard ending.by == .server, ending.silent == nil else { return }
    if let current = mass, now.since(current.from) > Self.massWindow { finishMassDisconnect() }
    if mass == nil {
      mass = MassDisconnect(from: now, openThen: sessions.count)
      due = min(due, now.adding(Self.massWindow))
    }
    mass?.sessions += 1
    if let count = mass?.evidence.count, count < 16 { mass?.evidence.append(ending.seq) }
  }

  /// The instant is over: four sessions and half of those open make a finding.
  mutating func finishMassDisconnect() {
    guard let ended = mass else { return }
    mass = nil
    guard ended.sessions >= 4, ended.sessions * 2 >= ended.openThen else { return }
    report(.massDisconnect, .inferred, ended.evidence, [("sessions", .number(Int64(ended.sessions)))])
  }
}
