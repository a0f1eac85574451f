/// The Engine.IO protocol revision, as the `EIO` query member says (PROTOCOL.md A.1).
package enum EngineIOVersion: UInt8, Sendable {
  case v3 = 3
  case v4 = 4
}

/// The type of an Engine.IO packet; the raw value is its digit on the wire (PROTOCOL.md A.2).
package enum EnginePacketType: UInt8, Sendable, CaseIterable {
  case open = 0
  case close, ping, pong, message, upgrade, noop

  /// The name that captures give as `engine`.
  package var name: StaticString {
    switch self {
    case .open: "open"
    case .close: "close"
    case .ping: "ping"
    case .pong: "pong"
    case .message: "message"
    case .upgrade: "upgrade"
    case .noop: "noop"
    }
  }
}

/// One Engine.IO packet: its type, and where its payload stands in the bytes it was decoded from.
package struct EnginePacket: Equatable, Sendable {
  /// Nil for the type that an Engine.IO 3 binary packet may leave undefined: receivers ignore such a packet.
  package var type: EnginePacketType?
  /// Whether the payload is binary data rather than text.
  package var isBinary: Bool
  /// Whether the payload is the base64 form of binary data: decode it with `Base64.decode`.
  package var isBase64: Bool
  /// The payload, without type digit, type byte or `b`.
  package var payload: Range<Int>

  package init(type: EnginePacketType?, isBinary: Bool, isBase64: Bool, payload: Range<Int>) {
    self.type = type
    self.isBinary = isBinary
    self.isBase64 = isBase64
    self.payload = payload
  }

  /// How many bytes the packet takes on the wire, its type digit, type byte or `b` included.
  package func wireBytes(_ version: EngineIOVersion) -> Int {
    switch (isBinary, isBase64, version) {
    case (false, _, _): payload.count + 1
    case (true, true, .v4): payload.count + 1
    case (true, true, .v3): payload.count + 2
    case (true, false, .v4): payload.count
    case (true, false, .v3): payload.count + 1
    }
  }
}
