/// Engine.IO packets as they travel in WebSocket messages and polling bodies.
package enum EngineIO {
  /// Decodes one complete WebSocket message (PROTOCOL.md A.3 for revision 4, A.5 for revision 3).
  ///
  /// - Parameter isText: whether the message had opcode text.
  /// - Throws: an empty text, or one that starts with no packet type. Receivers close the session then.
  package static func packet(
    ofMessage bytes: UnsafeRawBufferPointer, isText: Bool, version: EngineIOVersion
  ) throws(PacketRefusal) -> EnginePacket {
    try packet(bytes, in: 0..<bytes.count, isText: isText, version: version)
  }

  /// Decodes the packet that fills `range`, which must lie within `bytes`.
  @inline(__always)
  static func packet(
    _ bytes: UnsafeRawBufferPointer, in range: Range<Int>, isText: Bool, version: EngineIOVersion
  ) throws(PacketRefusal) -> EnginePacket {
    guard isText else { return binaryPacket(bytes, in: range, version: version) }
    guard !range.isEmpty else { throw PacketRefusal(.emptyPacket, at: range.lowerBound) }
    let first = bytes[range.lowerBound]
    let rest = range.lowerBound &+ 1..<range.upperBound
    if let type = EnginePacketType(rawValue: first &- 0x30) {
      return EnginePacket(type: type, isBinary: false, isBase64: false, payload: rest)
    }
    guard first == 0x62 else { throw PacketRefusal(.unknownEnginePacketType, at: range.lowerBound) }
    switch version {
    case .v4: return EnginePacket(type: .message, isBinary: true, isBase64: true, payload: rest)
    case .v3:
      // Any character may stand for the type; one that names none gives a packet that nobody handles.
      guard let digit = rest.first else {
        return EnginePacket(type: nil, isBinary: true, isBase64: true, payload: rest)
      }
      return EnginePacket(
        type: EnginePacketType(rawValue: bytes[digit] &- 0x30), isBinary: true, isBase64: true,
        payload: digit + 1..<rest.upperBound)
    }
  }

  private static func binaryPacket(
    _ bytes: UnsafeRawBufferPointer, in range: Range<Int>, version: EngineIOVersion
  ) -> EnginePacket {
    switch version {
    case .v4: return EnginePacket(type: .message, isBinary: true, isBase64: false, payload: range)
    case .v3:
      guard let first = range.first else {
        return EnginePacket(type: nil, isBinary: true, isBase64: false, payload: range)
      }
      return EnginePacket(
        type: EnginePacketType(rawValue: bytes[first]), isBinary: true, isBase64: false,
        payload: first + 1..<range.upperBound)
    }
  }
}
