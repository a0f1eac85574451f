import JSONText

/// Rules about event names.
enum EventName {
  /// Whether a JSON string literal is a name that Socket.IO keeps for itself (PROTOCOL.md B.1; since 4.2.4).
  @inline(__always)
  static func isReserved(_ bytes: UnsafeRawBufferPointer, _ literal: Range<Int>) -> Bool {
    guard literal.count >= 9 else { return false }
    switch bytes[literal.lowerBound &+ 1] {
    // c, d, n, r, or an escape that may stand for one of them
    case 0x63, 0x64, 0x6E, 0x72, 0x5C: return isReserved(UnsafeRawBufferPointer(rebasing: bytes[literal]))
    default: return false
    }
  }

  private static func isReserved(_ literal: UnsafeRawBufferPointer) -> Bool {
    JSONString.literal(literal, equals: "connect")
      || JSONString.literal(literal, equals: "connect_error")
      || JSONString.literal(literal, equals: "disconnect")
      || JSONString.literal(literal, equals: "disconnecting")
      || JSONString.literal(literal, equals: "newListener")
      || JSONString.literal(literal, equals: "removeListener")
  }
}
