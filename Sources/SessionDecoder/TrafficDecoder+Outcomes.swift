import AckCorrelation
import CaptureFormat
import JSONText

// Verdicts and findings as records (CAPTURE-FORMAT.md).

extension TrafficDecoder {
  /// Records what the correlator has concluded.
  @inline(__always)
  mutating func recordOutcomes(at time: Timestamp) {
    if correlator.hasOutcomes || closeRecords.hasWaiting { recordWaitingOutcomes(at: time) }
  }

  private mutating func recordWaitingOutcomes(at time: Timestamp) {
    var outcomes = closeRecords.takeReady(at: time)
    correlator.drainOutcomes { outcome in
      if let ready = closeRecords.admit(outcome, at: time) { outcomes.append(ready) }
    }
    for outcome in outcomes {
      switch outcome {
      case .verdict(let verdict): record(verdict, at: time)
      case .finding(let finding): record(finding, at: time)
      }
    }
  }

  private mutating func record(_ verdict: EmitVerdict, at time: Timestamp) {
    _ = encoder.begin("verdict", at: time)
    encoder.member("conn", UInt64(verdict.connection.number))
    encoder.member("session", UInt64(verdict.session.number))
    encoder.member("emit", verdict.emit.number)
    if !verdict.event.isEmpty { verdict.event.withBytes { encoder.member("event", verbatim: $0) } }
    encoder.member("namespace", target: verdict.namespace)
    if let id = verdict.id, !id.isWide { encoder.member("id", id.value) }
    encoder.member("verdict", word(verdict).rawValue)
    if let cause = verdict.cause { encoder.member("cause", cause.rawValue) }
    encoder.member("certainty", verdict.certainty.rawValue)
    encodeEvidence(verdict.evidence)
    encoder.member("age_us", UInt64(max(verdict.age, 0)))
    encoder.member("final", verdict.isFinal)
    if let ender = verdict.endedBy { encoder.member("ended_by", word: ender.name) }
    if let how = verdict.how { encoder.member("how", how.rawValue) }
    if let silent = verdict.silent { encoder.member("silent", word: silent.name) }
    if let next = verdict.nextAttempt { encoder.member("next", next.number) }
    if let id = verdict.nextAttemptID, !id.isWide { encoder.member("next_id", id.value) }
    if verdict.evicted { encoder.member("evicted", true) }
    if verdict.unverified { encoder.member("unverified", true) }
    encoder.end()
  }

  /// An emit that is not decided yet is pending or overdue, and nothing else (VERDICTS.md): what looks likely is told by
  /// its cause.
  private func word(_ verdict: EmitVerdict) -> Verdict {
    if verdict.isFinal { return verdict.verdict }
    return verdict.verdict == .overdue || verdict.age >= options.ackTimeout ? .overdue : .pending
  }

  private mutating func record(_ finding: Finding, at time: Timestamp) {
    _ = encoder.begin("finding", at: time)
    if let connection = finding.connection { encoder.member("conn", UInt64(connection.number)) }
    if let session = finding.session { encoder.member("session", UInt64(session.number)) }
    encoder.member("finding", finding.kind.rawValue)
    encoder.member("certainty", finding.certainty.rawValue)
    encodeEvidence(finding.evidence)
    for detail in finding.details {
      switch detail.value {
      case .number(let number): encoder.member(detail.name, Int(number))
      case .flag(let flag): encoder.member(detail.name, flag)
      case .text(let text) where text.hasPrefix("/"): encoder.member(detail.name, target: text)
      case .text(let text): text.withBytes { encoder.member(detail.name, brokenJSON: $0) }
      // An event without a name has none to tell.
      case .json(let json):
        if !json.isEmpty { json.withBytes { encoder.member(detail.name, verbatim: $0) } }
      case .id(let id):
        // A longer id is known by its hash only; the packet record has the digits.
        if !id.isWide { encoder.member(detail.name, id.value) }
      }
    }
    encoder.end()
  }

  private mutating func encodeEvidence(_ evidence: [RecordSeq]) {
    encoder.member("evidence")
    encoder.raw("[")
    for (index, seq) in closeRecords.resolved(evidence).enumerated() {
      if index > 0 { encoder.raw(",") }
      encoder.element(seq)
    }
    encoder.raw("]")
  }
}
