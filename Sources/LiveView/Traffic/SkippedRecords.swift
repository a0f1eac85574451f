import CaptureFormat

/// Records that came faster than they could be kept: counted, and the emits that they settled remembered.
///
/// What was counted since the last `take()` is told by that; which emits wait for their acks is remembered beyond it.
struct SkippedRecords: Sendable {
  /// What was counted of one event.
  struct EventCounts: Sendable {
    var namespace: [UInt8] = []
    var event: [UInt8] = []
    var from = CaptureRecord.Peer.client
    var emits = 0
    var asked = 0
    var acknowledged = 0
    var latencies = LatencyCounts()
  }

  /// What was counted of one connection.
  struct ConnectionCounts: Sendable {
    var fromClient = 0
    var fromServer = 0
    var bytes = 0
    /// Emits that asked for an ack.
    var emits = 0
    /// Of those, and of the ones skipped before, how many got it.
    var settled = 0
  }

  /// What was counted since it was told last.
  struct News: Sendable {
    var counts = TrafficCounts()
    var events: [EventCounts] = []
    var connections: [Int: ConnectionCounts] = [:]
    /// Emits that were kept, may be on the board, and got their ack, with its latency; nil where a verdict was their end.
    var settled: [(seq: Int, latency: Int?)] = []
    /// Whether more emits were settled than are remembered.
    var isIncomplete = false
    /// Records of emits that were skipped and still wait: they belong on the board. They are among the counts, of these or
    /// of earlier news.
    var waiting: [[UInt8]] = []
    /// Emits out of earlier `waiting` that got their ack, which is among the counts.
    var settledTold: [Int] = []
    /// Emits that ended badly and whose records found no room.
    var endedBadly = 0

    var isEmpty: Bool { counts.records == 0 && waiting.isEmpty }
  }

  /// Emits that are remembered as settled.
  private static let limit = 1 << 18
  /// Microseconds of a turn of `SkippedEmits`: what waits for two of them belongs on the board.
  private static let turn = 250_000

  private var news = News()
  private var events = EventRows()
  /// By the places of `events`.
  private var eventCounts: [EventCounts] = []
  private var emits = SkippedEmits()
  /// Microseconds since the last turn.
  private var sinceTurn = 0
  /// Connections counted last, by the low bits of their numbers: looking into `news` for each packet would cost more than all
  /// else here.
  private var recent = [(conn: Int, counts: ConnectionCounts)](
    repeating: (-1, ConnectionCounts()), count: recentCount)
  private static let recentCount = 256

  /// Whether nothing was skipped since it was told last.
  var isEmpty: Bool { news.isEmpty && !emits.hasNews }
  /// Whether a record may be about an emit that was skipped: then every one has to be looked at, by `recordKept`.
  var hasWaiting: Bool { !emits.isEmpty }

  /// Counts a packet, where all that matters of it can be counted; one that is false for has to be kept or read as a whole.
  ///
  /// - Parameter records: those that the note is about.
  @inline(__always)
  mutating func packetSkipped(
    _ packet: PacketNote, in records: UnsafeRawBufferPointer, ackTimeout: Int
  ) -> Bool {
    switch packet.kind {
    case .event(let namespace, let event, let asksForAck):
      counted(packet, asks: asksForAck ? 1 : 0)
      news.counts.emits &+= 1
      let place = events.place(
        namespace: UnsafeRawBufferPointer(rebasing: records[namespace]),
        event: UnsafeRawBufferPointer(rebasing: records[event]),
        from: packet.isFromServer ? .server : .client)
      while eventCounts.count <= place { eventCounts.append(EventCounts()) }
      eventCounts[place].emits &+= 1
      guard asksForAck else { break }
      news.counts.asked &+= 1
      eventCounts[place].asked &+= 1
      emits.emitSkipped(
        packet.seq,
        SkippedEmits.Facts(
          conn: Int32(truncatingIfNeeded: packet.conn), event: Int32(truncatingIfNeeded: place)),
        line: UnsafeRawBufferPointer(rebasing: records[packet.line]))
    case .ack(let emit, let latency):
      // A late one is news, and is told by its verdict.
      guard latency <= ackTimeout else { return false }
      counted(packet, asks: 0)
      news.counts.acks &+= 1
      news.counts.acknowledged &+= 1
      switch emits.settled(emit) {
      case nil: settled(emit, latency: latency)
      case .untold(let known): acknowledged(known, latency)
      case .told(let known):
        acknowledged(known, latency)
        news.settledTold.append(emit)
      }
    }
    return true
  }

  @inline(__always)
  private mutating func acknowledged(_ emit: SkippedEmits.Facts, _ latency: Int) {
    eventCounts[Int(emit.event)].acknowledged &+= 1
    eventCounts[Int(emit.event)].latencies.sampleTaken(latency)
    recent[place(of: Int(emit.conn))].counts.settled &+= 1
  }

  /// Whether a packet may not be kept: the ack of an emit that was skipped.
  @inline(__always)
  func isOfSkipped(_ packet: PacketNote) -> Bool {
    guard case .ack(let emit, _) = packet.kind else { return false }
    return emits.isWaiting(emit)
  }

  /// Looks at a record of which there is no note before it is kept.
  mutating func recordKept(
    _ line: UnsafeRawBufferPointer, ackTimeout: Int, _ scanner: inout CaptureRecordScanner
  ) {
    guard let record = try? scanner.record(in: line) else { return }
    if record.kind == .verdict, let emit = record.integer(.emit) {
      emits.judged(emit, isFinal: record.isTrue(.final))
    } else if let emit = record.integer(.ackOf), let latency = record.integer(.latency), latency <= ackTimeout
    {
      // An ack of a shape that only the model understands: it has to know the emit first.
      emits.judged(emit, isFinal: true)
    }
  }

  /// Counts one record of any kind.
  mutating func recordSkipped(_ record: CaptureRecord, ackTimeout: Int) {
    if record.kind == .verdict, let emit = record.integer(.emit) {
      emits.judged(emit, isFinal: record.isTrue(.final))
      if record.isTrue(.final), BoardEmit.Note(record).isBad { news.endedBadly += 1 }
    }
    guard let emit = news.counts.recordRead(record, ackTimeout: ackTimeout) else { return }
    settled(emit, latency: record.kind == .packet ? record.integer(.latency) : nil)
  }

  /// Tells what was counted, and begins anew.
  ///
  /// - Parameter elapsed: microseconds since the call before.
  mutating func take(elapsed: Int) -> News {
    sinceTurn += elapsed
    if sinceTurn >= Self.turn {
      sinceTurn = 0
      emits.turned()
    }
    news.waiting = emits.tell()
    guard !news.isEmpty else { return News() }
    for place in recent.indices { putAway(place) }
    for place in eventCounts.indices where eventCounts[place].emits + eventCounts[place].acknowledged > 0 {
      let row = events.rows[place]
      eventCounts[place].namespace = row.namespace
      eventCounts[place].event = row.event
      eventCounts[place].from = row.from
      news.events.append(eventCounts[place])
      eventCounts[place] = EventCounts()
    }
    defer { news = News() }
    return news
  }

  @inline(__always)
  private mutating func counted(_ packet: PacketNote, asks: Int) {
    news.counts.records &+= 1
    news.counts.bytes &+= packet.line.count &+ 1
    if packet.isFromServer { news.counts.fromServer &+= 1 } else { news.counts.fromClient &+= 1 }
    recent[place(of: packet.conn)].counts.counted(packet, asks)
  }

  /// Where a connection is counted; another one that was counted there is put away.
  @inline(__always)
  private mutating func place(of conn: Int) -> Int {
    let place = conn & (Self.recentCount &- 1)
    if recent[place].conn != conn {
      putAway(place)
      recent[place].conn = conn
    }
    return place
  }

  private mutating func putAway(_ place: Int) {
    if recent[place].conn >= 0 {
      news.connections[recent[place].conn, default: ConnectionCounts()].add(recent[place].counts)
    }
    recent[place] = (-1, ConnectionCounts())
  }

  private mutating func settled(_ emit: Int, latency: Int?) {
    if news.settled.count < Self.limit {
      news.settled.append((emit, latency))
    } else {
      news.isIncomplete = true
    }
  }
}

extension SkippedRecords.ConnectionCounts {
  fileprivate mutating func add(_ other: Self) {
    fromClient &+= other.fromClient
    fromServer &+= other.fromServer
    bytes &+= other.bytes
    emits &+= other.emits
    settled &+= other.settled
  }

  @inline(__always)
  fileprivate mutating func counted(_ packet: PacketNote, _ asks: Int) {
    if packet.isFromServer { fromServer &+= 1 } else { fromClient &+= 1 }
    bytes &+= packet.bytes
    emits &+= asks
  }
}

extension TrafficCounts {
  /// Adds what was counted elsewhere.
  mutating func add(_ other: TrafficCounts) {
    records += other.records
    bytes += other.bytes
    fromClient += other.fromClient
    fromServer += other.fromServer
    emits += other.emits
    asked += other.asked
    acks += other.acks
    acknowledged += other.acknowledged
    late += other.late
    rejected += other.rejected
    answeredByEvent += other.answeredByEvent
    superseded += other.superseded
    unanswered += other.unanswered
    connections += other.connections
    closedConnections += other.closedConnections
    sessions += other.sessions
    findings += other.findings
  }
}
