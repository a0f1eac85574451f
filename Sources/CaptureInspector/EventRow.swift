import CaptureFormat
import JSONText

/// What is known of one event: a name, in a namespace, emitted by one of the peers.
struct EventRow {
  /// The namespace and the event's name as JSON, as the capture spells them.
  let namespace: [UInt8]
  let event: [UInt8]
  let from: CaptureRecord.Peer
  var emits = 0
  /// Emits whose ack came in time.
  var acknowledged = 0
  var unconfirmed = 0
  /// Emits with any other verdict, or still open.
  var otherVerdicts: [String: Int] = [:]
  var latencies = LatencyHistogram()

  /// Emits by verdict, all of them.
  var verdicts: [String: Int] {
    var all = otherVerdicts
    if acknowledged > 0 { all["acknowledged"] = acknowledged }
    if unconfirmed > 0 { all["unconfirmed"] = unconfirmed }
    return all
  }

  mutating func count(_ verdict: String, _ change: Int) {
    switch verdict {
    case "acknowledged": acknowledged += change
    case "unconfirmed": unconfirmed += change
    default:
      let count = otherVerdicts[verdict, default: 0] + change
      otherVerdicts[verdict] = count == 0 ? nil : count
    }
  }
}
