import JSONText

/// An emit as its receiver sees it.
package struct SocketEvent: Sendable, Equatable {
  package var name: String
  package var arguments: [JSONValue]
  package var attachments: [[UInt8]]
  /// Present where the emitting peer waits for an ack.
  package var ackID: Int?

  /// Reads an EVENT or BINARY_EVENT packet; nil for another kind.
  init?(_ message: SocketIOMessage) {
    guard message.packet.kind == .event || message.packet.kind == .binaryEvent,
      case .array(let elements) = message.packet.payload, let first = elements.first
    else { return nil }
    name = first.string ?? first.text
    arguments = Array(elements.dropFirst())
    attachments = message.attachments
    ackID = message.packet.id
  }
}
