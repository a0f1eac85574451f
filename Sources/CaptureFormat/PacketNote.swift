/// What the record of an event or of an ack says, for whoever takes part in the run and would have to read it off the line
/// again, for each of many.
///
/// Of whole packets that no known parser refuses, and of acks that are paired; every other record has to be read.
package struct PacketNote: Equatable, Sendable {
  /// What the packet is.
  package enum Kind: Equatable, Sendable {
    /// The places of its names, as JSON, among the records' bytes.
    case event(namespace: Range<Int>, event: Range<Int>, asksForAck: Bool)
    /// The seq of the emit that it answers, and microseconds since then.
    case ack(of: Int, latency: Int)
  }

  /// The place of the line among the records' bytes, without its line break.
  package var line: Range<Int>
  package var seq: Int
  package var conn: Int
  package var isFromServer: Bool
  package var kind: Kind
  /// Payload bytes.
  package var bytes: Int

  @inline(__always)
  package init(line: Range<Int>, seq: Int, conn: Int, isFromServer: Bool, kind: Kind, bytes: Int) {
    self.line = line
    self.seq = seq
    self.conn = conn
    self.isFromServer = isFromServer
    self.kind = kind
    self.bytes = bytes
  }
}
