import JSONText

/// What a packet stream keeps at most. Everything past a limit is counted, never stored.
package struct SocketPacketLimits: Sendable {
  /// Bytes of text kept of one packet: of one that waits for attachments, or of one translated into JSON text.
  package var packetBytes = 16 << 20
  /// Bytes of attachments kept for one packet, all together.
  package var attachmentBytes = 16 << 20
  /// Attachments kept for one packet. The newest JavaScript parser takes 10.
  package var attachments = 256
  /// Deepest nesting followed in msgpack.
  package var depth = JSONScanner.maximumDepth

  /// The largest message that is looked at, in bytes. A fixed one: packets hold their ranges in 32 bits.
  package static let largestText = Int(UInt32.max) - 1

  package init() {}
}
