import CaptureFormat
import JSONText

/// Holds one recording against another by meaning: what differs for those who look at the first as what should be.
///
/// Sessions are paired by what their clients did, steps of clients in their order. What a server did is a set within its session:
/// two recordings are two runs, and when an event came between two others is chance. Values that the servers made up, times and
/// sids may differ, as the rules say.
package struct RecordingDiff: Sendable {
  package private(set) var differences: [Difference] = []
  /// Pairs of sessions that were compared.
  package private(set) var sessions = 0
  /// Emits of the first recording in them, of both peers, and acks.
  package private(set) var emits = 0
  package private(set) var acks = 0
  package private(set) var latencies = LatencyComparison()

  private let context: ComparisonContext
  private var learned = LearnedValues()

  /// Compares.
  ///
  /// - Parameters:
  ///   - expected: the recording that is taken for right.
  ///   - actual: the one that is held against it.
  package init(_ expected: Recording, _ actual: Recording, rules: ComparisonRules) {
    context = ComparisonContext(recording: expected, rules: rules)
    let pairing = SessionPairing(expected.sessions, actual.sessions)
    for pair in pairing.pairs { compare(expected.sessions[pair.first], actual.sessions[pair.second]) }
    for place in pairing.onlyInFirst {
      differences.append(
        Self.about(
          expected.sessions[place], .sessionMissing, "no session of the second capture is like this one"))
    }
    for place in pairing.onlyInSecond {
      let session = actual.sessions[place]
      var difference = Difference(
        .sessionUnexpected,
        words:
          "session \(session.number) of the second capture (seq \(session.seq)) is like none of the first")
      difference.actual = Self.outline(session)
      differences.append(difference)
    }
    compareRefusals(expected.refusals, actual.refusals)
  }

  // MARK: sessions

  private mutating func compare(_ first: RecordedSession, _ second: RecordedSession) {
    sessions += 1
    for step in first.steps {
      emits += step.kind.isEmit ? 1 : 0
      acks += step.kind.isAck ? 1 : 0
    }
    let alignment = ClientAlignment(first, second)
    var comparison = SessionComparison(session: first, context: context)
    var counterparts: [Int: Int] = [:]
    for (place, step) in second.steps.enumerated() {
      if step.from == .server {
        if let arrived = Self.arrived(step, second, alignment, &counterparts),
          let recorded = comparison.serverStepCame(arrived, learned: &learned)
        {
          counterparts[recorded] = place
          measure(first, recorded, second, place)
        }
      } else if let recorded = alignment.firsts[place] {
        comparison.clientStepTaken(recorded)
        compareClientStep(first.steps[recorded], step, first, &comparison)
      } else if alignment.onlyInSecond.contains(place), case .emit(let emit) = step.kind {
        comparison.add(Self.extra(emit, step, first))
      }
    }
    for place in alignment.onlyInFirst {
      if case .emit(let emit) = first.steps[place].kind {
        var difference = Self.about(
          first.steps[place], first, .emitMissing, "the client did not emit '\(emit.event)'")
        difference.event = emit.event
        difference.expected = Self.text(emit.payload)
        comparison.add(difference)
      }
    }
    compareClientAcks(first, second, counterparts, &comparison)
    compareEnds(first, second, &comparison)
    let unasked = Self.acksNotAskedFor(first, second, alignment)
    differences += comparison.differences.filter { difference in
      difference.kind != .ackMissing || !(difference.seq.map(unasked.contains) ?? false)
    }
  }

  /// The addresses of acks that cannot come, because the second client did not emit, or asked for none: that is said already.
  private static func acksNotAskedFor(
    _ first: RecordedSession, _ second: RecordedSession, _ alignment: ClientAlignment
  ) -> Set<Int> {
    var unasked = alignment.onlyInFirst
    for (place, recorded) in alignment.firsts {
      if case .emit(let emit) = second.steps[place].kind, emit.id == nil { unasked.append(recorded) }
    }
    return Set(
      unasked.compactMap { place in
        guard case .emit(let emit) = first.steps[place].kind else { return nil }
        return emit.ack.map { first.steps[$0].seq }
      })
  }

  /// A step of a server as the comparison takes it: an ack is told by the place of its emit in the first session.
  private static func arrived(
    _ step: RecordedStep, _ session: RecordedSession, _ alignment: ClientAlignment,
    _ counterparts: inout [Int: Int]
  ) -> ArrivedStep? {
    guard case .ack(var ack) = step.kind else {
      return ArrivedStep(namespace: step.namespace, kind: step.kind)
    }
    // The ack of an emit that only this session has says nothing.
    guard let emit = ack.emit, let recorded = alignment.firsts[emit] else { return nil }
    ack.emit = recorded
    return ArrivedStep(namespace: step.namespace, kind: .ack(ack))
  }

  private mutating func measure(
    _ first: RecordedSession, _ recorded: Int, _ second: RecordedSession, _ place: Int
  ) {
    guard case .ack(let ack) = first.steps[recorded].kind, let asked = ack.emit,
      case .emit(let emit) = first.steps[asked].kind, case .ack(let other) = second.steps[place].kind,
      let otherAsked = other.emit, case .emit(let actual) = second.steps[otherAsked].kind,
      let latency = actual.latency
    else { return }
    latencies.ackCame(
      namespace: first.steps[asked].namespace, event: emit.event, recorded: emit.latency, actual: latency)
  }

  private mutating func compareClientStep(
    _ recorded: RecordedStep, _ actual: RecordedStep, _ session: RecordedSession,
    _ comparison: inout SessionComparison
  ) {
    guard case .emit(let first) = recorded.kind, case .emit(let second) = actual.kind else { return }
    let payloads = PayloadComparison(
      expected: first.payload, actual: second.payload, subject: .emit(event: first.event),
      rules: context.rules, origins: context.origins, known: learned)
    let asksOtherwise = (first.id == nil) != (second.id == nil)
    guard !payloads.isEqual || asksOtherwise else { return }
    let words =
      !payloads.isEqual
      ? "the client emitted '\(first.event)' with other arguments"
      : first.id == nil
        ? "the client emitted '\(first.event)' and asked for an ack"
        : "the client emitted '\(first.event)' and asked for no ack"
    var difference = Self.about(recorded, session, .emitChanged, words)
    difference.event = first.event
    difference.expected = Self.text(first.payload)
    difference.actual = Self.text(second.payload)
    difference.places = payloads.differences
    comparison.add(difference)
  }

  /// What clients answered to the events that both servers sent.
  private mutating func compareClientAcks(
    _ first: RecordedSession, _ second: RecordedSession, _ counterparts: [Int: Int],
    _ comparison: inout SessionComparison
  ) {
    for (place, step) in first.steps.enumerated() where step.from == .server {
      guard case .emit(let emit) = step.kind, emit.id != nil, let other = counterparts[place],
        case .emit(let actual) = second.steps[other].kind
      else { continue }
      let expected = emit.ack.flatMap { Self.ack(first.steps[$0]) }
      let given = actual.ack.flatMap { Self.ack(second.steps[$0]) }
      var difference: Difference?
      switch (expected, given) {
      case (let expected?, nil):
        difference = Self.about(step, first, .ackMissing, "the client did not acknowledge '\(emit.event)'")
        difference?.expected = Self.text(expected.payload)
      case (nil, let given?):
        difference = Self.about(
          step, first, .ackUnexpected, "the client acknowledged '\(emit.event)', which it did not before")
        difference?.actual = Self.text(given.payload)
      case (let expected?, let given?):
        let payloads = PayloadComparison(
          expected: expected.payload, actual: given.payload, subject: .ack(event: emit.event),
          rules: context.rules, origins: context.origins, known: learned)
        if payloads.isEqual { continue }
        difference = Self.about(
          step, first, .ackChanged, "the client's ack of '\(emit.event)' says something else")
        difference?.expected = Self.text(expected.payload)
        difference?.actual = Self.text(given.payload)
        difference?.places = payloads.differences
      case (nil, nil): continue
      }
      difference?.event = emit.event
      if let difference { comparison.add(difference) }
    }
  }

  private static func ack(_ step: RecordedStep) -> RecordedAck? {
    if case .ack(let ack) = step.kind { ack } else { nil }
  }

  private mutating func compareEnds(
    _ first: RecordedSession, _ second: RecordedSession, _ comparison: inout SessionComparison
  ) {
    if first.isUpgraded, !second.isUpgraded, second.handshake.transport == .polling {
      comparison.add(
        Self.about(
          first, .upgradeFailed, "the session stayed on polling; in the first capture it moved to a WebSocket"
        ))
    }
    if case .closed(let close) = second.ending, close.by == .server {
      comparison.serverClosed(
        manner: close.manner, code: close.code, reason: close.reason, isPlayedOut: true, learned: &learned)
    } else {
      comparison.ended(stillOpen: true, learned: &learned)
    }
  }

  // MARK: refusals

  private mutating func compareRefusals(_ first: [RecordedRefusal], _ second: [RecordedRefusal]) {
    for (recorded, actual) in zip(first, second)
    where recorded.status != actual.status || recorded.code != actual.code
      || recorded.message != actual.message
    {
      var difference = Difference(
        .refusalChanged, seq: recorded.seq, time: recorded.time,
        words: "a handshake was refused in other words")
      difference.expected = Self.words(recorded)
      difference.actual = Self.words(actual)
      differences.append(difference)
    }
    for recorded in first.dropFirst(second.count) {
      var difference = Difference(
        .refusalMissing, seq: recorded.seq, time: recorded.time,
        words: "the server refused a handshake; in the second capture it refused fewer")
      difference.expected = Self.words(recorded)
      differences.append(difference)
    }
    for actual in second.dropFirst(first.count) {
      var difference = Difference(
        .handshakeFailed,
        words:
          "the server refused a handshake (seq \(actual.seq) of the second capture), which it did not before")
      difference.actual = Self.words(actual)
      differences.append(difference)
    }
  }

  private static func words(_ refusal: RecordedRefusal) -> String {
    var members: [(name: String, value: JSONValue)] = [("status", .number("\(refusal.status)"))]
    if let code = refusal.code { members.append(("code", .number("\(code)"))) }
    if let message = refusal.message { members.append(("message", .string(message))) }
    return JSONValue.object(members).text
  }

  // MARK: words

  private static func about(
    _ session: RecordedSession, _ kind: Difference.Kind, _ words: String
  ) -> Difference {
    var difference = Difference(
      kind, session: session.number, seq: session.seq, time: session.opened, words: words)
    if kind == .sessionMissing { difference.expected = outline(session) }
    return difference
  }

  private static func about(
    _ step: RecordedStep, _ session: RecordedSession, _ kind: Difference.Kind, _ words: String
  ) -> Difference {
    Difference(
      kind, session: session.number, seq: step.seq, time: step.time, namespace: step.namespace, words: words)
  }

  private static func extra(
    _ emit: RecordedEmit, _ step: RecordedStep, _ session: RecordedSession
  ) -> Difference {
    var difference = Difference(
      .emitUnexpected, session: session.number, namespace: step.namespace, event: emit.event,
      words:
        "the client emitted '\(emit.event)' (seq \(step.seq) of the second capture), which it did not before"
    )
    difference.actual = text(emit.payload)
    return difference
  }

  private static func text(_ payload: RecordedPayload) -> String {
    String(decoding: payload.text, as: UTF8.self)
  }

  /// The events that a session's client emitted, for people to know it by.
  private static func outline(_ session: RecordedSession) -> String {
    let events = session.steps.compactMap { step -> JSONValue? in
      guard step.from == .client, case .emit(let emit) = step.kind else { return nil }
      return .string(emit.event)
    }
    return JSONValue.array(Array(events.prefix(20))).text
  }
}
