import CaptureFormat

/// An emit that asked for an ack and has no final verdict yet: what is kept of it.
struct OpenEmit {
  /// The place of its event's row.
  var row: Int
  var time: CaptureTimestamp
  var conn: Int?
  var session: Int?
  /// The ack id as the number on the wire.
  var id: String
  var facts: CaptureFilter.Facts?
  var isOverdue = false
  /// Set once its ack was seen, in time or not.
  var latency: Int?
}

/// An emit that has its verdict, remembered for a moment: a record that comes right behind may correct it.
struct SettledEmit {
  var seq: Int
  var emit: OpenEmit
  var verdict: String
  var cause: String?
  /// Whether it passed the filter and is in the totals.
  var isCounted: Bool
}

/// An emit that never got its ack (or, at the end of an unfinished capture, has none yet), for people to look at.
package struct UnresolvedEmit: Sendable {
  /// The place of its capture among those read.
  package var capture: Int
  package var seq: Int
  package var time: CaptureTimestamp
  package var conn: Int?
  package var session: Int?
  package var sid: String?
  /// The place of its event's row.
  var row: Int
  package var id: String
  package var verdict: String
  package var cause: String?
  package var certainty: String?
  /// Microseconds from the emit to its verdict, or to the end of the capture.
  package var age: Int?
}
