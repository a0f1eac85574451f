import CaptureFormat
import JSONText

/// What happened in one or more captures: totals, a row for each event, the emits without an ack, findings.
///
/// The records of one capture after another go in, nothing is kept of them but counters, the emits still open, and what
/// is to be listed: memory grows with distinct events and open emits, not with the capture. Numbers of connections, sessions
/// and records belong to their own capture; totals are sums.
///
/// How a capture tells an emit's verdict: an ack record within the capture's ack timeout is `acknowledged`, an event
/// without ack id is `unconfirmed`, and all else is a `verdict` record, which may also correct an ack right before it
/// (an ack that came in time but after its peer had left). What is open when the capture stops is
/// `pending` or `overdue` as of its last record.
///
/// A filter narrows everything: an emit counts, with its ack, where the filter lets it through with its verdict;
/// any other record where the filter lets that record through.
package struct CaptureSummary {
  /// What a summary lists at most; totals go on behind.
  package struct Limits: Sendable {
    /// Distinct rows of events.
    package var events = 10_000
    /// Emits without an ack.
    package var unresolved = 100_000
    package var findings = 10_000
    /// Sessions whose sid is remembered, the latest ones.
    package var sessions = 100_000

    package init() {}
  }

  /// How many settled emits a later record may correct; such a record stands right behind.
  private static let remembered = 256

  /// Told of each emit that has got a verdict, again where a later record corrects it.
  var emitSettled: ((SettledEmit) -> Void)?
  private let filter: CaptureFilter?
  private let limits: Limits

  /// The captures read, in order.
  private(set) var captures: [CaptureAccount] = []
  private(set) var connections = 0
  private(set) var sessions = 0
  private(set) var packets = 0
  private(set) var emits = 0
  private(set) var acks = 0
  private(set) var tally = VerdictTally()
  private(set) var events: EventTable
  private(set) var unresolved: [UnresolvedEmit] = []
  /// All of them, listed or not.
  private(set) var unresolvedCount = 0
  private(set) var findings: [InspectedFinding] = []
  private(set) var findingCounts: [String: Int] = [:]
  /// Whether any capture ends in the middle of a record.
  private(set) var hasTornTail = false
  /// What is to be said about the captures themselves, one line each.
  private(set) var notes: [String] = []

  // Of the capture being read.
  private(set) var account = CaptureAccount(path: "")
  private var currentNotes = NoteList()
  private var open: [Int: OpenEmit] = [:]
  /// Emits that were open where files are missing: what became of them stands there, unless they come up again.
  private var unaccounted: [Int: OpenEmit] = [:]
  /// Whether what was carried over into this file is not known yet.
  private var takesCarried = false
  private var carriedCount = 0
  private var settled: [SettledEmit] = []
  private var oldestSettled = 0
  private var sids: RecentMap<Int, String>
  private var connectionNumbers = NumberSet()
  private var sessionNumbers = NumberSet()

  package init(filter: CaptureFilter? = nil, limits: Limits = Limits()) {
    self.filter = filter
    self.limits = limits
    events = EventTable(limit: limits.events)
    sids = RecentMap(limit: limits.sessions)
  }

  // MARK: what happened

  /// A capture begins; the one before has ended.
  package mutating func captureOpened(path: String) {
    account = CaptureAccount(path: path)
    currentNotes = NoteList()
  }

  /// The capture goes on in another file.
  ///
  /// - Parameter torn: the length of the last one's unfinished last line, 0 where there is none.
  package mutating func captureContinued(path: String, torn: Int) {
    noteTorn(torn)
    account.fileOpened(path: path)
  }

  /// The next record of the capture.
  package mutating func recordRead(_ record: CaptureRecord) {
    if let expected = account.recordRead(seq: record.seq, time: record.time) {
      currentNotes.add(
        .seqJump, "seq jumps from \(expected - 1) to \(record.seq): records are missing or out of order")
    }
    switch record.kind {
    case .packet: packetRead(record)
    case .verdict: verdictRead(record)
    case .finding: findingRead(record)
    case .capture: captureRead(record)
    case .carried: carriedRead(record)
    case .rotated: account.next = record.value(named: "next").map(JSONString.decode)
    case .open:
      account.connections += 1
      if isLetThrough(record), let conn = record.conn { connectionNumbers.insert(conn) }
    case .session:
      account.sessions += 1
      if let session = record.session, let sid = record.string(.sid) { sids.insert(sid, for: session) }
      if isLetThrough(record), let session = record.session { sessionNumbers.insert(session) }
    case .gap:
      let lost = record.integer(.lost).map { "\($0) records" } ?? "records"
      let reason = record.string(.reason).map { " (\(TerminalText.harmless($0)))" } ?? ""
      currentNotes.add(.gap, "gap at seq \(record.seq): \(lost) could not be written\(reason)")
    case .end:
      account.hasEnd = true
      for line in account.differences(from: record) { currentNotes.add(.mismatch, line) }
    case .handshake, .exchange, .message, .control, .undecodable, .close, .other: break
    }
  }

  private mutating func captureRead(_ record: CaptureRecord) {
    if let timeout = record.integer(.ackTimeout) { account.ackTimeout = timeout }
    account.upstream = record.string(.upstream)
    let before = account.mark
    account.mark = record.setMark
    guard let mark = account.mark else { return }
    if before?.set == mark.set, before.map({ $0.part + 1 }) == mark.part {
      takesCarried = false
      return
    }
    takesCarried = true
    if mark.part > 1 { account.isWhole = false }
    if let before {
      unaccounted.merge(open) { $1 }
      open = [:]
      currentNotes.add(
        .missingFile, "file \(before.part + 1) of the set is missing: the next one read is \(mark.part)")
    }
  }

  /// Something that an earlier file told of is still open.
  private mutating func carriedRead(_ record: CaptureRecord) {
    if let session = record.session, let sid = record.string(.sid) { sids.insert(sid, for: session) }
    guard takesCarried, let seq = record.integer(.emit) else { return }
    carriedCount += 1
    if let known = unaccounted.removeValue(forKey: seq) {
      open[seq] = known
      return
    }
    var time = record.time
    time.microseconds &-= Int64(record.integer(.age) ?? 0)
    open[seq] = OpenEmit(
      row: row(of: record), time: time, conn: record.conn, session: record.session, id: Self.id(of: record),
      facts: facts(of: record), isOverdue: record.value(named: "overdue")?.first == 0x74)
  }

  private mutating func noteTorn(_ torn: Int) {
    guard torn > 0 else { return }
    hasTornTail = true
    currentNotes.add(.torn, "the last line is torn: \(torn) bytes without a line break, dropped")
  }

  /// A line of the capture was no record.
  package mutating func damageFound(_ damage: CaptureDamage) {
    currentNotes.add(
      .damage, "line \(damage.line), byte \(damage.offset): damaged record skipped: \(damage.reason)")
  }

  /// The capture is read.
  ///
  /// - Parameter torn: the length of its unfinished last line, 0 where there is none.
  package mutating func captureEnded(torn: Int) {
    noteTorn(torn)
    if events.isFull {
      currentNotes.add(
        .limit,
        "more than \(limits.events) distinct events, or names above 1 KiB: those share the rows \"(other events)\""
      )
    }
    open.merge(unaccounted) { $1 }
    if carriedCount > 0 {
      currentNotes.add(
        .missingFile,
        "it goes on from a file that was not read: \(carriedCount) emits of that one were still open")
    }
    if !account.hasEnd {
      let left = open.isEmpty ? "" : "; \(open.count) emits were still open"
      currentNotes.add(
        .missingEnd,
        account.next.map { "the capture goes on in \($0), which was not read\(left)" }
          ?? "no end record: the capture was cut off or is still being written\(left)")
    }
    settleOpenEmits()
    if unresolvedCount > unresolved.count {
      currentNotes.add(
        .limit, "only \(limits.unresolved) of \(unresolvedCount) emits without an ack are listed")
    }
    // Of several captures, in the order in which things happened.
    unresolved.sort { ($0.time, $0.capture, $0.seq) < ($1.time, $1.capture, $1.seq) }
    findings.sort { ($0.time, $0.capture, $0.seq) < ($1.time, $1.capture, $1.seq) }
    connections += connectionNumbers.count
    sessions += sessionNumbers.count
    notes += currentNotes.texts.map { TerminalText.harmless(account.name) + ": " + $0 }
    captures.append(account)
    open = [:]
    unaccounted = [:]
    carriedCount = 0
    takesCarried = false
    settled = []
    oldestSettled = 0
    sids.removeAll()
    connectionNumbers = NumberSet()
    sessionNumbers = NumberSet()
  }

  // MARK: packets

  private mutating func packetRead(_ record: CaptureRecord) {
    account.packets += 1
    switch record.socketKind {
    case .event, .binaryEvent: emitRead(record)
    case .ack, .binaryAck: ackRead(record)
    default: countPacket(record)
    }
  }

  @discardableResult
  private mutating func countPacket(_ record: CaptureRecord) -> Bool {
    guard isLetThrough(record) else { return false }
    packets += 1
    numbersMet(record.conn, record.session)
    return true
  }

  private mutating func emitRead(_ record: CaptureRecord) {
    account.emits += 1
    let emit = OpenEmit(
      row: row(of: record), time: record.time, conn: record.conn, session: record.session,
      id: Self.id(of: record), facts: facts(of: record))
    if record[.id] == nil {
      settle(record.seq, emit, "unconfirmed", "no_ack_requested", nil, nil)
    } else {
      open[record.seq] = emit
    }
  }

  private mutating func ackRead(_ record: CaptureRecord) {
    account.acks += 1
    guard let seq = record.integer(.ackOf) else {
      if countPacket(record) { acks += 1 }
      return
    }
    if let place = open.index(forKey: seq), open.values[place].latency == nil {
      let latency = record.integer(.latency) ?? Int(record.time.since(open.values[place].time))
      open.values[place].latency = latency
      // Later than that, its verdict record follows.
      if latency <= account.ackTimeout {
        let emit = open.remove(at: place).value
        settle(seq, emit, "acknowledged", nil, nil, latency)
      }
    } else if let place = settled.firstIndex(where: { $0.seq == seq }), settled[place].emit.latency == nil {
      let latency = record.integer(.latency) ?? Int(record.time.since(settled[place].emit.time))
      settled[place].emit.latency = latency
      if settled[place].isCounted {
        acks += 1
        packets += 1
        events.update(settled[place].emit.row) { $0.latencies.sampleTaken(latency) }
      }
    } else if countPacket(record) {
      acks += 1
    }
  }

  private mutating func row(of record: CaptureRecord) -> Int {
    events.place(
      namespace: record[.namespace] ?? Self.bytes(of: "\"/\""),
      event: record[.event] ?? Self.bytes(of: "\"\""),
      from: record.from ?? .client)
  }

  /// The ack id's digits. More than any peer counts to are no id worth keeping.
  private static func id(of record: CaptureRecord) -> String {
    guard let literal = record[.id], literal.count <= 64 else { return "" }
    return String(decoding: literal, as: UTF8.self)
  }

  private static func bytes(of text: StaticString) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
  }

  // MARK: verdicts

  private mutating func verdictRead(_ record: CaptureRecord) {
    guard let seq = record.integer(.emit), let verdict = record.string(.verdict) else { return }
    guard record.isTrue(.final) else {
      if verdict == "overdue" { open[seq]?.isOverdue = true }
      return
    }
    let cause = record.string(.cause)
    let certainty = record.string(.certainty)
    let age = record.integer(.age)
    if let emit = open.removeValue(forKey: seq) {
      settle(seq, emit, verdict, cause, certainty, age)
    } else if let place = settled.firstIndex(where: { $0.seq == seq }) {
      let earlier = settled.remove(at: place)
      oldestSettled = 0
      takeBack(earlier)
      settle(seq, earlier.emit, verdict, cause, certainty, age)
    } else {
      currentNotes.add(
        .orphan, "verdict at seq \(record.seq) is about an emit (seq \(seq)) that is not in the capture")
      settleMissingEmit(seq, record, verdict)
    }
  }

  /// Counts a verdict whose emit is not on record, by what the verdict itself says of it.
  private mutating func settleMissingEmit(_ seq: Int, _ record: CaptureRecord, _ verdict: String) {
    let cause = record.string(.cause)
    let age = record.integer(.age)
    account.tally.count(verdict, cause, 1)
    let emit = OpenEmit(
      row: row(of: record), time: record.time, conn: record.conn, session: record.session,
      id: Self.id(of: record), facts: facts(of: record))
    guard isLetThrough(emit, CaptureFilterState(verdict: verdict, cause: cause, age: age)) else { return }
    tally.count(verdict, cause, 1)
    events.update(emit.row) { $0.count(verdict, 1) }
    numbersMet(emit.conn, emit.session)
    if Self.isUnresolved(verdict) { list(seq, emit, verdict, cause, record.string(.certainty), age) }
  }

  private mutating func settle(
    _ seq: Int, _ emit: OpenEmit, _ verdict: String, _ cause: String?, _ certainty: String?, _ age: Int?
  ) {
    account.tally.count(verdict, cause, 1)
    let state = CaptureFilterState(verdict: verdict, cause: cause, age: age, latency: emit.latency)
    let isCounted = isLetThrough(emit, state)
    if isCounted {
      count(emit, verdict, cause, 1)
      if let latency = emit.latency { events.update(emit.row) { $0.latencies.sampleTaken(latency) } }
      numbersMet(emit.conn, emit.session)
      if Self.isUnresolved(verdict) { list(seq, emit, verdict, cause, certainty, age) }
    }
    let settled = SettledEmit(seq: seq, emit: emit, verdict: verdict, cause: cause, isCounted: isCounted)
    emitSettled?(settled)
    remember(settled)
  }

  /// Undoes `settle`, save for the latency: that was measured, whatever the verdict.
  private mutating func takeBack(_ earlier: SettledEmit) {
    account.tally.count(earlier.verdict, earlier.cause, -1)
    guard earlier.isCounted else { return }
    count(earlier.emit, earlier.verdict, earlier.cause, -1)
    events.update(earlier.emit.row) { row in
      if let latency = earlier.emit.latency { row.latencies.sampleTakenBack(latency) }
    }
    if Self.isUnresolved(earlier.verdict) {
      unresolvedCount -= 1
      unresolved.removeAll { $0.capture == captures.count && $0.seq == earlier.seq }
    }
  }

  private mutating func count(_ emit: OpenEmit, _ verdict: String, _ cause: String?, _ change: Int) {
    let hasAck = emit.latency != nil
    emits += change
    acks += hasAck ? change : 0
    packets += hasAck ? 2 * change : change
    tally.count(verdict, cause, change)
    events.update(emit.row) { row in
      row.emits += change
      row.count(verdict, change)
    }
  }

  private mutating func list(
    _ seq: Int, _ emit: OpenEmit, _ verdict: String, _ cause: String?, _ certainty: String?, _ age: Int?
  ) {
    unresolvedCount += 1
    guard unresolved.count < limits.unresolved else { return }
    unresolved.append(
      UnresolvedEmit(
        capture: captures.count, seq: seq, time: emit.time, conn: emit.conn, session: emit.session,
        sid: emit.session.flatMap { sids[$0] }, row: emit.row, id: emit.id, verdict: verdict, cause: cause,
        certainty: certainty, age: age))
  }

  private mutating func remember(_ emit: SettledEmit) {
    if settled.count < Self.remembered {
      settled.append(emit)
    } else {
      settled[oldestSettled] = emit
      oldestSettled = (oldestSettled + 1) % Self.remembered
    }
  }

  /// Gives the emits that are open where the capture stops the state that they had then.
  private mutating func settleOpenEmits() {
    for (seq, emit) in open.sorted(by: { $0.key < $1.key }) {
      let age = account.lastTime.map { Int($0.since(emit.time)) }
      if let latency = emit.latency {
        settle(seq, emit, "late", "after_ack_timeout", "proved", latency)
      } else {
        let isOverdue = emit.isOverdue || (age ?? 0) > account.ackTimeout
        settle(seq, emit, isOverdue ? "overdue" : "pending", nil, nil, age)
      }
    }
  }

  /// Whether an emit with this verdict got no ack, though it asked for one.
  private static func isUnresolved(_ verdict: String) -> Bool {
    verdict != "acknowledged" && verdict != "late" && verdict != "unconfirmed"
  }

  // MARK: findings

  private mutating func findingRead(_ record: CaptureRecord) {
    guard let name = record.string(.finding), isLetThrough(record) else { return }
    findingCounts[name, default: 0] += 1
    guard findings.count < limits.findings else {
      currentNotes.add(.limit, "more than \(limits.findings) findings: the rest is counted, not listed")
      return
    }
    findings.append(InspectedFinding(record, name: name, capture: captures.count))
  }

  // MARK: filter

  private func facts(of record: CaptureRecord) -> CaptureFilter.Facts? {
    filter?.facts(of: CaptureFilterSubject(record, sid: record.session.flatMap { sids[$0] }))
  }

  /// Whether the filter lets through a record that is no emit's.
  func isLetThrough(_ record: CaptureRecord) -> Bool {
    guard let filter, let facts = facts(of: record) else { return true }
    return filter.matches(facts)
  }

  private func isLetThrough(_ emit: OpenEmit, _ state: CaptureFilterState) -> Bool {
    guard let filter, let facts = emit.facts else { return true }
    return filter.matches(facts, state: state)
  }

  /// Under a filter, the connections and sessions that count are those of what it lets through.
  private mutating func numbersMet(_ conn: Int?, _ session: Int?) {
    guard filter != nil else { return }
    if let conn { connectionNumbers.insert(conn) }
    if let session { sessionNumbers.insert(session) }
  }
}
