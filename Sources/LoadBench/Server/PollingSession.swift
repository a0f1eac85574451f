import JSONText

/// An Engine.IO session over polling: packets that wait for the next GET (PROTOCOL.md A.4).
final class PollingSession {
  let sid: String
  /// Packets with record separators between them.
  var packets = ByteSink(capacity: 64)
  /// The connection whose GET has no answer yet.
  var waiting: EchoConnection?

  init(sid: String) {
    self.sid = sid
  }

  /// Begins another packet.
  func beginPacket() {
    if packets.count > 0 { packets.append(0x1E) }
  }

  /// Answers the waiting GET with what there is, if there is both.
  func deliver() -> EchoConnection? {
    guard let connection = waiting, packets.count > 0 else { return nil }
    waiting = nil
    connection.respond(packets.bytes)
    packets.removeAll()
    return connection
  }
}
