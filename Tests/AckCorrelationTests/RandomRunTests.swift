import Testing

@testable import AckCorrelation

/// Random runs: against a naive model where it knows the answer, and for what must always hold.
@Suite struct RandomRunTests {
  /// What the outcomes of a run said, by emit.
  private struct Tally {
    var finals: [UInt64: (verdict: Verdict, cause: Cause?)] = [:]
    var repeated: [UInt64] = []
    var findings: [String] = []

    mutating func take(_ correlator: inout AckCorrelator) {
      var outcomes: [Outcome] = []
      correlator.drainOutcomes { outcomes.append($0) }
      for outcome in outcomes {
        switch outcome {
        case .verdict(let verdict) where verdict.isFinal:
          if finals[verdict.emit.number] != nil { repeated.append(verdict.emit.number) }
          finals[verdict.emit.number] = (verdict.verdict, verdict.cause)
        case .verdict: break
        case .finding(let finding):
          findings.append("\(finding.kind.rawValue) \(finding.evidence.last?.number ?? 0)")
        }
      }
    }
  }

  @Test(arguments: 0..<60)
  func idsPairAsInTheNaiveModel(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let timeout: Int64 = 1_000
    var limits = CorrelationLimits()
    limits.answeredIDs = 8
    limits.reconnectWindow = 0
    var correlator = AckCorrelator(ackTimeout: timeout, limits: limits)
    var model = NaiveModel(ackTimeout: timeout)
    var tally = Tally()
    var seq: UInt64 = 0
    var time: Int64 = 0
    var nextSession: UInt32 = 3
    var sessions: [UInt32] = []
    var gone = Set<UInt32>()
    let namespaces = ["/", "/chat"]
    var trace: [String] = []

    func open(_ number: UInt32, _ correlator: inout AckCorrelator) {
      seq += 1
      let at = Timestamp(microseconds: time)
      correlator.sessionOpened(SessionNumber(number), SessionFacts(), at: at, seq: RecordSeq(seq))
      correlator.webSocketAttached(
        session: SessionNumber(number), connection: ConnectionNumber(number), isUpgrade: false, at: at,
        seq: RecordSeq(seq))
      for name in namespaces {
        let namespace = name.withBytes { correlator.namespace($0) }
        "".withBytes {
          correlator.connected(
            session: SessionNumber(number), namespace: namespace, hasSid: true, recoveryID: $0, at: at,
            seq: RecordSeq(seq))
        }
      }
      sessions.append(number)
    }
    for number in 0..<nextSession { open(number, &correlator) }

    for _ in 0..<600 {
      time += Int64.random(in: 0...(Bool.random(using: &random) ? 20 : 400), using: &random)
      model.advance(to: time)
      seq += 1
      let at = Timestamp(microseconds: time)
      guard let session = sessions.randomElement(using: &random) else { break }
      let name = namespaces.randomElement(using: &random) ?? "/"
      let namespace = name.withBytes { correlator.namespace($0) }
      let peer: Peer = Bool.random(using: &random) ? .client : .server
      let number = SessionNumber(session)
      switch Int.random(in: 0..<100, using: &random) {
      case 0..<45 where model.sessionEnds[session] == nil:
        let id = UInt64.random(in: 0..<40, using: &random)
        trace.append("\(time) s\(session) \(name) \(peer) emit \(id)")
        let emit = Emit(
          session: number, connection: ConnectionNumber(session), from: peer, transport: .websocket,
          namespace: namespace, id: AckID(id), seq: RecordSeq(seq), at: at)
        "\"e\(seq % 3)\"".withBytes { event in
          "\(seq)".withBytes { correlator.emitted(emit, event: event, arguments: $0) }
        }
        model.emitted(
          .init(seq: seq, at: time, session: session, namespace: name, peer: peer, id: id))
      case 45..<96:
        let open = model.open.filter { $0.session == session && $0.peer == peer.other }.randomElement(
          using: &random)
        let isWild = Int.random(in: 0..<10, using: &random) == 0
        let id = isWild ? UInt64.random(in: 0..<40, using: &random) : open?.id ?? 99
        let target = isWild ? name : open?.namespace ?? name
        trace.append("\(time) s\(session) \(target) \(peer) ack \(id)")
        let targetID = target.withBytes { correlator.namespace($0) }
        let match = correlator.acknowledged(
          session: number, connection: ConnectionNumber(session), from: peer, namespace: targetID,
          id: AckID(id),
          at: at, seq: RecordSeq(seq))
        let expected = model.acknowledged(
          session: session, namespace: target, emitter: peer.other, id: id, seq: seq)
        #expect(match == expected, "seed \(seed), seq \(seq): \(trace.suffix(12))")
      case 96..<98:
        trace.append("\(time) s\(session) \(peer) close")
        correlator.closeFrameSeen(
          connection: ConnectionNumber(session), from: peer, code: nil, at: at, seq: RecordSeq(seq))
        model.sessionEnded(session, by: peer)
      case 98 where model.sessionEnds[session] != nil:
        trace.append("\(time) s\(session) closed")
        correlator.connectionClosed(ConnectionNumber(session), at: at, seq: RecordSeq(seq))
        model.sessionGone(session)
        gone.insert(session)
        sessions.removeAll { $0 == session }
        open(nextSession, &correlator)
        nextSession += 1
      default:
        correlator.expire(at: at)
      }
      tally.take(&correlator)
      #expect(correlator.counts[.pending] == UInt64(model.pending), "seed \(seed): \(trace.suffix(12))")
      #expect(correlator.counts[.overdue] == UInt64(model.overdue), "seed \(seed): \(trace.suffix(12))")
      if correlator.counts[.pending] != UInt64(model.pending) { return }
    }
    model.captureEnded()
    correlator.captureEnded(at: Timestamp(microseconds: time))
    tally.take(&correlator)

    #expect(tally.repeated.isEmpty, "seed \(seed)")
    for (emit, expected) in model.decided {
      let said: String =
        switch tally.finals[emit]?.cause {
        case nil: "acknowledged"
        case .noHandlerOrNoReturn, .conditionalPath, .handlerRegisteredLate: "silence"
        case let cause?: cause.rawValue
        }
      #expect(said == expected, "seed \(seed), emit \(emit)")
    }
    let ofIDs = tally.findings.filter { $0.hasPrefix("duplicate") || $0.hasPrefix("stray") }
    #expect(ofIDs == model.findings, "seed \(seed)")
  }

  @Test(arguments: 0..<120)
  func everyEmitGetsOneLastWordWhateverHappens(seed: UInt64) {
    var random = SplitMix64(seed: seed &+ 1_000)
    var limits = CorrelationLimits()
    limits.pendingEmits = Int.random(in: 1...40, using: &random)
    limits.pendingEmitsPerSession = Int.random(in: 1...30, using: &random)
    limits.names = Int.random(in: 1...20, using: &random)
    limits.sessions = Int.random(in: 1...6, using: &random)
    limits.connections = Int.random(in: 1...6, using: &random)
    limits.namespacesPerSession = Int.random(in: 1...3, using: &random)
    limits.answeredIDs = Int.random(in: 0...3, using: &random)
    limits.heldForReconnect = Int.random(in: 1...3, using: &random)
    limits.retryGroups = Int.random(in: 1...3, using: &random)
    limits.endedClients = Int.random(in: 1...3, using: &random)
    limits.exceptionsPerNamespace = Int.random(in: 1...3, using: &random)
    limits.argumentBytes = Int.random(in: 0...20, using: &random)
    limits.argumentBytesInAll = Int.random(in: 0...200, using: &random)
    limits.reconnectWindow = 100_000
    var script = WireScript(ackTimeout: 50, limits: limits)
    var time = 0.0
    let events = ["\"m\"", "\"n\"", "\"exception\"", "7", ""]
    let payloads = [
      "", "1", "{\"a\":1}", "\"text\",2", "{\"cause\":{\"pattern\":\"m\",\"data\":1}}",
      "{\"cause\":{\"pattern\":\"n\",\"data\":[\"text\",2]}}", "{broken",
    ]
    func pick(_ choices: [String]) -> String { choices.randomElement(using: &random) ?? "" }
    func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

    var emits = 0
    for _ in 0..<500 {
      time += Double(number(0...10)) * (number(0...20) == 0 ? 40 : 1)
      if number(0...2) == 0 {
        script.play("on s\(number(1...5)) c\(number(1...5)) \(pick(["ws", "polling"]))")
      }
      let arrow = pick([">>", "<<"])
      let namespace = pick(["", "/a", "/b", "/c"])
      let id = pick(["-", "\(number(0...12))", "\(number(0...200))", "99999999999999999999999"])
      let line: String =
        switch number(0...29) {
        case 0...9:
          "emit \(namespace) \(id) bytes=\(number(0...100)) \(number(0...9) == 0 ? "refusal=malformed_json" : "") \(pick(events)) \(pick(payloads))"
        case 10...15: "ack \(namespace) \(number(0...12))"
        case 16:
          "open \(pick(["eio3", "max=50", "python", "midway"])) ping=\(number(0...60))/\(number(0...30)) polling"
        case 17: "attach"
        case 18: "connect \(namespace) \(pick(["", "sid", "sid pid=x", "pid=x"]))"
        case 19: "disconnect \(namespace)"
        case 20: "refuse \(namespace) \(pick(["{\"message\":\"no\"}", "7", ""]))"
        case 21: "packet \(pick(["close", "ping", "pong", "upgrade", "probe-ping", "unexpected_packet"]))"
        case 22: "frame \(pick(["", "1000", "1009"]))"
        case 23: "\(pick(["fin", "reset"])) \(pick(["", "proxy"]))"
        case 24: "closed"
        case 25: pick(["get", "post"])
        case 26: "answer \(pick(["200", "400 code=1", "400", "413"])) packets=\(number(0...20))"
        case 27: pick(["unknown", "undelivered \(number(0...500))", "after-close 1", "stalled 0"])
        case 28: number(0...9) == 0 ? "undecodable" : "tick"
        default: "tick"
        }
      if line.hasPrefix("emit") { emits += 1 }
      script.play("\(time) \(arrow) \(line)")
    }
    script.play("\(time) -- end")

    #expect(!script.lines.contains { $0.hasPrefix("?") }, "seed \(seed)")
    let counts = script.counts
    #expect(counts.emits == UInt64(emits), "seed \(seed)")
    #expect(counts[.pending] == 0 && counts[.overdue] == 0, "seed \(seed)")
    let final = Verdict.allCases.filter(\.isFinal).reduce(into: UInt64(0)) { $0 += counts[$1] }
    #expect(final == counts.emits, "seed \(seed)")

    let last = script.lines.filter { $0.hasPrefix("#") && !$0.hasSuffix("...") }
      .compactMap { $0.split(separator: " ").first }
    #expect(Set(last).count == last.count, "seed \(seed)")
    #expect(UInt64(last.count) == final - counts[.acknowledged] - counts[.unconfirmed], "seed \(seed)")
  }

  @Test func retractionsComeOnlyBeforeTheLastWord() {
    // A story in which each kind of outcome that is not final occurs; none may follow a final one.
    let lines = WireScript.play(
      """
      on s1 c1 ws
      0 << open
      1 >> connect
      2 << connect sid
      3 >> emit 0 "m" {"n":1}
      103 >> emit 1 "m" {"n":1}
      104 >> emit 2 "boom" 1
      105 << emit - "exception" {"cause":{"pattern":"boom","data":1}}
      150 >> fin
      151 << closed
      20000 -- end
      """
    ).split(separator: "\n")
    var decided = Set<Substring>()
    for line in lines where line.hasPrefix("#") {
      let emit = line.prefix { $0 != " " }
      #expect(!decided.contains(emit), "\(line)")
      if !line.hasSuffix("...") { decided.insert(emit) }
    }
    #expect(decided.count == 3)
  }
}
