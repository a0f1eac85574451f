#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif
import SocketReadiness

/// The server of a measurement: acknowledges every `echo` with its arguments, over WebSocket and polling.
///
/// One thread, one queue, no allocation for an answer, because it shares the machine with what is measured. It
/// serves loopback only, and speaks no more of Socket.IO than its load client does (PROTOCOL.md A.2 to A.4, B).
package final class EchoServer {
  /// Whether clients that offer permessage-deflate get their acks compressed.
  let compresses: Bool
  private var queue: ReadinessQueue
  private var connections: [Int32: EchoConnection] = [:]
  private var sessions: [String: PollingSession] = [:]
  private var order: [String] = []
  private var lastSession = 0
  private static let sessionsKept = 32_768
  private var withOutput: [EchoConnection] = []

  private init(compresses: Bool) throws(LoadFault) {
    self.compresses = compresses
    queue = try ReadinessQueue.forLoad()
  }

  /// Serves until `stop` becomes readable, as a pipe does whose writer is gone.
  ///
  /// - Parameters:
  ///   - port: 0 picks a free one.
  ///   - ready: called with the port once clients can connect.
  package static func run(
    port: UInt16, compresses: Bool, stop: Int32, ready: (_ port: UInt16) -> Void
  ) throws(LoadFault) {
    let (listener, bound) = try LoopbackSocket.listening(port: port)
    defer { close(listener) }
    let server = try EchoServer(compresses: compresses)
    try server.queue.watch(listener)
    try server.queue.watch(stop)
    ready(bound)
    server.serve(listener: listener, stop: stop)
  }

  private func serve(listener: Int32, stop: Int32) {
    let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
    defer {
      room.deallocate()
      for descriptor in connections.keys { close(descriptor) }
      connections = [:]
    }
    while true {
      queue.wait()
      for readiness in queue.ready {
        if readiness.descriptor == stop { return }
        if readiness.descriptor == listener {
          accept(from: listener)
        } else if let connection = connections[readiness.descriptor] {
          if readiness.isReadable, !read(connection, room) {
            finish(connection)
          } else {
            flush(connection)
          }
        }
      }
      while let connection = withOutput.popLast() { flush(connection) }
    }
  }

  private func accept(from listener: Int32) {
    while let descriptor = LoopbackSocket.accepted(from: listener) {
      guard (try? queue.watch(descriptor)) != nil else {
        close(descriptor)
        continue
      }
      connections[descriptor] = EchoConnection(descriptor: descriptor, server: self)
    }
  }

  private func read(_ connection: EchoConnection, _ room: UnsafeMutableRawBufferPointer) -> Bool {
    switch LoopbackSocket.read(connection.descriptor, into: room) {
    case .moved(let count):
      return connection.received(UnsafeMutableRawBufferPointer(rebasing: room[..<count]))
    case .wouldBlock: return true
    case .ended: return false
    }
  }

  private func flush(_ connection: EchoConnection) {
    guard connections[connection.descriptor] === connection else { return }
    guard connection.output.flush(to: connection.descriptor) else { return finish(connection) }
    let waits = connection.output.waiting > 0
    if waits != connection.waitsForRoom {
      connection.waitsForRoom = waits
      queue.change(connection.descriptor, writable: waits)
    }
  }

  private func finish(_ connection: EchoConnection) {
    _ = connection.output.flush(to: connection.descriptor)
    if let session = connection.session, session.waiting === connection { session.waiting = nil }
    connections[connection.descriptor] = nil
    close(connection.descriptor)
  }

  // MARK: for connections

  /// A connection other than the one being served has something to send.
  func hasOutput(_ connection: EchoConnection) { withOutput.append(connection) }

  /// A session id that was not given before.
  func makeSID() -> String {
    lastSession += 1
    let digits = String(lastSession)
    return "bench" + String(repeating: "0", count: max(0, 15 - digits.utf8.count)) + digits
  }

  /// A new polling session. It outlives its connections, which a proxy may close after each request; of those that
  /// were made `sessionsKept` sessions ago, none is left.
  func makeSession() -> PollingSession {
    let session = PollingSession(sid: makeSID())
    sessions[session.sid] = session
    order.append(session.sid)
    if order.count > 2 * Self.sessionsKept {
      for sid in order.prefix(Self.sessionsKept) { sessions[sid] = nil }
      order.removeFirst(Self.sessionsKept)
    }
    return session
  }

  /// The polling session of that id.
  func session(_ sid: String) -> PollingSession? { sessions[sid] }
}
