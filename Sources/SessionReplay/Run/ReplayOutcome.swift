import RecordedSessions

/// How one copy of a recording went.
package struct CopyOutcome: Sendable {
  /// The number of the copy, from 1, through all runs.
  package var number: Int
  package var differences: [Difference] = []
  package var latencies = LatencyComparison()
  /// Sessions that were opened.
  package var sessions = 0
  /// Emits and acks that were sent.
  package var emits = 0
  package var acks = 0
  /// Acks and events that came.
  package var acksReceived = 0
  package var eventsReceived = 0
  /// Recorded steps of clients that could not be played.
  package var unplayed = 0
  package var duration: Duration = .zero
  /// Whether the user ended it before everything was played: what was not played is not missing.
  package var isStopped = false
  /// What a user should know, one line each.
  package var notes: [String] = []
  /// Set where the server could not be reached at all: nothing was compared.
  package var unreachable: String?

  package init(number: Int) {
    self.number = number
  }
}

/// How far a run is.
package struct ReplayProgress: Sendable {
  /// Copies that are done, and all there are.
  package var copiesDone = 0
  package var copies = 1
  /// Actions of clients that were played or passed over, and all there are.
  package var played = 0
  package var total = 0
  package var differences = 0

  package init() {}
}
