/// A complete control frame (RFC 6455 §5.5), unmasked.
package struct WebSocketControl {
  /// Which control frame it is.
  package enum Kind: Sendable, Equatable {
    case ping, pong, close
  }

  /// Which control frame it is.
  package let kind: Kind
  /// The whole payload, at most 125 bytes, of a close frame with its code; valid during the call only.
  package let payload: UnsafeRawBufferPointer
  /// Whether the sender had already sent a close frame.
  package let isAfterClose: Bool
  /// Where the frame began, in bytes of the direction.
  package let offset: UInt64

  /// The status code of a close frame; `nil` in a ping, in a pong, and in a close without a code (1005 to its receiver).
  package var code: UInt16? {
    guard kind == .close, payload.count >= 2 else { return nil }
    return UInt16(payload[0]) << 8 | UInt16(payload[1])
  }

  /// The reason of a close frame: meant to be UTF-8, and if it is not, a violation came before this event.
  package var reason: UnsafeRawBufferPointer {
    guard kind == .close, payload.count >= 2 else { return UnsafeRawBufferPointer(start: nil, count: 0) }
    return UnsafeRawBufferPointer(rebasing: payload[2...])
  }

  /// Whether a close code may stand on the wire (RFC 6455 §7.4, IANA registry as of PROTOCOL.md F.2).
  static func isLegal(code: UInt16) -> Bool {
    switch code {
    case 1000...1003, 1007...1014, 3000...4999: true
    default: false
    }
  }
}
