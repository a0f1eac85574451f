import CaptureFormat
import JSONText

/// One way in which a run differs from a recording, or one recording from another.
package struct Difference: Sendable {
  /// What differs; the raw values are names for programs.
  package enum Kind: String, Sendable, CaseIterable {
    case ackMissing = "ack_missing"
    case ackUnexpected = "ack_unexpected"
    case ackChanged = "ack_changed"
    /// An `exception` event came where an ack was expected.
    case exceptionInsteadOfAck = "exception_instead_of_ack"
    case eventMissing = "event_missing"
    case eventUnexpected = "event_unexpected"
    case eventChanged = "event_changed"
    /// An event came as it should, but before what it followed in the recording.
    case orderOfCause = "order_of_cause"
    case connectMissing = "connect_missing"
    case connectChanged = "connect_changed"
    case connectRefused = "connect_refused"
    case refusalMissing = "refusal_missing"
    case refusalChanged = "refusal_changed"
    case disconnectMissing = "disconnect_missing"
    case disconnectUnexpected = "disconnect_unexpected"
    case closeMissing = "close_missing"
    case closeUnexpected = "close_unexpected"
    case closeChanged = "close_changed"
    case handshakeFailed = "handshake_failed"
    case upgradeFailed = "upgrade_failed"
    case sessionMissing = "session_missing"
    case sessionUnexpected = "session_unexpected"
    case emitMissing = "emit_missing"
    case emitUnexpected = "emit_unexpected"
    case emitChanged = "emit_changed"
    case latencyRatio = "latency_ratio"
    case latencyP99 = "latency_p99"
  }

  package var kind: Kind
  /// The session's number in the recording; nil where the difference is about all of them.
  package var session: Int?
  /// The address in the recording of what was expected, or of what the difference came behind.
  package var seq: Int?
  package var time: CaptureTimestamp?
  package var namespace: String?
  package var event: String?
  /// What is wrong, in one sentence.
  package var words: String
  /// What was expected and what came, as JSON text, where there is either.
  package var expected: String?
  package var actual: String?
  /// The places in which they differ.
  package var places: [JSONDifference]

  package init(
    _ kind: Kind, session: Int? = nil, seq: Int? = nil, time: CaptureTimestamp? = nil,
    namespace: String? = nil,
    event: String? = nil, words: String, expected: String? = nil, actual: String? = nil,
    places: [JSONDifference] = []
  ) {
    self.kind = kind
    self.session = session
    self.seq = seq
    self.time = time
    self.namespace = namespace
    self.event = event
    self.words = words
    self.expected = expected
    self.actual = actual
    self.places = places
  }
}
