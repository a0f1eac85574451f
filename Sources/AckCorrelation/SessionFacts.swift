/// What kind of server answers, where the wire shows it.
package enum ServerKind: UInt8, Sendable {
  /// The wire has not shown it yet.
  case unknown
  /// engine.io and what is built on it; POSTs are answered `ok`.
  case javascript
  /// python-engineio; POSTs are answered `OK`, and `pingTimeout` comes before `pingInterval` in the open packet.
  case python
}

/// What the open packet and its request say of a session.
package struct SessionFacts: Sendable {
  /// The Engine.IO revision that the client asked for: 3 or 4.
  package var revision = 4
  /// Milliseconds; 0 where not told.
  package var pingInterval: Int64 = 0
  /// Milliseconds; 0 where not told.
  package var pingTimeout: Int64 = 0
  /// The server's limit for a message in bytes, where told.
  package var maximumPayload: Int?
  /// What kind of server answers, as far as known at the start.
  package var server = ServerKind.unknown
  /// A hash of what stays the same when a client comes back: its address without the port, its user agent, the
  /// path. 0 where not known.
  package var clientFingerprint: UInt64 = 0
  /// The handshake was not seen: namespaces may be joined and emits open that the capture does not know of.
  package var beganBeforeCapture = false

  /// A revision 4 session of which nothing is told.
  package init() {}
}

/// The Engine.IO packets that are no messages, and the probes of an upgrade.
package enum EnginePacketKind: UInt8, Sendable {
  /// Packets of a running session.
  case close, ping, pong, upgrade, noop
  /// `2probe` and `3probe`.
  case probePing, probePong
}

/// A polling request's method.
package enum PollMethod: UInt8, Sendable {
  /// GET fetches packets for the client, POST brings packets from it.
  case get, post
}

/// What is known of one session.
struct SessionState {
  struct Ping {
    var at: Timestamp
    var seq: RecordSeq
    var from: Peer
    var isAwaited: Bool
  }

  /// A packet that its receiver may close the connection for.
  struct Offence {
    var seq: RecordSeq
    var at: Timestamp
    var from: Peer
    var reason: String
    /// The namespace that was asked for and not granted yet: no offence once it is connected.
    var asked: Int32 = -1
    var event: String?
  }

  var number = SessionNumber(0)
  var generation: UInt32 = 0
  var facts = SessionFacts()
  var openedAt = Timestamp(microseconds: 0)
  var seq = RecordSeq(0)
  var transport = Transport.polling
  /// The WebSocket connection that carries the session.
  var connection: ConnectionNumber?
  /// The WebSocket connection of an upgrade under way.
  var upgrading: ConnectionNumber?
  var abandonedUpgrade: RecordSeq?
  var seenClient = Timestamp(microseconds: 0)
  var seenServer = Timestamp(microseconds: 0)
  var ping: Ping?
  var serverPingAt = Timestamp(microseconds: 0)
  var ending: Ending?
  /// A poll was cut off: the end, unless the session goes on.
  var presumed: Ending?
  var isSettled = false
  var namespaces: [(id: NamespaceID, slot: Int32)] = []
  var open: Int32 = 0
  var clientUndecodable: RecordSeq?
  var serverUndecodable: RecordSeq?
  var offence: Offence?
  var pollsUnderWay: Int32 = 0
  /// The newest emit of each peer, and its length.
  var lastFromClient = RecordSeq(0)
  var lastFromClientBytes = 0
  var lastFromServer = RecordSeq(0)
  /// The connection and time of a big POST of which a packet was acknowledged all the same.
  var refutedBatch: UInt32?
  var unknownReported = false
  var versionReported = false
  var pingTimeoutReported = false
  var resumedFrom: SessionNumber?

  /// The record that says that a peer's packets cannot be decoded any more.
  func undecodable(_ peer: Peer) -> RecordSeq? {
    peer == .client ? clientUndecodable : serverUndecodable
  }

  /// A peer gave a sign of life.
  @inline(__always)
  mutating func saw(_ peer: Peer, at: Timestamp) {
    if peer == .client { seenClient = at } else { seenServer = at }
  }

  /// When a peer last gave a sign of life.
  func seen(_ peer: Peer) -> Timestamp { peer == .client ? seenClient : seenServer }
}
