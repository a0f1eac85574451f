import AckCorrelation

/// Where a packet was seen, and what its record says besides the packet itself.
struct PacketPlace {
  let connection: ConnectionNumber
  let session: SessionState?
  let from: Peer
  let transport: Transport
  /// The encoded members that say so.
  let origin: [UInt8]
  /// Payload bytes on the wire.
  var wireBytes = 0
  /// The length of the message or body it travelled in, uncompressed.
  var messageBytes = 0
  var frames = 1
  var isCompressed = false
  /// Whether the payload at hand is only the beginning of what was sent.
  var isCut = false
  /// Whether the rest was never sent, or nobody was left to take it: then it is no packet to anyone.
  var isCutShort = false

  init(
    connection: ConnectionNumber, session: SessionState?, from: Peer, transport: Transport, origin: [UInt8]
  ) {
    self.connection = connection
    self.session = session
    self.from = from
    self.transport = transport
    self.origin = origin
  }
}
