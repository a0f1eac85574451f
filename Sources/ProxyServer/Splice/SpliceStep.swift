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
  /// The index of what happened among the notes of this tick.
  case noted(ConnectionNumber, Int, at: Timestamp)
}

/// What happens once in a connection's life, and needs more words than a step has room for.
enum SpliceNote {
  /// The upstream leg stands, and the whole request of the client goes there.
  case requested(client: String, upstream: String, RequestHead)
  case switched(ResponseHead)
  case closed(ClosedSplice)
}
