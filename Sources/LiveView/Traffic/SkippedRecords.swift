import CaptureFormat

/// Records that came faster than they could be kept: counted, and the emits that they settled remembered.
package struct SkippedRecords: Sendable {
  /// Emits that are remembered; eight bytes each.
  private static let limit = 1 << 20

  package private(set) var counts = TrafficCounts()
  /// The emits that acks and verdicts among them settled.
  package private(set) var settled: [Int] = []
  /// Whether more emits were settled than are remembered.
  package private(set) var isIncomplete = false

  package init() {}

  /// Whether nothing was skipped.
  var isEmpty: Bool { counts.records == 0 }

  /// Counts one record.
  mutating func recordSkipped(_ record: CaptureRecord, ackTimeout: Int) {
    guard let emit = counts.recordRead(record, ackTimeout: ackTimeout) else { return }
    if settled.count < Self.limit { settled.append(emit) } else { isIncomplete = true }
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
    openConnections += other.openConnections
    connections += other.connections
    sessions += other.sessions
    findings += other.findings
  }
}
