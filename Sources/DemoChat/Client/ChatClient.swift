import JSONText
import NIOCore

/// A Socket.IO client over real sockets. The caller closes it, whatever happened.
package final class ChatClient: Sendable {
  /// How a client reaches the server.
  package enum Transport: String, Sendable, CaseIterable {
    case webSocket, polling
    /// By polling first, then by WebSocket.
    case upgrade
  }

  /// In what a client differs from a well-behaved one.
  package struct Behaviour: Sendable {
    /// Events of the server that it has no listener for: it never acknowledges them.
    package var deafTo: Set<String> = []

    package init(deafTo: Set<String> = []) {
      self.deafTo = deafTo
    }
  }

  private let session: NIOLoopBound<ClientSession>
  private let loop: any EventLoop

  private init(session: NIOLoopBound<ClientSession>, loop: any EventLoop) {
    self.session = session
    self.loop = loop
  }

  /// Connects: TCP, Engine.IO handshake, upgrade where the transport has one. No namespace is joined yet.
  ///
  /// - Throws: `ChatClientError`.
  package static func connect(
    host: String, port: Int, group: any EventLoopGroup, transport: Transport,
    behaviour: Behaviour = Behaviour(),
    revision: Int = 4
  ) async throws -> ChatClient {
    let loop = group.any()
    let session = try await loop.submit {
      NIOLoopBound(ClientSession(host: host, port: port, loop: loop, behaviour: behaviour), eventLoop: loop)
    }.get()
    let client = ChatClient(session: session, loop: loop)
    do {
      try await loop.flatSubmit { session.value.open(transport, revision: revision) }.get()
    } catch {
      await client.vanish()
      throw error
    }
    return client
  }

  /// Joins a namespace; returns the client's Socket.IO id there.
  @discardableResult
  package func join(_ namespace: String = "/", auth: JSONValue? = nil) async throws -> String {
    try await loop.flatSubmit { self.session.value.join(namespace, auth: auth) }.get()
  }

  /// Sends emits back to back, then DISCONNECT if asked; returns without waiting for acks.
  ///
  /// - Returns: for each emit how it ends; all are completed when the session ends, at the latest.
  @discardableResult
  package func emit(_ emits: [ClientEmit], thenDisconnect: Bool = false) async throws
    -> [EventLoopFuture<EmitOutcome>]
  {
    try await loop.submit { self.session.value.emit(emits, thenDisconnect: thenDisconnect) }.get()
  }

  /// Waits until the server answered the POST requests that carry what was sent so far; on a WebSocket nothing has to
  /// be waited for.
  package func drained() async throws {
    try await loop.flatSubmit { self.session.value.drained() }.get()
  }

  /// Sends one emit and waits for its ack; throws `connectionEnded` where none comes before the session ends.
  package func request(_ emit: ClientEmit) async throws -> SocketIOMessage {
    let outcomes = try await self.emit([emit])
    guard case .acknowledged(let message) = try await outcomes[0].get() else {
      throw ChatClientError.connectionEnded
    }
    return message
  }

  /// The next event of that name, from those that came already or once it comes.
  package func nextEvent(named name: String) async throws -> SocketEvent {
    try await loop.flatSubmit { self.session.value.nextEvent(name) }.get()
  }

  /// Sends a Socket.IO packet as it is, sound or not.
  package func sendText(_ text: String) async throws {
    try await loop.submit { self.session.value.sendText(text) }.get()
  }

  /// Sends a WebSocket frame with a reserved opcode.
  package func sendReservedFrame() async throws {
    try await loop.submit { self.session.value.sendReservedFrame() }.get()
  }

  /// Tries the upgrade of a polling session and gives it up after the probe.
  package func abandonUpgrade() async throws {
    try await loop.flatSubmit { self.session.value.abandonUpgrade() }.get()
  }

  /// From now on pings go unanswered.
  package func freeze() async throws {
    try await loop.submit { self.session.value.freeze() }.get()
  }

  /// What the client counted so far.
  package func tally() async throws -> ClientTally {
    try await loop.submit { self.session.value.tally }.get()
  }

  /// Ends the session in order; returns when its connections are closed, after three seconds at the latest.
  package func close() async {
    try? await loop.flatSubmit { self.session.value.close() }.get()
  }

  /// Ends the connections without a word after a delay, unless that is cancelled.
  package func vanish(after delay: TimeAmount) -> Scheduled<Void> {
    loop.scheduleTask(in: delay) { _ = self.session.value.vanish() }
  }

  /// Ends the connections without a word.
  package func vanish() async {
    try? await loop.flatSubmit { self.session.value.vanish() }.get()
  }
}
