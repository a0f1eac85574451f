// Long-polling: requests and their answers (PROTOCOL.md A.4, A.9; VERDICTS.md `session_unknown`,
// `poll_batch_too_large`, `poll_overlap`, `handshake_refused`, `version_mismatch`).

extension AckCorrelator {
  /// A polling request of a session was seen; call it before the packets of its body.
  package mutating func pollStarted(
    session number: SessionNumber, connection: ConnectionNumber, _ method: PollMethod, at: Timestamp,
    seq: RecordSeq
  ) {
    advance(to: at)
    let session = sessionSlot(number)
    let slot = connectionSlot(connection)
    if connections[slot].request != nil { requestEnded(slot) }
    sessions[session].saw(.client, at: now)
    connections[slot].request = ConnectionState.Request(
      session: number, method: method, seq: seq, at: now,
      overlaps: method == .get && sessions[session].pollsUnderWay > 0)
    connections[slot].polled = number
    if method == .get { sessions[session].pollsUnderWay &+= 1 }
    // The next GET shows that the session goes on by polling; a POST may be its last word.
    if method == .get, let abandoned = sessions[session].abandonedUpgrade, sessions[session].ending == nil,
      sessions[session].transport == .polling
    {
      sessions[session].abandonedUpgrade = nil
      report(.upgradeAbandoned, session: number, .proved, [abandoned, seq])
    }
  }

  /// The request under way on a connection is over.
  mutating func requestEnded(_ slot: Int32) {
    guard let request = connections[slot].request else { return }
    connections[slot].request = nil
    let session = findSession(request.session)
    if session >= 0, request.method == .get, sessions[session].pollsUnderWay > 0 {
      sessions[session].pollsUnderWay &-= 1
    }
  }

  /// A polling request was answered; call it before the packets of the answer's body.
  ///
  /// - Parameters:
  ///   - code: the code of an Engine.IO error body (PROTOCOL.md A.9); 1 as well where a Python server says that
  ///     the session is invalid.
  ///   - packets: how many packets the request's body held.
  package mutating func pollAnswered(
    connection number: ConnectionNumber, status: Int, code: Int?, packets: Int, at: Timestamp, seq: RecordSeq
  ) {
    advance(to: at)
    let slot = connectionSlot(number)
    guard let request = connections[slot].request else { return }
    let session = sessionSlot(request.session)
    sessions[session].saw(.server, at: now)
    if code == 1 {
      markRequest(session, number, request, .sessionRefused)
      sessionUnknown(
        session: request.session, connection: number, isUpgrade: false, at: at, seq: seq)
    } else if status == 413 {
      explainRefusedBody(session, number, request, seq)
    } else if status == 200 {
      if let presumed = sessions[session].presumed, request.at > presumed.at {
        sessions[session].presumed = nil
      }
      if sessions[session].ending?.sign == .sessionUnknown, !sessions[session].isSettled {
        // Another process knows the session: it goes on.
        sessions[session].ending = nil
      }
      if request.method == .post, packets > 16 { markRequest(session, number, request, .bigBatch) }
    } else if status == 400 {
      if request.method == .post, packets > 16 { markRequest(session, number, request, .bigBatch) }
      if request.overlaps {
        report(
          .pollOverlap, session: request.session, connection: number, .proved, [request.seq, seq])
      }
    }
    requestEnded(slot)
  }

  /// Marks the open emits of a request's body.
  private mutating func markRequest(
    _ session: Int32, _ number: ConnectionNumber, _ request: ConnectionState.Request,
    _ mark: PendingEmit.Marks
  ) {
    guard request.method == .post else { return }
    for index in 0..<sessions[session].namespaces.count {
      var slot = peers[Self.peer(sessions[session].namespaces[index].slot, .client)].tail
      while slot >= 0, emits[slot].seq >= request.seq {
        if emits[slot].connection == number { emits[slot].marks.insert(mark) }
        slot = emits[slot].previous
      }
    }
  }

  /// 413: the body was longer than the server takes; none of its packets was read.
  private mutating func explainRefusedBody(
    _ session: Int32, _ number: ConnectionNumber, _ request: ConnectionState.Request, _ seq: RecordSeq
  ) {
    report(
      .closedBecause, session: request.session, connection: number, .proved, [request.seq, seq],
      [("reason", .text(Cause.payloadTooLarge.rawValue))])
    for index in 0..<sessions[session].namespaces.count {
      let namespace = sessions[session].namespaces[index].slot
      var slot = peers[Self.peer(namespace, .client)].head
      while slot >= 0 {
        let next = emits[slot].next
        if emits[slot].connection == number, emits[slot].seq >= request.seq {
          conclude(slot, .unanswered, .payloadTooLarge, .proved, [seq], age: now.since(emits[slot].at))
        }
        slot = next
      }
    }
  }

  /// A leg closed with a polling request under way.
  mutating func pollCutOff(_ slot: Int32, _ ending: Ending) {
    guard let request = connections[slot].request else { return }
    let session = findSession(request.session)
    let silent = session >= 0 ? silentPeer(session, endedBy: ending.by) : nil
    requestEnded(slot)
    guard session >= 0, sessions[session].transport == .polling, sessions[session].ending == nil,
      sessions[session].presumed == nil, ending.by != .proxy
    else { return }
    var ending = ending
    if let silent {
      ending.silent = silent.peer
      reportSilence(session, silent, ending.seq)
    }
    sessions[session].presumed = ending
  }

  /// The server said that it does not know the session: HTTP 400 with code 1, or its text form on an upgrade.
  ///
  /// - Parameters:
  ///   - number: nil where the capture does not know the session either.
  ///   - isUpgrade: whether a WebSocket was asked for; the session may go on by polling then.
  package mutating func sessionUnknown(
    session number: SessionNumber?, connection: ConnectionNumber, isUpgrade: Bool, at: Timestamp,
    seq: RecordSeq
  ) {
    advance(to: at)
    guard let number else {
      let slot = connectionSlot(connection)
      guard !connections[slot].unknownReported else { return }
      connections[slot].unknownReported = true
      report(.sessionUnknown, connection: connection, .proved, [seq])
      return
    }
    let session = sessionSlot(number)
    let silent = silentPeer(session, endedBy: .server)
    let wasAlive =
      sessions[session].ending == nil && sessions[session].presumed == nil && silent == nil
      && !sessions[session].facts.beganBeforeCapture
    if !sessions[session].unknownReported {
      sessions[session].unknownReported = true
      // Soon after a good handshake a restart is unlikely: another process answered.
      let noAffinity = wasAlive && now.since(sessions[session].openedAt) <= Self.affinityWindow
      report(
        .sessionUnknown, session: number, connection: connection, .proved, [seq],
        noAffinity ? [("no_affinity", .flag(true))] : [])
    }
    guard sessions[session].ending == nil, !isUpgrade else { return }
    let fresh = Ending(at: now, seq: seq, by: .server, sign: .sessionUnknown, silent: silent?.peer)
    if let silent { reportSilence(session, silent, seq) }
    let presumed = sessions[session].presumed
    sessions[session].presumed = nil
    endSession(session, presumed ?? fresh)
  }

  /// A handshake was refused.
  ///
  /// - Parameters:
  ///   - code: the code of the error body, where it has one.
  ///   - message: what the body says.
  ///   - isVersion: whether it says that the protocol version is not supported.
  package mutating func handshakeRefused(
    connection: ConnectionNumber, status: Int, code: Int?, message: String, isVersion: Bool, at: Timestamp,
    seq: RecordSeq
  ) {
    advance(to: at)
    var details: [(name: StaticString, value: Finding.Value)] = [("status", .number(Int64(status)))]
    if let code { details.append(("code", .number(Int64(code)))) }
    details.append(("message", .text(String(message.prefix(limits.nameBytes)))))
    report(.handshakeRefused, connection: connection, .proved, [seq], details)
    if isVersion || code == 5 { versionMismatched(session: nil, connection: connection, at: at, seq: seq) }
  }

  /// Client and server speak different Engine.IO revisions: bytes of an HTTP answer came after a 101, or a
  /// refusal said so. A CONNECT reply without `sid` is noticed without this.
  package mutating func versionMismatched(
    session: SessionNumber?, connection: ConnectionNumber, at: Timestamp, seq: RecordSeq
  ) {
    advance(to: at)
    report(.versionMismatch, session: session, connection: connection, .proved, [seq])
  }
}
