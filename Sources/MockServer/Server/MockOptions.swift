/// How a mock behaves.
package struct MockOptions: Sendable {
  /// How many times faster than recorded it answers; infinite for at once.
  package var speed = 1.0
  /// Whether all recorded sessions can be played again once each was.
  package var loops = false
  /// Whether only what a client's own session has is an answer.
  package var isStrict = false
  /// Milliseconds between heartbeats, and until a silent client is given up.
  package var pingInterval: Int64 = 25_000
  package var pingTimeout: Int64 = 20_000
  /// Bytes of one message or body.
  package var maximumPayload = 16 << 20

  package init() {}
}

/// What a mock answered.
package struct MockOutcome: Sendable, Equatable {
  package var answered = 0
  package var unanswered = 0
}
