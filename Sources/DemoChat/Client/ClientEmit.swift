import JSONText

/// An emit that a client is to send.
package struct ClientEmit: Sendable, Equatable {
  package var event: String
  package var arguments: [JSONValue]
  package var attachments: [[UInt8]]
  package var namespace: String
  package var wantsAck: Bool

  package init(
    _ event: String, _ arguments: [JSONValue] = [], attachments: [[UInt8]] = [], namespace: String = "/",
    wantsAck: Bool = true
  ) {
    self.event = event
    self.arguments = arguments
    self.attachments = attachments
    self.namespace = namespace
    self.wantsAck = wantsAck
  }

  func message(id: Int?) -> SocketIOMessage {
    let packet = SocketIOText(
      attachments.isEmpty ? .event : .binaryEvent, namespace: namespace, id: id,
      payload: .array([.string(event)] + arguments), attachmentCount: attachments.count)
    return SocketIOMessage(packet: packet, attachments: attachments)
  }
}
