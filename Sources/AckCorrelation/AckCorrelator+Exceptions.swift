import JSONText

// NestJS: `exception` events and returned event objects (PROTOCOL.md D.1, D.2; VERDICTS.md `exception_event`,
// `returned_event_object`).

/// An event that may be the answer of an emit, watched for a short while: the same event in another session
/// makes it a broadcast.
struct ReplyWatch {
  var slot: Int32
  var emit: RecordSeq
  var session: SessionNumber
  var event: EventID
  var at: Timestamp
}

extension AckCorrelator {
  /// A client emit without an ack id: an exception may be about it.
  @inline(__always)
  mutating func sentWithoutID(
    _ emit: Emit, _ namespace: Int32, _ event: EventID, _ arguments: UnsafeRawBufferPointer
  ) {
    let entry = NamespaceState.Unconfirmed(event: event, hash: ByteHash.hash(arguments), at: now)
    if namespaces[namespace].unconfirmed.count < 8 {
      namespaces[namespace].unconfirmed.append(entry)
    } else {
      namespaces[namespace].unconfirmed[namespaces[namespace].nextUnconfirmed] = entry
      namespaces[namespace].nextUnconfirmed = (namespaces[namespace].nextUnconfirmed &+ 1) & 7
    }
    namespaces[namespace].lastFromClient = emit.seq
    namespaces[namespace].lastFromClientAt = now
    namespaces[namespace].lastWithoutIDAt = now
    if namespaces[namespace].isOpening { noteOpening(namespace, emit.seq, event, nil) }
  }

  /// A server event without an ack id: an exception, a missed event of a recovery, or perhaps an answer.
  @inline(__always)
  mutating func serverEventSeen(
    _ emit: Emit, _ session: Int32, _ namespace: Int32, _ event: EventID, _ literal: UnsafeRawBufferPointer,
    _ arguments: UnsafeRawBufferPointer
  ) {
    if namespaces[namespace].phase == .asked, namespaces[namespace].askedRecovery != 0 {
      namespaces[namespace].replayed &+= 1
    }
    let open = peers[Self.peer(namespace, .client)].open
    if literal.count == 11, open > 0, JSONString.literal(literal, equals: "exception") {
      exceptionSeen(emit.seq, session, namespace, arguments)
      return
    }
    names.update(event) { $0.fromServer &+= 1 }
    if !replyWatch.isEmpty { refuteBroadcasts(session, event) }
    if open > 0 { noteReply(emit, session, namespace, event, arguments) }
  }

  // MARK: exceptions

  private mutating func exceptionSeen(
    _ seq: RecordSeq, _ session: Int32, _ namespace: Int32, _ arguments: UnsafeRawBufferPointer
  ) {
    let payload = JSONArguments.parse(arguments)?.first
    let cause = payload?["cause"]
    let pattern = cause?["pattern"]?.string
    var exception = NamespaceState.Exception(
      seq: seq, at: now, namesItsCause: pattern != nil && pattern != "unknown", candidates: [], withoutID: 0)
    if let pattern, exception.namesItsCause {
      findCauses(&exception, namespace, pattern, cause?["data"])
    } else {
      findNearest(&exception, namespace)
    }
    guard !exception.candidates.isEmpty else { return }
    if namespaces[namespace].exceptions.count >= max(1, limits.exceptionsPerNamespace) {
      namespaces[namespace].exceptions.removeFirst()
    }
    namespaces[namespace].exceptions.append(exception)

    guard exception.namesItsCause else { return }
    for candidate in exception.candidates {
      let slot = findOpenEmit(candidate, session, .client)
      guard slot >= 0, let rejection = rejection(of: slot), rejection.certainty == .strong else { continue }
      if emits[slot].marks.contains(.overdue) {
        conclude(
          slot, .rejected, .exceptionEvent, .strong, [rejection.seq], age: now.since(emits[slot].at))
      } else if !emits[slot].marks.contains(.provisional) {
        emits[slot].marks.insert(.provisional)
        outcomes.append(
          .verdict(
            describe(
              slot, .rejected, .exceptionEvent, .strong, [rejection.seq], age: now.since(emits[slot].at),
              isFinal: false)))
      }
    }
  }

  /// The open emits, newest first, whose event and arguments an exception names.
  private func findCauses(
    _ exception: inout NamespaceState.Exception, _ namespace: Int32, _ pattern: String, _ data: JSONValue?
  ) {
    let dataHash = Self.hash(of: data)
    var slot = peers[Self.peer(namespace, .client)].tail
    var looked = 0
    while slot >= 0, looked < 256 {
      looked += 1
      if JSONArguments.name(eventText(slot)) == pattern {
        let matches: Bool
        if emits[slot].hasArguments, let arguments = JSONArguments.parse(emits[slot].arguments) {
          matches = JSONArguments.body(arguments) == data
        } else {
          matches = emits[slot].argumentsHash == dataHash
        }
        if matches, exception.candidates.count < 16 { exception.candidates.append(emits[slot].seq) }
      }
      slot = emits[slot].previous
    }
    for entry in namespaces[namespace].unconfirmed
    where entry.hash == dataHash && now.since(entry.at) <= ackTimeout
      && JSONArguments.name(names.text(entry.event.number)) == pattern
    {
      exception.withoutID += 1
    }
  }

  /// The hash that arguments with this body would have, if written compactly.
  private static func hash(of body: JSONValue?) -> UInt64 {
    var text = body?.text ?? ""
    return text.withUTF8 { ByteHash.hash(UnsafeRawBufferPointer($0)) }
  }

  /// The open emits, newest first, that an exception without a cause may be about: none that was overdue, and
  /// none at all if an emit without an ack id is nearer.
  private func findNearest(_ exception: inout NamespaceState.Exception, _ namespace: Int32) {
    var slot = peers[Self.peer(namespace, .client)].tail
    while slot >= 0, exception.candidates.count < 16 {
      if let bare = namespaces[namespace].lastWithoutIDAt, bare >= emits[slot].at { exception.withoutID += 1 }
      guard exception.withoutID == 0, now.since(emits[slot].at) <= ackTimeout else { return }
      exception.candidates.append(emits[slot].seq)
      slot = emits[slot].previous
    }
  }

  /// The event name of an open emit, as JSON.
  func eventText(_ slot: Int32) -> String {
    emits[slot].unlistedEvent.isEmpty ? names.text(emits[slot].event.number) : emits[slot].unlistedEvent
  }

  /// The exception that says best that an open emit was rejected.
  ///
  /// With its cause named, it is `strong` if there are as many exceptions as open emits they may belong to;
  /// otherwise, at the end, the newest of these get them, as `inferred`. Without a cause it belongs to the
  /// newest emit that was open when it came and is still.
  func rejection(of slot: Int32) -> (seq: RecordSeq, certainty: Certainty)? {
    let namespace = emits[slot].namespaceSlot
    guard namespace >= 0, emits[slot].peer == .client, !namespaces[namespace].exceptions.isEmpty else {
      return nil
    }
    let session = namespaces[namespace].sessionSlot
    let seq = emits[slot].seq
    var named: [NamespaceState.Exception] = []
    for exception in namespaces[namespace].exceptions
    where !exception.isTaken && exception.candidates.contains(seq) {
      if exception.namesItsCause {
        named.append(exception)
        continue
      }
      let live = exception.candidates.first { findOpenEmit($0, session, .client) >= 0 }
      if named.isEmpty, live == seq { return (exception.seq, .inferred) }
    }
    guard let first = named.first else { return nil }
    let live = named.reduce(into: Set<RecordSeq>()) { all, exception in
      for candidate in exception.candidates where findOpenEmit(candidate, session, .client) >= 0 {
        all.insert(candidate)
      }
    }
    let bare = named.map(\.withoutID).max() ?? 0
    if named.count >= live.count + bare {
      return (first.seq, named.contains { $0.isAmbiguous } ? .inferred : .strong)
    }
    guard bare == 0 else { return nil }
    let newer = live.filter { $0 > seq }.count
    return newer < named.count ? (first.seq, .inferred) : nil
  }

  /// Marks the exception that an emit was found to be rejected by.
  mutating func takeException(_ seq: RecordSeq, _ namespace: Int32) {
    for index in namespaces[namespace].exceptions.indices
    where namespaces[namespace].exceptions[index].seq == seq {
      namespaces[namespace].exceptions[index].isTaken = true
    }
  }

  /// An emit was decided without an ack and not as rejected: its exceptions may have been meant for it after all.
  mutating func leaveExceptions(_ emit: RecordSeq, _ namespace: Int32) {
    for index in namespaces[namespace].exceptions.indices
    where namespaces[namespace].exceptions[index].candidates.contains(emit) {
      namespaces[namespace].exceptions[index].isAmbiguous = true
    }
  }

  // MARK: events instead of acks

  /// Notes an event that may be what a handler returned instead of an answer.
  ///
  /// Servers send events for many reasons, so all of this must hold: the emit is the client's newest packet on
  /// the namespace and not older than a quarter of a second; its event was never acknowledged in this run; no
  /// other event came since; the event has exactly one argument, which repeats no text of the emit (as a chat
  /// message passed on to a room does); the server is not a Python one. And at the end: every time the event was
  /// seen it was such an answer, and it never came to another session at the same time.
  private mutating func noteReply(
    _ emit: Emit, _ session: Int32, _ namespace: Int32, _ event: EventID, _ arguments: UnsafeRawBufferPointer
  ) {
    let slot = peers[Self.peer(namespace, .client)].tail
    guard slot >= 0, emits[slot].seq == namespaces[namespace].lastFromClient,
      !emits[slot].marks.contains(.replyRefuted)
    else { return }
    if emits[slot].reply != nil {
      // An Observable yields several: all of one name.
      if emits[slot].replyEvent == event, now.since(emits[slot].replyAt) <= ackTimeout {
        names.update(event) { $0.asReply &+= 1 }
      }
      return
    }
    guard names.statistics(emits[slot].event).acknowledged == 0, sessions[session].facts.server != .python,
      now.since(emits[slot].at) <= Self.replyWindow, names.isListed(event)
    else {
      emits[slot].marks.insert(.replyRefuted)
      return
    }
    guard let values = JSONArguments.parse(arguments), values.count == 1, emits[slot].hasArguments,
      let asked = JSONArguments.parse(emits[slot].arguments), !JSONArguments.shareText(asked, values)
    else {
      emits[slot].marks.insert(.replyRefuted)
      return
    }
    emits[slot].reply = emit.seq
    emits[slot].replyAt = now
    emits[slot].replyEvent = event
    names.update(event) { $0.asReply &+= 1 }
    if replyWatch.count >= 16 { replyWatch.removeFirst() }
    replyWatch.append(
      ReplyWatch(slot: slot, emit: emits[slot].seq, session: emit.session, event: event, at: now))
  }

  /// The same event in another session within a moment is a broadcast, no answer.
  private mutating func refuteBroadcasts(_ session: Int32, _ event: EventID) {
    let number = sessions[session].number
    let time = now
    replyWatch.removeAll { time.since($0.at) > Self.replyWindow }
    for watch in replyWatch where watch.event == event && watch.session != number {
      if Int(watch.slot) < emits.used, emits[watch.slot].seq == watch.emit {
        emits[watch.slot].marks.insert(.replyRefuted)
      }
    }
  }

  /// The event that came instead of an answer, if everything speaks for it.
  func answeringEvent(_ slot: Int32) -> RecordSeq? {
    guard let reply = emits[slot].reply, !emits[slot].marks.contains(.replyRefuted) else { return nil }
    let statistics = names.statistics(emits[slot].replyEvent)
    guard statistics.fromServer == statistics.asReply, names.statistics(emits[slot].event).acknowledged == 0
    else { return nil }
    return reply
  }
}
