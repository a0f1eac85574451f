import NIOCore

/// One WebSocket message, whole.
package enum WebSocketMessage: Sendable, Equatable {
  /// Valid UTF-8.
  case text(ByteBuffer)
  case binary(ByteBuffer)
}

/// How a WebSocket ended, as one end saw it.
package struct WebSocketClosing: Sendable, Equatable {
  /// Whether the other end sent a close frame before this end did.
  package var isByOther = false
  /// The code in the other end's close frame, where there was one.
  package var code: Int?
  package var reason = ""
  /// Whether the other end sent a close frame at all.
  package var hadFrame = false

  package init() {}
}
