import Testing

extension CaptureFile {
  /// The name of what became of an emit: its final verdict where one is recorded; else what the format leaves unsaid,
  /// `acknowledged` beside its ack and `unconfirmed` without an id. Nil where the capture owes a verdict.
  func outcome(of emit: CaptureRecord) -> String? {
    if let verdict = finalVerdict(on: emit) { return verdict["verdict"]?.string }
    if ack(of: emit) != nil { return "acknowledged" }
    return emit["id"] == nil ? "unconfirmed" : nil
  }

  /// "verdict cause" of each emit of an event, sorted; the cause is left out where there is none.
  func outcomes(from: String = "client", namespace: String? = nil, event: String) -> [String] {
    emits(from: from, namespace: namespace, event: event).map { emit in
      let cause = finalVerdict(on: emit)?["cause"]?.string
      return [outcome(of: emit) ?? "nothing", cause].compactMap(\.self).joined(separator: " ")
    }.sorted()
  }

  func findings(_ name: String) -> [CaptureRecord] {
    records("finding").filter { $0["finding"]?.string == name }
  }

  /// Checks what must hold of every complete capture, whatever was captured: the first and the last line, the numbering,
  /// the pairing of acks, one final verdict for each emit, and totals that equal the records.
  func expectConsistency(sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(!isTorn, sourceLocation: sourceLocation)
    #expect(records.first?.type == "capture", sourceLocation: sourceLocation)
    #expect(records.first?["schema"] == .string("ackscope.capture/1"), sourceLocation: sourceLocation)
    #expect(records.map(\.seq) == Array(1...max(1, records.count)), sourceLocation: sourceLocation)
    #expect(records("end").count == 1, sourceLocation: sourceLocation)
    guard let end = records.last, end.type == "end" else {
      Issue.record("the last line is not `end`", sourceLocation: sourceLocation)
      return
    }
    let faults = pairingFaults + verdictFaults
    #expect(faults.isEmpty, "\(faults.prefix(5).joined(separator: "\n"))", sourceLocation: sourceLocation)
    let totals = [
      "connections": records("open").count, "sessions": records("session").count,
      "packets": records("packet").count, "emits": events().count, "acks": acks().count,
    ]
    for (name, count) in totals {
      #expect(end[name]?.int == count, "\(name)", sourceLocation: sourceLocation)
    }
    let tally = Dictionary(events().map { (outcome(of: $0) ?? "nothing", 1) }, uniquingKeysWith: +)
    #expect(end["verdicts"]?.counts == tally, sourceLocation: sourceLocation)
    #expect(records("gap").isEmpty, sourceLocation: sourceLocation)
  }

  /// Acks that answer nothing, or something else than they say, or in another time.
  private var pairingFaults: [String] {
    var answered: Set<Int> = []
    return acks().filter { ack in
      guard let seq = ack["ack_of"]?.int else { return false }
      guard let emit = record(seq), emit.isEvent, answered.insert(seq).inserted else { return true }
      return emit.id != ack.id || emit.namespace != ack.namespace || emit.from == ack.from
        || ack["latency_us"]?.int != ack.microseconds - emit.microseconds || seq >= ack.seq
    }.map { "a wrong pair: \($0)" }
  }

  private var verdictFaults: [String] {
    var seen: Set<Int> = []
    let repeated = records("verdict").filter { $0["final"] == .bool(true) }.filter {
      !seen.insert($0["emit"]?.int ?? -1).inserted
    }
    return repeated.map { "a second final verdict: \($0)" }
      + events().filter { outcome(of: $0) == nil }.map { "no verdict on \($0)" }
  }
}

extension CaptureRecord {
  /// The time of the record within its day.
  fileprivate var microseconds: Int {
    let clock = (self["ts"]?.string ?? "").dropFirst(11).dropLast().split { $0 == ":" || $0 == "." }
    let parts = clock.compactMap { Int($0) }
    guard parts.count == 4 else { return .min / 2 }
    return ((parts[0] * 60 + parts[1]) * 60 + parts[2]) * 1_000_000 + parts[3]
  }
}
