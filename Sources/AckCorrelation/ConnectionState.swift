/// What is known of one connection.
struct ConnectionState {
  /// A polling request that was not answered yet.
  struct Request {
    var session: SessionNumber
    var method: PollMethod
    var seq: RecordSeq
    var at: Timestamp
    /// Another GET of the session was open when it came.
    var overlaps: Bool
  }

  var number = ConnectionNumber(0)
  /// The session that a WebSocket on this connection belongs to.
  var session: SessionNumber?
  var request: Request?
  /// The session that last polled here.
  var polled: SessionNumber?
  /// The leg of each peer, once it closed.
  var clientClosed: RecordSeq?
  var serverClosed: RecordSeq?
  /// Whether that was more than the end of what it sends: only then is it certain that it takes nothing either.
  var clientWasReset = false
  var serverWasReset = false
  /// A close frame of each peer.
  var clientSaidClose: RecordSeq?
  var serverSaidClose: RecordSeq?
  var sentAfterCloseReported = false
  var unknownReported = false

  /// The record of a leg's close.
  func closed(_ peer: Peer) -> RecordSeq? { peer == .client ? clientClosed : serverClosed }
  /// Whether a peer takes nothing any more.
  func wasReset(_ peer: Peer) -> Bool { peer == .client ? clientWasReset : serverWasReset }
  /// The record of a peer's close frame.
  func saidClose(_ peer: Peer) -> RecordSeq? { peer == .client ? clientSaidClose : serverSaidClose }
}
