import JSONText
import NIOCore

/// The Socket.IO half of a session on the server: namespaces, acks, attachments. Confined to the server's loop.
final class SocketSession {
  private unowned let engine: EngineSession
  private let server: EngineServer
  private var reader = SocketIOReader()
  private var sockets: [String: ServerSocket] = [:]
  private var hasEnded = false

  init(engine: EngineSession, server: EngineServer) {
    self.engine = engine
    self.server = server
  }

  var counts: EventCounts { server.counts }

  /// The next ack id for events to clients: one counter for each namespace of the server, as the reference server
  /// counts (PROTOCOL.md B.5).
  func nextAckID(in namespace: String) -> Int { server.nextAckID(in: namespace) }

  func send(_ message: SocketIOMessage) { engine.send(message.enginePackets) }

  func after(_ delay: TimeAmount, _ body: @escaping () -> Void) { engine.after(delay, body) }

  func forget() { engine.end(.forgotten) }

  func textArrived(_ text: String) {
    handle { () throws(SocketIOFault) in try reader.textArrived(text) }
  }

  func binaryArrived(_ bytes: [UInt8]) {
    handle { () throws(SocketIOFault) in try reader.binaryArrived(bytes) }
  }

  /// The session is over, for every namespace.
  func ended() {
    hasEnded = true
    let left = sockets.values.sorted { $0.namespace < $1.namespace }
    sockets.removeAll()
    for socket in left {
      socket.left()
      server.application.socketLeft(socket)
    }
  }

  private func handle(_ read: () throws(SocketIOFault) -> SocketIOMessage?) {
    guard !hasEnded else { return }
    do throws(SocketIOFault) {
      if let message = try read() { messageArrived(message) }
    } catch {
      // The reference server closes the whole connection on a packet it cannot read (PROTOCOL.md B.1).
      engine.end(.protocolError)
    }
  }

  private func messageArrived(_ message: SocketIOMessage) {
    let namespace = message.packet.namespace
    switch message.packet.kind {
    case .connect: connectArrived(namespace, auth: message.packet.payload)
    case .connectError: engine.end(.protocolError)
    case .disconnect:
      guard let socket = sockets.removeValue(forKey: namespace) else { return engine.end(.protocolError) }
      socket.left()
      server.application.socketLeft(socket)
    case .event, .binaryEvent:
      // PROTOCOL.md B.3: a packet for a namespace that was not joined ends the whole connection.
      guard let socket = sockets[namespace], let event = SocketEvent(message) else {
        return engine.end(.protocolError)
      }
      server.counts.withEvent(event.name) { $0.arrived += 1 }
      // One tick later, as the reference server does: a DISCONNECT read together with the event overtakes it, and
      // the event is dropped (PROTOCOL.md B.10).
      server.loop.assumeIsolated().execute { [server] in
        guard socket.isJoined else { return }
        server.counts.withEvent(event.name) { $0.handled += 1 }
        server.application.eventArrived(event, on: socket)
      }
    case .ack, .binaryAck:
      guard let socket = sockets[namespace] else { return engine.end(.protocolError) }
      socket.ackArrived(message)
    }
  }

  private func connectArrived(_ namespace: String, auth: JSONValue?) {
    guard sockets[namespace] == nil else { return engine.end(.protocolError) }
    switch server.application.admission(to: namespace, auth: auth) {
    case .admitted:
      let socket = ServerSocket(sid: server.makeIdentifier(), namespace: namespace, session: self)
      sockets[namespace] = socket
      reply(.connect, namespace, [("sid", .string(socket.sid))])
      server.application.socketJoined(socket)
    case .refused(let message, let data):
      reply(.connectError, namespace, [("message", .string(message))] + (data.map { [("data", $0)] } ?? []))
    }
  }

  private func reply(
    _ kind: SocketIOText.Kind, _ namespace: String, _ members: [(name: String, value: JSONValue)]
  ) {
    send(SocketIOMessage(packet: SocketIOText(kind, namespace: namespace, payload: .object(members))))
  }
}
