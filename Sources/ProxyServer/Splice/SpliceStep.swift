import AckCorrelation
import SessionDecoder

/// Something that a splice loop saw happen, to be decoded at the end of its tick.
///
/// The counterpart of `Observed` with nothing to retain: bytes stand in the loop's arena.
enum SpliceStep {
  case bytes(ConnectionNumber, from: Peer, Range<Int>, at: Timestamp)
  case legEnded(ConnectionNumber, Peer, EndOfLeg, at: Timestamp)
  /// The proxy itself begins to end the connection.
  case proxyEnded(ConnectionNumber, at: Timestamp)
  case undeliverable(ConnectionNumber, to: Peer, at: Timestamp)
  case stalled(ConnectionNumber, Peer, from: Timestamp, at: Timestamp)
  /// The index of the connection among those that closed in this tick.
  case closed(Int, at: Timestamp)
}
