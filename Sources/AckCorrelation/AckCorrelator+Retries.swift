// One logical emit in several attempts (PROTOCOL.md B.8; VERDICTS.md `retried`, `retry_group`).

/// The attempts of one logical emit.
struct RetryGroup {
  var session = SessionNumber(0)
  var event = ""
  var namespace = ""
  var attempts: [RecordSeq] = []
  var count: Int64 = 0
  var acknowledged: Int64 = 0
  /// Attempts that are still open.
  var open = 0
  var lastAt = Timestamp(microseconds: 0)
  var intervals = 0
  var shortest: Int64 = .max
  var longest: Int64 = 0
  var crossesReconnect = false
  var hasArguments = false
  /// When it is settled at the latest, unless another attempt comes.
  var until = Timestamp(microseconds: .max)
  var isReported = false

  /// Whether the attempts came as a client's timeout would send them: at least two intervals, equal but for 20 ms
  /// or a tenth, and not so many that it is rather a message sent again and again on purpose.
  var isRegular: Bool { intervals >= 2 && count <= 16 && longest - shortest <= max(20_000, shortest / 10) }
}

extension AckCorrelator {
  /// Links a new client emit to the attempt that it repeats, if it does.
  ///
  /// Within a session: the same event and equal argument bytes as the client's newest emit with an id on that
  /// namespace, a higher id, in another batch and at least 20 ms later, that one still open.
  @inline(__always)
  mutating func linkAttempts(_ slot: Int32, _ session: Int32, _ namespace: Int32, isFirst: Bool) {
    if isFirst {
      if emits[slot].id.value > 0, !emits[slot].id.isWide { linkAcrossReconnect(slot, session, namespace) }
      return
    }
    let event = peers[Self.peer(namespace, .client)].lastEvent
    guard peers[Self.peer(namespace, .client)].lastAnsweredAt == nil, event == emits[slot].event,
      peers[Self.peer(namespace, .client)].lastHash == emits[slot].argumentsHash
    else { return }
    linkWithinSession(slot, namespace)
  }

  @inline(never)
  private mutating func linkWithinSession(_ slot: Int32, _ namespace: Int32) {
    let former = peers[Self.peer(namespace, .client)].lastSlot
    guard former >= 0, emits[former].seq == peers[Self.peer(namespace, .client)].lastSeq,
      emits[former].namespaceSlot == namespace, emits[former].nextAttempt == nil,
      isRepetition(slot, of: former), now.since(emits[former].at) >= 20_000,
      emits[former].batch != emits[slot].batch || emits[former].batch == 0,
      emits[former].refusal == nil
    else { return }
    if emits[former].argumentsLength == 0, emits[former].group < 0, rejection(of: former) != nil { return }
    if rejection(of: former)?.certainty == .strong { return }
    link(former, slot, acrossReconnect: false)
    noteSuperseded(former)
  }

  private func isRepetition(_ slot: Int32, of former: Int32) -> Bool {
    guard emits[former].event == emits[slot].event, emits[former].argumentsHash == emits[slot].argumentsHash,
      emits[former].argumentsLength == emits[slot].argumentsLength,
      !emits[former].id.isWide, emits[slot].id.value > emits[former].id.value
    else { return false }
    return !emits[former].hasArguments || !emits[slot].hasArguments
      || emits[former].arguments == emits[slot].arguments
  }

  /// Joins two attempts into one group.
  private mutating func link(_ former: Int32, _ slot: Int32, acrossReconnect: Bool) {
    var group = emits[former].group
    if group < 0 {
      guard groups.count < max(1, limits.retryGroups) else { return }
      group = groups.take { RetryGroup() }
      groups[group] = RetryGroup()
      groups[group].session = emits[former].session
      groups[group].event = eventText(former)
      groups[group].hasArguments = emits[former].argumentsLength > 0
      groups[group].namespace = text(emits[former].namespace)
      groups[group].attempts = [emits[former].seq]
      groups[group].count = 1
      groups[group].open = 1
      groups[group].lastAt = emits[former].at
      openGroups.append(group)
      emits[former].group = group
    }
    emits[slot].group = group
    emits[former].nextAttempt = emits[slot].seq
    emits[former].nextAttemptID = emits[slot].id
    if acrossReconnect { emits[former].marks.insert(.retriedAcrossReconnect) }

    let interval = now.since(groups[group].lastAt)
    groups[group].count += 1
    groups[group].open += 1
    if groups[group].attempts.count < 16 { groups[group].attempts.append(emits[slot].seq) }
    groups[group].lastAt = now
    if acrossReconnect {
      groups[group].crossesReconnect = true
    } else {
      groups[group].intervals += 1
      groups[group].shortest = min(groups[group].shortest, interval)
      groups[group].longest = max(groups[group].longest, interval)
    }
    setDeadline(group, now.adding(max(ackTimeout, interval &+ interval / 2)))
  }

  private mutating func setDeadline(_ group: Int32, _ until: Timestamp) {
    groups[group].until = until
    if until < groupsDue { groupsDue = until }
    if until < due { due = until }
  }

  /// Says that an emit was sent again, while it may still be answered.
  private mutating func noteSuperseded(_ slot: Int32) {
    guard !emits[slot].marks.contains(.provisional), isConvincing(slot) else { return }
    emits[slot].marks.insert(.provisional)
    outcomes.append(
      .verdict(
        describe(
          slot, .superseded, .retried, supersededCertainty(slot), emits[slot].nextAttempt.map { [$0] } ?? [],
          age: now.since(emits[slot].at), isFinal: false)))
  }

  /// Whether a link between attempts may be spoken of. An event without arguments that is sent again and again
  /// and never answered is as likely a signal of life as a retry.
  func isConvincing(_ slot: Int32) -> Bool {
    let group = emits[slot].group
    guard group >= 0 else { return false }
    return emits[slot].argumentsLength > 0 || groups[group].acknowledged > 0 || groups[group].crossesReconnect
  }

  /// How sure it is that an emit with a next attempt was superseded.
  func supersededCertainty(_ slot: Int32) -> Certainty {
    let group = emits[slot].group
    guard group >= 0 else { return .inferred }
    let isStrong =
      emits[slot].marks.contains(.retriedAcrossReconnect)
      || (groups[group].isRegular && emits[slot].argumentsLength > 0)
    return isStrong ? .strong : .inferred
  }

  /// An attempt was acknowledged.
  mutating func attemptAnswered(_ group: Int32) {
    groups[group].acknowledged += 1
    setDeadline(group, now.adding(ackTimeout))
  }

  /// An attempt got its last word.
  mutating func attemptDecided(_ group: Int32) {
    groups[group].open -= 1
    guard groups[group].open <= 0 else { return }
    reportGroup(group)
    openGroups.removeAll { $0 == group }
    groups.giveBack(group)
  }

  private mutating func reportGroup(_ group: Int32) {
    guard !groups[group].isReported else { return }
    groups[group].isReported = true
    let known = groups[group]
    guard known.hasArguments || known.acknowledged > 0 || known.crossesReconnect else { return }
    report(
      .retryGroup, session: known.session, known.crossesReconnect || known.isRegular ? .strong : .inferred,
      known.attempts,
      [
        ("namespace", .text(known.namespace)), ("event", .json(known.event)),
        ("attempts", .number(known.count)),
        ("acknowledged", .number(known.acknowledged)),
      ])
  }

  /// Reports the groups that no further attempt came to in time.
  mutating func settleGroups() {
    groupsDue = Timestamp(microseconds: .max)
    for group in openGroups where !groups[group].isReported {
      if groups[group].until <= now {
        reportGroup(group)
      } else if groups[group].until < groupsDue {
        groupsDue = groups[group].until
      }
    }
  }

  // MARK: the same again right after its ack

  /// Counts emits repeated right after their acks: a client with `retries` and no `ackTimeout` takes each ack for
  /// a failure (PROTOCOL.md B.8, *Trap*). Two may be chance, a long row is a loop; three to eleven are reported.
  @inline(__always)
  mutating func noteRepeats(_ slot: Int32, _ namespace: Int32) {
    let peer = emits[slot].peer
    guard peer == .client else { return }
    if let answered = peers[Self.peer(namespace, .client)].lastAnsweredAt,
      peers[Self.peer(namespace, .client)].lastHash == emits[slot].argumentsHash,
      peers[Self.peer(namespace, .client)].lastEvent == emits[slot].event,
      peers[Self.peer(namespace, .client)].lastLength == emits[slot].argumentsLength,
      emits[slot].argumentsLength > 0,
      emits[slot].id.value == peers[Self.peer(namespace, .client)].lastID.value &+ 1,
      now.since(answered) <= 5_000
    {
      if peers[Self.peer(namespace, .client)].repeats == 0 {
        peers[Self.peer(namespace, .client)].repeatedFrom = peers[Self.peer(namespace, .client)].lastSeq
      }
      peers[Self.peer(namespace, .client)].repeats &+= 1
    } else if peers[Self.peer(namespace, .client)].repeats > 0 {
      finishRepeats(namespace)
    }
  }

  /// A row of emits repeated after their acks is over.
  @inline(never)
  mutating func finishRepeats(_ namespace: Int32) {
    let attempts = peers[Self.peer(namespace, .client)].repeats + 1
    peers[Self.peer(namespace, .client)].repeats = 0
    guard attempts >= 3, attempts <= 11, namespaces[namespace].sessionSlot >= 0 else { return }
    report(
      .retryGroup, session: sessions[namespaces[namespace].sessionSlot].number, .inferred,
      [peers[Self.peer(namespace, .client)].repeatedFrom, peers[Self.peer(namespace, .client)].lastSeq],
      [
        ("namespace", .text(text(namespaces[namespace].id))),
        ("event", .json(names.text(peers[Self.peer(namespace, .client)].lastEvent.number))),
        ("attempts", .number(Int64(attempts))), ("acknowledged", .number(Int64(attempts))),
        ("resent_after_ack", .flag(true)),
      ])
  }

  // MARK: across a reconnect

  /// The first emit with an id of a session that a client came back with: is it the one left open before?
  private mutating func linkAcrossReconnect(_ slot: Int32, _ session: Int32, _ namespace: Int32) {
    let openedAt = sessions[session].openedAt
    let fingerprint = sessions[session].facts.clientFingerprint
    let index = held.firstIndex { isHeldFormer($0, of: slot, fingerprint: fingerprint) }
    if let index {
      let candidate = held.remove(at: index)
      let former = candidate.slot
      link(former, slot, acrossReconnect: true)
      sessions[session].resumedFrom = emits[former].session
      var verdict = candidate.verdict
      verdict.verdict = .superseded
      verdict.cause = .retried
      verdict.certainty = supersededCertainty(former)
      verdict.evidence = [emits[slot].seq]
      verdict.nextAttempt = emits[slot].seq
      verdict.nextAttemptID = emits[slot].id
      verdict.endedBy = nil
      verdict.how = nil
      verdict.silent = nil
      verdict.age = now.since(emits[former].at)
      finish(former, verdict)
      return
    }
    // Or one of a session that has not ended yet, but was not heard of since.
    for other in 0..<Int32(sessions.used) where other != session && !sessions[other].namespaces.isEmpty {
      guard sessions[other].open > 0, sessions[other].facts.clientFingerprint == fingerprint,
        sessions[other].seenClient < openedAt
      else { continue }
      for entry in sessions[other].namespaces where entry.id == emits[slot].namespace {
        let former = peers[Self.peer(entry.slot, .client)].tail
        guard former >= 0, peers[Self.peer(entry.slot, .client)].open == 1, emits[former].nextAttempt == nil,
          emits[former].seq == peers[Self.peer(entry.slot, .client)].lastSeq, isRepetition(slot, of: former),
          emits[slot].id.value == emits[former].id.value &+ 1
        else { continue }
        link(former, slot, acrossReconnect: true)
        sessions[session].resumedFrom = sessions[other].number
        noteSuperseded(former)
        return
      }
    }
  }

  private func isHeldFormer(_ held: HeldEmit, of slot: Int32, fingerprint: UInt64) -> Bool {
    held.fingerprint == fingerprint && emits[held.slot].namespace == emits[slot].namespace
      && isRepetition(slot, of: held.slot) && emits[slot].id.value == emits[held.slot].id.value &+ 1
  }
}
