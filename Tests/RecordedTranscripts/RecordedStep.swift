import AckCorrelation

/// One thing that happened in a recorded scenario.
package struct RecordedStep: Sendable {
  /// What happened.
  package enum What: Sendable {
    /// A client connected.
    case connected
    /// A peer sent bytes.
    case bytes([UInt8], from: Peer)
    /// A peer ended its direction (FIN).
    case finished(Peer)
    /// A peer reset the connection (RST).
    case reset(Peer)
    /// The server could not be reached.
    case refused
  }

  /// Microseconds since the scenario began.
  package let time: Int64
  /// The connection's number within the scenario, from 1.
  package let connection: Int
  /// What happened on it.
  package let what: What
}
