import CaptureFormat

// What the filter lets through.

extension TrafficModel {
  /// What the filter finds in a record, as far as that never changes.
  func facts(of record: CaptureRecord) -> CaptureFilter.Facts? {
    filter?.facts(of: CaptureFilterSubject(record, sid: record.session.flatMap { sids[$0] }))
  }

  /// The same for an emit on the board, from its record.
  func facts(ofEmit emit: BoardEmit) -> CaptureFilter.Facts? {
    guard filter != nil else { return nil }
    return withRecord(of: emit) { record in record.flatMap { facts(of: $0) } }
  }

  /// Whether the board shows an emit.
  func isShown(_ emit: BoardEmit, at now: CaptureTimestamp) -> Bool {
    guard let filter else { return true }
    guard let facts = emit.facts else { return false }
    return filter.matches(
      facts,
      state: CaptureFilterState(
        verdict: emit.verdict(at: now, ackTimeout: ackTimeout), cause: emit.note?.cause,
        age: emit.age(at: now)))
  }

  /// Whether the filter lets a record through by itself: an ack with its latency, a verdict with what it says.
  func matches(_ record: CaptureRecord) -> Bool {
    guard let filter, let facts = facts(of: record) else { return true }
    var state = CaptureFilterState()
    switch record.kind {
    case .packet:
      state.latency = record.integer(.latency)
      state.age = state.latency
      if record[.ackOf] != nil { state.verdict = (state.latency ?? 0) > ackTimeout ? "late" : "acknowledged" }
    case .verdict:
      state.verdict = record.string(.verdict)
      state.cause = record.string(.cause)
      state.age = record.integer(.age)
    default: break
    }
    return filter.matches(facts, state: state)
  }

  /// Whether a record is a row of the stream: not a heartbeat, not how the transport lives, and let through.
  func isStreamed(_ record: CaptureRecord) -> Bool {
    switch record.kind {
    case .packet:
      if !showsHeartbeats, record.socketKind == nil, !record.member(.engine, equals: "close"),
        !record.member(.engine, equals: "message")
      {
        return false
      }
    case .verdict: if !record.isTrue(.final) { return false }
    case .open, .session, .close, .finding, .undecodable, .message: break
    case .control, .exchange: if !showsHeartbeats { return false }
    case .capture, .handshake, .gap, .end, .rotated, .carried, .other: return false
    }
    return filter == nil || matches(record)
  }

  /// Appends a record to the stream where it is a row of it.
  @inline(__always)
  mutating func streamed(_ record: CaptureRecord) {
    if isStreamed(record) { stream.append(record.seq) }
  }

  /// Lends a record that is still kept.
  func withRecord<Result>(_ seq: Int, _ body: (CaptureRecord?) -> Result) -> Result {
    var scanner = CaptureRecordScanner()
    return history.withLine(of: seq) { line in
      body(try? scanner.record(in: line))
    } ?? body(nil)
  }

  /// Lends the record of an emit on the board: from the history, or what was kept of it.
  func withRecord<Result>(of emit: BoardEmit, _ body: (CaptureRecord?) -> Result) -> Result {
    guard let line = emit.line else { return withRecord(emit.seq, body) }
    var scanner = CaptureRecordScanner()
    return line.withUnsafeBytes { body(try? scanner.record(in: $0)) }
  }
}
