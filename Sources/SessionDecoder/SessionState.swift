import AckCorrelation
import SocketIOPackets

/// One Engine.IO session, over all the connections that it spans.
final class SessionState {
  let number: SessionNumber
  let sid: String
  var version: EngineIOVersion
  // One decoder has the session, and is asked one thing at a time: there is nothing to check at run time.
  @exclusivity(unchecked) var client: SocketPacketStream
  @exclusivity(unchecked) var server: SocketPacketStream
  /// Set once a finding has said that the session's parser is unknown.
  var hasUnknownParser = false
  /// Bytes of a packet that waits for attachments, by peer.
  private var waitingBytes: (client: Int, server: Int) = (0, 0)
  /// The upgraded connection that carries the session now.
  weak var carrier: WebSocketState?
  /// Whether its server's kind is settled.
  var serverIsKnown = false
  /// When a request named the session last.
  var lastSeen = Timestamp(microseconds: .min)
  /// Set once the connection that carried it has closed, or the server said that it does not know it.
  var hasEnded = false

  init(number: SessionNumber, sid: String, version: EngineIOVersion, limits: SocketPacketLimits) {
    self.number = number
    self.sid = sid
    self.version = version
    client = SocketPacketStream(limits: limits, revision: SocketIORevision(version))
    server = SocketPacketStream(limits: limits, revision: SocketIORevision(version))
  }

  /// Counts bytes of a packet that still waits for attachments.
  func addWaitingBytes(_ count: Int, _ peer: Peer) {
    if peer == .client { waitingBytes.client += count } else { waitingBytes.server += count }
  }

  /// The bytes counted so far of the packet that has just become complete, or broken.
  func takeWaitingBytes(_ peer: Peer) -> Int {
    defer { if peer == .client { waitingBytes.client = 0 } else { waitingBytes.server = 0 } }
    return peer == .client ? waitingBytes.client : waitingBytes.server
  }
}
