import CaptureFormat
import JSONText

/// What the records tell: everything that the screen shows, save what its user is doing with it.
///
/// Fed by capture records, in order. A value: a copy is a snapshot, which is how the screen freezes. Memory is bounded by
/// `Limits`; beyond them rows are left out, never counted wrong.
package struct TrafficModel {
  /// What is kept at most.
  package struct Limits: Sendable {
    /// Bytes of records.
    package var history = 32 << 20
    /// Emits that wait and are listed.
    package var open = 16_384
    /// Emits that ended badly and are listed, the latest ones.
    package var ended = 2_000
    /// Packets of the stream.
    package var stream = 4_096
    /// Bytes of a record that is kept for an emit on the board after the history has let go of it.
    package var line = 64 << 10
    /// Bytes of all such records.
    package var lines = 16 << 20

    package init() {}
  }

  let limits: Limits
  package internal(set) var counts = TrafficCounts()
  /// Where the proxy listens and forwards to, as the capture says.
  package internal(set) var listen = ""
  package internal(set) var upstream = ""
  package internal(set) var started: CaptureTimestamp?
  /// When the last record happened.
  package internal(set) var lastTime = CaptureTimestamp(microseconds: 0)
  /// Microseconds.
  package internal(set) var ackTimeout = 5_000_000
  /// Whether the capture's last record was read.
  package internal(set) var hasEnded = false
  /// What is wrong, the latest last.
  package internal(set) var alerts: [ScreenAlert] = []
  /// The name of the file that the capture has gone on in; nil while it is the first.
  package internal(set) var presentFile: String?
  /// Which set of files the capture is, and whether what was carried over into its first one known here is news.
  private var set: String?
  private var takesCarried = false
  /// Latencies of all acks.
  package internal(set) var latencies = LatencyCounts()

  /// The filter on board and stream, or nil.
  package internal(set) var filter: CaptureFilter?
  /// Whether the stream shows what only keeps the transport alive.
  package internal(set) var showsHeartbeats = false
  var history: RecordHistory
  var rates = RateHistory()
  var events = EventRows()
  var connections = ConnectionRows()
  /// Emits without a final verdict, by seq.
  var open: [Int: BoardEmit] = [:]
  /// Emits that ended badly, oldest first.
  var ended: [BoardEmit] = []
  /// Packets that came too fast to be kept.
  package internal(set) var skippedPackets = 0
  /// Emits that ended badly and were cleared.
  var endedCleared = 0
  /// Emits that ended badly since the list was cleared, and are not on it for want of room.
  var endedUnlisted = 0
  /// When rows were taken from young emits last.
  private var roomMade = CaptureTimestamp(microseconds: 0)
  /// Emits that wait and are not listed for want of room.
  private var unlisted = RecentMap<Int, (conn: Int?, event: Int)>(limit: 1 << 18)
  /// The rows of the stream.
  var stream: RecentSeqs
  /// The capture's first line, for slices.
  var firstLine: [UInt8] = []
  /// Bytes of records kept for emits on the board.
  var keptLineBytes = 0
  /// The last acks in time: a verdict right behind may say that their callers had left.
  var recentAcks: [(seq: Int, event: Int)] = []
  /// The ids of the latest sessions.
  var sids = RecentMap<Int, String>(limit: 10_000)

  package init(limits: Limits = Limits()) {
    self.limits = limits
    history = RecordHistory(limit: limits.history)
    stream = RecentSeqs(limit: limits.stream)
  }

  /// Takes the next record.
  ///
  /// - Parameter isSampled: false where so many records come at once that this one need not be a row of the stream.
  package mutating func recordRead(_ record: CaptureRecord, isSampled: Bool = true) {
    let settled = counts.recordRead(record, ackTimeout: ackTimeout)
    lastTime = max(lastTime, record.time)
    keep(record)
    switch record.kind {
    case .packet: packetRead(record, isSampled)
    case .verdict: verdictRead(record)
    case .message:
      passed(record)
      if isSampled { streamed(record) }
    case .open, .handshake, .session, .close, .finding, .undecodable:
      connectionChanged(record)
      if record.kind != .handshake, filter == nil || matches(record) { stream.append(record.seq) }
    case .capture: captureRead(record)
    case .gap:
      let lost = record.integer(.lost).map { "\($0) records" } ?? "records"
      alerts.removeAll(where: \.lasts)
      alert("gap in the capture: \(lost) could not be written: \(record.string(.reason) ?? "")", record.time)
    case .end: hasEnded = true
    case .rotated: presentFile = record.value(named: "next").map(JSONString.decode)
    case .carried: if takesCarried { carried(record) }
    case .exchange:
      connectionChanged(record)
      if showsHeartbeats && isSampled { streamed(record) }
    case .control: if showsHeartbeats && isSampled { streamed(record) }
    case .other: break
    }
    if let settled, record.kind == .packet { acknowledged(settled, record) }
  }

  /// Shows something that went wrong outside the records.
  ///
  /// - Parameters:
  ///   - endsWithConnection: whether it is over once a connection stands again.
  ///   - lasts: whether it is over once records can be written again.
  package mutating func alert(
    _ text: String, _ time: CaptureTimestamp, endsWithConnection: Bool = false, lasts: Bool = false
  ) {
    alerts.append(ScreenAlert(text: text, time: time, endsWithConnection: endsWithConnection, lasts: lasts))
    if alerts.count > 100 { alerts.remove(at: alerts.firstIndex { !$0.lasts } ?? 0) }
  }

  /// Puts away what a person has seen.
  mutating func putAlertsAway() { alerts.removeAll { !$0.lasts } }

  /// Forgets the alerts and the emits that ended badly; their counts stay.
  mutating func clear() {
    putAlertsAway()
    endedCleared += ended.count + endedUnlisted
    endedUnlisted = 0
    ended = []
    keptLineBytes = open.values.reduce(0) { $0 + ($1.line?.count ?? 0) }
  }

  /// Filters board and stream anew; rows of the stream come from the records that are still kept.
  mutating func filter(by filter: CaptureFilter?, showingHeartbeats: Bool) {
    self.filter = filter
    showsHeartbeats = showingHeartbeats
    for index in open.values.indices { open.values[index].facts = facts(ofEmit: open.values[index]) }
    for index in ended.indices { ended[index].facts = facts(ofEmit: ended[index]) }
    stream.removeAll()
    var scanner = CaptureRecordScanner()
    var kept: [Int] = []
    history.forEach(from: 0) { seq, line in
      if let record = try? scanner.record(in: line), isStreamed(record) { kept.append(seq) }
      return true
    }
    for seq in kept.suffix(limits.stream) { stream.append(seq) }
  }

  // MARK: records

  private mutating func keep(_ record: CaptureRecord) {
    guard let gone = history.append(record.line, seq: record.seq) else { return }
    // Emits on the board outlive the history.
    let endedPlaces = Dictionary(ended.enumerated().map { ($1.seq, $0) }, uniquingKeysWith: { $1 })
    gone.forEach { seq, bytes in
      guard bytes.count <= limits.line, keptLineBytes + bytes.count <= limits.lines else { return true }
      if open[seq] != nil {
        open[seq]?.line = Array(bytes)
        keptLineBytes += bytes.count
      } else if let place = endedPlaces[seq] {
        ended[place].line = Array(bytes)
        keptLineBytes += bytes.count
      }
      return true
    }
  }

  private mutating func captureRead(_ record: CaptureRecord) {
    let known = set
    set = record.value(named: "set").map(JSONString.decode)
    takesCarried = known == nil || known != set
    guard takesCarried else { return }
    listen = record.string(.listen) ?? ""
    upstream = record.string(.upstream) ?? ""
    started = record.time
    if let timeout = record.integer(.ackTimeout) { ackTimeout = timeout }
    firstLine = Array(record.line)
  }

  /// Takes in what was open when the capture's first file that is known here began.
  private mutating func carried(_ record: CaptureRecord) {
    if record.integer(.emit) != nil {
      counts.emits += 1
      if record[.id] != nil { counts.asked += 1 }
      emitRead(record)
      return
    }
    if record[.sid] == nil, record.conn != nil {
      counts.connections += 1
    } else {
      counts.sessions += 1
    }
    connectionChanged(record)
  }

  @inline(__always)
  private mutating func passed(_ record: CaptureRecord) {
    let isFromServer = record.from == .server
    rates.messagePassed(second: Int(record.time.microseconds / 1_000_000), isFromServer: isFromServer)
    guard let conn = record.conn else { return }
    connections.update(conn, at: record.time) { row in
      if isFromServer { row.fromServer &+= 1 } else { row.fromClient &+= 1 }
      row.bytes &+= record.integer(.bytes) ?? 0
      if let transport = record.transport, row.transports.last != transport, row.transports.count < 8 {
        row.transports.append(transport)
      }
      if row.session == nil { row.session = record.session }
    }
  }

  private mutating func packetRead(_ record: CaptureRecord, _ isSampled: Bool) {
    passed(record)
    switch record.socketKind {
    case .event, .binaryEvent: emitRead(record)
    case .ack, .binaryAck:
      if let emit = record.integer(.ackOf), let latency = record.integer(.latency), latency > ackTimeout {
        open[emit]?.latency = latency
      }
    default: break
    }
    if isSampled { streamed(record) }
  }

  private mutating func emitRead(_ record: CaptureRecord) {
    let from = record.from ?? .client
    let place = events.place(
      namespace: record[.namespace] ?? Self.slash, event: record[.event] ?? Self.empty, from: from)
    let id = record[.id]
    events.update(place) { row in
      row.emits &+= 1
      if id != nil { row.asked &+= 1 }
    }
    guard let id else { return }
    if let conn = record.conn {
      connections.update(conn, at: record.time) {
        $0.emits &+= 1
        $0.pending &+= 1
      }
    }
    let seq = record.integer(.emit) ?? record.seq
    guard open.count < limits.open else {
      unlisted.insert((record.conn, place), for: seq)
      return
    }
    var time = record.time
    if seq != record.seq { time.microseconds &-= Int64(record.integer(.age) ?? 0) }
    open[seq] = BoardEmit(
      seq: seq, time: time, conn: record.conn, session: record.session, from: from,
      event: place,
      id: id.count <= 40 ? String(decoding: id, as: UTF8.self) : "…",
      facts: filter == nil ? nil : facts(of: record))
  }

  /// Remembers that an emit waits for which there is no row.
  mutating func waitsUnlisted(_ emit: BoardEmit) {
    unlisted.insert((emit.conn, emit.event), for: emit.seq)
  }

  /// Whether an emit whose record is kept waits for its ack, with a row or without.
  func isWaiting(_ seq: Int) -> Bool { open[seq] != nil || unlisted[seq] != nil }

  /// Takes an emit off those that wait without a row.
  mutating func unlisted(_ seq: Int) -> BoardEmit? {
    unlisted.removeValue(for: seq).map {
      BoardEmit(seq: seq, time: lastTime, conn: $0.conn, session: nil, from: .client, event: $0.event, id: "")
    }
  }

  /// An ack within the ack timeout.
  private mutating func acknowledged(_ seq: Int, _ record: CaptureRecord) {
    let latency = record.integer(.latency) ?? 0
    latencies.sampleTaken(latency)
    guard let emit = open.removeValue(forKey: seq) ?? unlisted(seq) else { return }
    if let line = emit.line { keptLineBytes -= line.count }
    leave(emit)
    events.update(emit.event) { row in
      row.acknowledged &+= 1
      row.latencies.sampleTaken(latency)
    }
    if recentAcks.count >= 256 { recentAcks.removeFirst(128) }
    recentAcks.append((seq, emit.event))
  }

  mutating func leave(_ emit: BoardEmit) {
    guard let conn = emit.conn else { return }
    connections.update(conn, at: emit.time) { $0.pending = max(0, $0.pending &- 1) }
  }

  private mutating func verdictRead(_ record: CaptureRecord) {
    guard let seq = record.integer(.emit) else { return }
    let note = BoardEmit.Note(record)
    guard note.isFinal else {
      // One that was not kept is worth a row once it is overdue.
      if open[seq] == nil {
        if open.count >= limits.open { makeRoom() }
        if open.count < limits.open {
          open[seq] = emit(of: seq, record)
          _ = unlisted(seq)
        }
      }
      open[seq]?.note = note
      return
    }
    if filter == nil || matches(record) { stream.append(record.seq) }
    if let place = recentAcks.lastIndex(where: { $0.seq == seq }) {
      events.update(recentAcks[place].event) { row in
        row.acknowledged -= 1
        row.ended += 1
        row.count(note.verdict, 1)
      }
      recentAcks.remove(at: place)
      if note.isBad, let emit = emit(of: seq, record) { end(emit, note) }
      return
    }
    let waited = open.removeValue(forKey: seq)
    _ = unlisted(seq)
    guard let emit = waited ?? emit(of: seq, record) else { return }
    leave(emit)
    // An ack that came in time was counted as such and not kept, where the emit is not known as answered.
    let cameInTime = note.cause == "after_peer_left" && (note.age ?? .max) <= ackTimeout
    let latency = note.verdict == "late" && !cameInTime ? emit.latency ?? note.age : nil
    events.update(emit.event) { row in
      row.count(note.verdict, 1)
      row.ended &+= 1
      if let latency { row.latencies.sampleTaken(latency) }
      if cameInTime { row.acknowledged &-= 1 }
    }
    if let latency { latencies.sampleTaken(latency) }
    if note.isBad {
      end(emit, note)
    } else if let line = emit.line {
      keptLineBytes -= line.count
    }
  }

  /// Takes the rows of an eighth of those that wait without a note, the youngest ones: what is overdue goes before them.
  private mutating func makeRoom() {
    // Where all are overdue, looking for young ones at each verdict would cost more than they are worth.
    guard lastTime.since(roomMade) > 100_000 else { return }
    roomMade = lastTime
    let young = open.values.lazy.filter { $0.note == nil }.map(\.seq).sorted().suffix(limits.open / 8)
    for seq in young {
      guard let emit = open.removeValue(forKey: seq) else { continue }
      if let line = emit.line { keptLineBytes -= line.count }
      waitsUnlisted(emit)
    }
  }

  private mutating func end(_ emit: BoardEmit, _ note: BoardEmit.Note) {
    var emit = emit
    emit.note = note
    if let conn = emit.conn { connections.update(conn, at: emit.time) { $0.endedBadly &+= 1 } }
    ended.append(emit)
    if ended.count > limits.ended {
      // Many at once, so that a flood of bad endings does not move the list for each.
      let surplus = max(1, limits.ended / 8)
      for gone in ended.prefix(surplus) { keptLineBytes -= gone.line?.count ?? 0 }
      ended.removeFirst(surplus)
      endedUnlisted += surplus
    }
  }

  /// An emit that is not among the open ones, from its record or, failing that, from what its verdict says of it.
  mutating func emit(of seq: Int, _ verdict: CaptureRecord?) -> BoardEmit? {
    var scanner = CaptureRecordScanner()
    let line = history.withLine(of: seq) { Array($0) }
    guard let source = line ?? verdict.map({ Array($0.line) }) else { return nil }
    return source.withUnsafeBytes { bytes -> BoardEmit? in
      guard let record = try? scanner.record(in: bytes) else { return nil }
      var time = record.time
      if line == nil { time.microseconds &-= Int64(record.integer(.age) ?? 0) }
      return boardEmit(record, seq: seq, time: time)
    }
  }

  /// An emit as its record, or a verdict on it, says.
  mutating func boardEmit(_ record: CaptureRecord, seq: Int, time: CaptureTimestamp) -> BoardEmit {
    let (namespace, event) = (record[.namespace] ?? Self.slash, record[.event] ?? Self.empty)
    // A verdict does not say whose emit it is about.
    let from = record.from ?? events.asker(namespace: namespace, event: event)
    let place = events.place(namespace: namespace, event: event, from: from)
    let id = record[.id].map { $0.count <= 40 ? String(decoding: $0, as: UTF8.self) : "…" }
    return BoardEmit(
      seq: seq, time: time, conn: record.conn, session: record.session, from: from, event: place,
      id: id ?? "", facts: filter == nil ? nil : facts(of: record))
  }

  private static var slash: UnsafeRawBufferPointer { bytes("\"/\"") }
  private static var empty: UnsafeRawBufferPointer { bytes("\"\"") }

  private static func bytes(_ text: StaticString) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
  }
}
