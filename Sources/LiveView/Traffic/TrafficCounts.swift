import CaptureFormat

/// What was counted of the records: exact, whether or not there was room to keep a record.
///
/// Pending emits are a difference of counts here, not the length of a list, so that they stay exact under any load.
package struct TrafficCounts: Equatable, Sendable {
  package var records = 0
  /// Bytes of all records: the size of the capture they are written to.
  package var bytes = 0
  /// Packets and messages, by the peer that sent them.
  package var fromClient = 0
  package var fromServer = 0
  package var emits = 0
  /// Emits that asked for an ack.
  package var asked = 0
  package var acks = 0
  package var acknowledged = 0
  package var late = 0
  package var rejected = 0
  package var answeredByEvent = 0
  package var superseded = 0
  package var unanswered = 0
  package var connections = 0
  /// Of those, how many closed; more in counts of what was skipped, whose connections were opened before.
  package var closedConnections = 0
  package var sessions = 0
  package var findings = 0

  package var openConnections: Int { max(0, connections - closedConnections) }
  /// Emits that nobody has to acknowledge.
  package var unconfirmed: Int { emits - asked }
  /// Emits that wait for their ack.
  package var pending: Int {
    max(0, asked - acknowledged - late - rejected - answeredByEvent - superseded - unanswered)
  }
  /// Emits with a final verdict that is not good.
  package var endedBadly: Int { rejected + answeredByEvent + superseded + unanswered }

  /// Counts a record.
  ///
  /// - Parameter ackTimeout: microseconds; an ack within it is the emit's verdict, a later one is told by a verdict record.
  /// - Returns: the seq of the emit that this record settles, if any.
  @inline(__always)
  mutating func recordRead(_ record: CaptureRecord, ackTimeout: Int) -> Int? {
    records &+= 1
    bytes &+= record.line.count &+ 1
    switch record.kind {
    case .packet:
      if record.from == .server { fromServer &+= 1 } else { fromClient &+= 1 }
      switch record.socketKind {
      case .event, .binaryEvent:
        emits &+= 1
        if record[.id] != nil { asked &+= 1 }
      case .ack, .binaryAck:
        acks &+= 1
        if let emit = record.integer(.ackOf), let latency = record.integer(.latency), latency <= ackTimeout {
          acknowledged &+= 1
          return emit
        }
      default: break
      }
    case .message:
      if record.from == .server { fromServer &+= 1 } else { fromClient &+= 1 }
    case .verdict: return verdictRead(record, ackTimeout)
    case .open: connections &+= 1
    case .close: closedConnections &+= 1
    case .session: sessions &+= 1
    case .finding: findings &+= 1
    default: break
    }
    return nil
  }

  private mutating func verdictRead(_ record: CaptureRecord, _ ackTimeout: Int) -> Int? {
    guard record.isTrue(.final), let emit = record.integer(.emit) else { return nil }
    switch record.string(.verdict) {
    case "late":
      late += 1
      // The ack came in time and was counted as such, but its caller had left.
      if record.member(.cause, equals: "after_peer_left"), (record.integer(.age) ?? .max) <= ackTimeout {
        acknowledged -= 1
      }
    case "rejected": rejected += 1
    case "answered_by_event": answeredByEvent += 1
    case "superseded": superseded += 1
    case "acknowledged": acknowledged += 1
    case "unconfirmed": asked -= 1
    default: unanswered += 1
    }
    return emit
  }
}
