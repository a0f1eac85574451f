/// The Socket.IO protocol revision, which follows from the Engine.IO revision of the session (PROTOCOL.md, Pairing).
package enum SocketIORevision: UInt8, Sendable {
  /// Revisions 3 and 4, over Engine.IO 3.
  case four = 4
  /// Revision 5, over Engine.IO 4.
  case five = 5

  package init(_ version: EngineIOVersion) {
    self = version == .v3 ? .four : .five
  }
}

/// The type of a Socket.IO packet; the raw value is its digit on the wire (PROTOCOL.md B.1).
package enum SocketPacketType: UInt8, Sendable, CaseIterable {
  case connect = 0
  case disconnect, event, ack, connectError, binaryEvent, binaryAck

  /// The name that captures give as `socket`.
  package var name: StaticString {
    switch self {
    case .connect: "connect"
    case .disconnect: "disconnect"
    case .event: "event"
    case .ack: "ack"
    case .connectError: "connect_error"
    case .binaryEvent: "binary_event"
    case .binaryAck: "binary_ack"
    }
  }

  /// An event, with or without attachments.
  package var isEvent: Bool { self == .event || self == .binaryEvent }
  /// An ack, with or without attachments.
  package var isAck: Bool { self == .ack || self == .binaryAck }
  /// Whether binary messages follow the packet.
  package var hasAttachments: Bool { self == .binaryEvent || self == .binaryAck }
}

/// Which encoding a packet had on the wire.
package enum SocketPacketParser: UInt8, Sendable {
  /// The default parser: text, with attachments as binary messages (PROTOCOL.md B).
  case text
  /// One msgpack map in a binary message (PROTOCOL.md C.1).
  case msgpack
  /// One JSON object in a text message (PROTOCOL.md C.2).
  case json
  /// An encoding that is none of these: nothing can be said about its packets.
  case custom
}
