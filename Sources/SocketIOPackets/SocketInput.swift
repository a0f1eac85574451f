/// What one Engine.IO message was to a `SocketPacketStream`.
package enum SocketInput: Sendable {
  /// A whole packet; its ranges are slices of the bytes passed in.
  case packet(SocketPacket)
  /// A whole packet; its ranges are slices of the stream's `assembled`, its attachments the stream's.
  case assembled(SocketPacket)
  /// A packet whose attachments are still to come, for those who want it early; slices of the bytes passed in. It
  /// comes again as `assembled`, or within `brokenAttachments`.
  case waiting(SocketPacket)
  /// An attachment that does not complete its packet; so many are still to come.
  case attachment(remaining: Int)
  /// Not a packet. `partial` is what could be read of one, slices of the bytes passed in; its payload, where it has
  /// one, is not JSON, and its event name is not to be trusted.
  case refused(PacketRefusal, partial: SocketPacket?)
  /// A packet whose attachments were broken off by another text packet; slices of the stream's `interrupted`. Then
  /// what the interrupting text is by itself. Reference decoders in JavaScript close the connection instead.
  indirect case brokenAttachments(SocketPacket, PacketRefusal, then: SocketInput)
  /// The session uses an encoding that Ackscope does not know (PROTOCOL.md C.1): nothing can be said.
  case customParser
}
