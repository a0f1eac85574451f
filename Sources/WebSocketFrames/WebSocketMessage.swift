/// A data message: unmasked, put together from its fragments, inflated. Complete, but where `isCutShort` says otherwise.
package struct WebSocketMessage {
  /// Text (opcode 1, checked to be UTF-8) or binary (opcode 2).
  package let isText: Bool
  /// The first `WebSocketLimits.payload` bytes of the message at most; valid during the call only.
  /// Cut text may end inside a character.
  package let payload: UnsafeRawBufferPointer
  /// Bytes of the whole message, uncompressed, also where `payload` is shorter.
  package let length: Int
  /// Payload bytes on the wire, all frames together: the compressed size where `isCompressed`.
  package let wireBytes: Int
  /// How many frames carried the message.
  package let frames: Int
  /// Whether permessage-deflate was used for this message (RSV1 on its first frame).
  package let isCompressed: Bool
  /// Whether the sender had already sent a close frame; receivers ignore such a message (RFC 6455 §5.5.1).
  package let isAfterClose: Bool
  /// Where the first frame of the message began, in bytes of the direction.
  package let offset: UInt64
  /// The message is not complete, and nobody waits for the rest: this is what had come of it.
  package var isCutShort = false

  /// Whether `payload` holds less than the message.
  package var isTruncated: Bool { payload.count < length }
}
