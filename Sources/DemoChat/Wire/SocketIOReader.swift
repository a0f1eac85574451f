/// A Socket.IO packet with the attachments that came behind it.
package struct SocketIOMessage: Sendable, Equatable {
  package var packet: SocketIOText
  package var attachments: [[UInt8]] = []

  /// The Engine.IO packets that carry it, in order.
  package var enginePackets: [EnginePacket] {
    [.message(packet.text)] + attachments.map { .binary($0) }
  }
}

/// Why a peer's Socket.IO packets can no longer be followed.
package enum SocketIOFault: Error, Sendable, Equatable {
  /// The text is no packet that the reference parser accepts.
  case malformedPacket
  /// Text came while attachments were due, or an attachment while none was.
  case brokenAttachments
}

/// Joins Socket.IO packets and their attachments, one reader for each direction of a session: attachments may
/// be spread over polling bodies and over the upgrade (PROTOCOL.md B.2).
package struct SocketIOReader: Sendable {
  private var pending: SocketIOMessage?

  package init() {}

  /// Text of a message packet arrived; returns the packet once it is complete.
  package mutating func textArrived(_ text: String) throws(SocketIOFault) -> SocketIOMessage? {
    guard pending == nil else { throw .brokenAttachments }
    guard let packet = SocketIOText(parsing: text) else { throw .malformedPacket }
    return complete(SocketIOMessage(packet: packet))
  }

  /// An attachment arrived; returns the packet it completes, if it does.
  package mutating func binaryArrived(_ bytes: [UInt8]) throws(SocketIOFault) -> SocketIOMessage? {
    guard var message = pending else { throw .brokenAttachments }
    message.attachments.append(bytes)
    return complete(message)
  }

  private mutating func complete(_ message: SocketIOMessage) -> SocketIOMessage? {
    let isComplete = message.attachments.count >= message.packet.attachmentCount
    pending = isComplete ? nil : message
    return isComplete ? message : nil
  }
}
