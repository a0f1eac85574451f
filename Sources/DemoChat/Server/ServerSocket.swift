import JSONText
import NIOCore

/// One client on one namespace, as the server's application sees it. Confined to the server's event loop.
final class ServerSocket {
  /// The Socket.IO id of this client on this namespace; not the session's (PROTOCOL.md B.3).
  let sid: String
  let namespace: String
  private unowned let session: SocketSession
  /// False once the client left the namespace or its session ended.
  private(set) var isJoined = true
  private var pendingAcks: [Int: (SocketIOMessage) -> Void] = [:]

  init(sid: String, namespace: String, session: SocketSession) {
    self.sid = sid
    self.namespace = namespace
    self.session = session
  }

  /// Sends an event. With `answered`, asks for an ack and calls it once, if the client acknowledges.
  func emit(
    _ event: String, _ arguments: [JSONValue], attachments: [[UInt8]] = [],
    answered: ((SocketIOMessage) -> Void)? = nil
  ) {
    guard isJoined else { return }
    var id: Int?
    if let answered {
      let next = session.nextAckID(in: namespace)
      id = next
      pendingAcks[next] = answered
    }
    let packet = SocketIOText(
      attachments.isEmpty ? .event : .binaryEvent, namespace: namespace, id: id,
      payload: .array([.string(event)] + arguments), attachmentCount: attachments.count)
    session.send(SocketIOMessage(packet: packet, attachments: attachments))
    session.counts.withEvent(event) { $0.emitted += 1 }
  }

  /// Answers an event; does nothing where no ack was asked for or nobody is left to get it.
  func acknowledge(_ event: SocketEvent, _ arguments: [JSONValue], attachments: [[UInt8]] = []) {
    guard isJoined, let id = event.ackID else { return }
    let packet = SocketIOText(
      attachments.isEmpty ? .ack : .binaryAck, namespace: namespace, id: id, payload: .array(arguments),
      attachmentCount: attachments.count)
    session.send(SocketIOMessage(packet: packet, attachments: attachments))
    session.counts.withEvent(event.name) { $0.acksSent += 1 }
  }

  /// Runs `body` after a delay, unless the client has left by then.
  func after(_ delay: TimeAmount, _ body: @escaping () -> Void) {
    session.after(delay) { [weak self] in
      if self?.isJoined == true { body() }
    }
  }

  /// Ends the whole session without a word, as a server does that was restarted: later requests of the client
  /// meet `Session ID unknown`.
  func forgetSession() { session.forget() }

  func ackArrived(_ message: SocketIOMessage) {
    // An ack for an id that was never asked for, or a second one, is ignored (PROTOCOL.md B.5).
    guard let id = message.packet.id, let answered = pendingAcks.removeValue(forKey: id) else { return }
    answered(message)
  }

  func left() {
    isJoined = false
    pendingAcks.removeAll()
  }
}
