import JSONText
import NIOCore
import NIOHTTP1
import SocketIOPeers

/// A client's Engine.IO session with Socket.IO on it: handshake, upgrade, heartbeat, namespaces, acks both ways.
/// Confined to one event loop; ``ChatClient`` lends it to tasks.
final class ClientSession {
  let loop: any EventLoop
  private let host: String
  private let port: Int
  private let behaviour: ChatClient.Behaviour

  private var link: WebSocketLink?
  private var polling: PollingLink?
  /// Packets that wait for the upgrade to finish.
  private var held: [EnginePacket] = []
  private var isUpgrading = false
  private var opening: EventLoopPromise<Void>?
  private var sid = ""
  private var reader = SocketIOReader()
  private var nextID: [String: Int] = [:]
  private var pending: [AckKey: (event: String, promise: EventLoopPromise<EmitOutcome>)] = [:]
  private var joining: [String: EventLoopPromise<String>] = [:]
  private var unclaimed: [SocketEvent] = []
  private var claims: [(name: String, promise: EventLoopPromise<SocketEvent>)] = []
  private var answersPings = true
  private var hasEnded = false
  private var closing: [EventLoopFuture<Void>] = []
  /// What this session saw.
  private(set) var tally = ClientTally()

  /// Most events kept for `nextEvent`; the oldest are dropped.
  static let maximumUnclaimed = 256

  init(host: String, port: Int, loop: any EventLoop, behaviour: ChatClient.Behaviour) {
    self.host = host
    self.port = port
    self.loop = loop
    self.behaviour = behaviour
  }

  // MARK: opening

  /// Makes the handshake, and the upgrade where the transport has one.
  func open(_ transport: ChatClient.Transport, revision: Int = 4) -> EventLoopFuture<Void> {
    let promise = loop.makePromise(of: Void.self)
    opening = promise
    endUnlessAnswered(promise.futureResult)
    switch transport {
    case .webSocket:
      dial(target("websocket", revision: revision), prepare: { [self] in attach($0) }, opened: { _ in })
    case .polling: openPolling(upgrading: false, revision: revision)
    case .upgrade: openPolling(upgrading: true, revision: revision)
    }
    return promise.futureResult
  }

  private func target(_ transport: String, revision: Int = 4) -> String {
    let target = "/socket.io/?EIO=\(revision)&transport=\(transport)"
    return sid.isEmpty ? target : target + "&sid=" + sid
  }

  private func dial(
    _ target: String, prepare: @escaping (WebSocketLink) -> Void, opened: @escaping (WebSocketLink) -> Void
  ) {
    WebSocketDialer.dial(host: host, port: port, target: target, loop: loop, prepare: prepare)
      .assumeIsolated()
      .whenComplete { [self] result in
        switch result {
        case .success(let link) where hasEnded: link.value.abort()
        case .success(let link): opened(link.value)
        case .failure(let error): end(error)
        }
      }
  }

  private func openPolling(upgrading: Bool, revision: Int) {
    let first = HTTPClientConnection.open(host: host, port: port, loop: loop)
    let second = HTTPClientConnection.open(host: host, port: port, loop: loop)
    first.and(second).assumeIsolated().whenComplete { [self] result in
      switch result {
      case .failure(let error):
        // Of two connections one may have come about.
        for attempt in [first, second] {
          attempt.assumeIsolated().whenSuccess { _ = $0.value.close() }
        }
        end(error)
      case .success(let (polls, posts)):
        handshake(polls.value, posts.value, upgrading: upgrading, revision: revision)
      }
    }
  }

  private func handshake(
    _ polls: HTTPClientConnection, _ posts: HTTPClientConnection, upgrading: Bool, revision: Int
  ) {
    isUpgrading = upgrading
    polls.request(.GET, target("polling", revision: revision)).assumeIsolated().whenComplete {
      [self] result in
      let answer = try? result.get()
      let packets = PollingPayload(parsing: answer?.body ?? []).packets
      guard !hasEnded, let answer, answer.status == 200, case .open(let text) = packets.first,
        let sid = (try? JSONValue(parsing: text))?["sid"]?.string
      else {
        closing += [polls.close(), posts.close()].compactMap { $0 }
        let refused = answer.map {
          ChatClientError.handshakeRefused(status: $0.status, body: String(decoding: $0.body, as: UTF8.self))
        }
        return end(refused ?? ChatClientError.connectionEnded)
      }
      self.sid = sid
      let polling = PollingLink(polls: polls, posts: posts, target: target("polling"))
      self.polling = polling
      polling.packetArrived = { [weak self] packet in self?.packetArrived(packet) }
      polling.ended = { [weak self] answer in
        self?.end(
          answer.map { .handshakeRefused(status: $0.status, body: String(decoding: $0.body, as: UTF8.self)) }
            ?? ChatClientError.connectionEnded)
      }
      for packet in packets.dropFirst() { packetArrived(packet) }
      polling.poll()
      if upgrading {
        dial(
          target("websocket"), prepare: { [self] in prepareProbe($0) }, opened: { $0.send([.ping("probe")]) })
      } else {
        opened()
      }
    }
  }

  /// Ends the session where a server accepts but never answers.
  private func endUnlessAnswered<Value>(_ answer: EventLoopFuture<Value>) {
    let deadline = loop.assumeIsolated().scheduleTask(in: .seconds(10)) { [weak self] in
      self?.end(ChatClientError.noAnswer)
    }
    answer.whenComplete { _ in deadline.cancel() }
  }

  private func attach(_ link: WebSocketLink) {
    self.link = link
    link.packetsArrive { [weak self] packet in self?.packetArrived(packet) }
    link.closed = { [weak self] _ in self?.end(ChatClientError.connectionEnded) }
  }

  private func opened() {
    opening?.succeed()
    opening = nil
  }

  /// The upgrade, from the probe to the last poll (PROTOCOL.md A.7).
  private func prepareProbe(_ link: WebSocketLink) {
    self.link = link
    link.closed = { [weak self] _ in self?.end(ChatClientError.connectionEnded) }
    link.packetsArrive { [weak self] packet in
      guard let self, packet == .pong("probe") else { return }
      polling?.pause { [weak self] in
        guard let self else { return }
        attach(link)
        closing += polling?.closeConnections() ?? []
        polling = nil
        isUpgrading = false
        link.send([.upgrade] + held)
        held.removeAll()
        opened()
      }
    }
  }

  /// Tries a WebSocket and gives it up after the probe; polling goes on. Completes when the WebSocket is gone.
  func abandonUpgrade() -> EventLoopFuture<Void> {
    let done = loop.makePromise(of: Void.self)
    WebSocketDialer.dial(host: host, port: port, target: target("websocket"), loop: loop) { link in
      link.closed = { _ in done.succeed() }
      link.packetsArrive { [unowned link] packet in
        if packet == .pong("probe") { link.close() }
      }
    }.assumeIsolated().whenComplete { result in
      switch result {
      case .success(let link):
        let link = link.value
        link.send([.ping("probe")])
        link.close(after: .seconds(10))
      case .failure(let error): done.fail(ChatClientError.translated(error))
      }
    }
    return done.futureResult
  }

  // MARK: what the application does

  /// Joins a namespace; yields the Socket.IO id.
  func join(_ namespace: String, auth: JSONValue?) -> EventLoopFuture<String> {
    guard !hasEnded, joining[namespace] == nil else {
      return loop.makeFailedFuture(ChatClientError.connectionEnded)
    }
    let promise = loop.makePromise(of: String.self)
    joining[namespace] = promise
    endUnlessAnswered(promise.futureResult)
    send([.message(SocketIOText(.connect, namespace: namespace, payload: auth).text)])
    return promise.futureResult
  }

  /// Sends emits in order, and with one write or in one body; then leaves the default namespace if asked.
  ///
  /// - Returns: for each emit how it ends; `.notAsked` at once where it wants no ack.
  func emit(_ emits: [ClientEmit], thenDisconnect: Bool = false) -> [EventLoopFuture<EmitOutcome>] {
    guard !hasEnded else {
      tally.notSent += emits.count
      return emits.map { _ in loop.makeSucceededFuture(.notSent) }
    }
    var packets: [EnginePacket] = []
    var outcomes: [EventLoopFuture<EmitOutcome>] = []
    for emit in emits {
      var id: Int?
      if emit.wantsAck {
        let next = nextID[emit.namespace, default: 0]
        nextID[emit.namespace] = next + 1
        id = next
        let promise = loop.makePromise(of: EmitOutcome.self)
        pending[AckKey(namespace: emit.namespace, id: next)] = (emit.event, promise)
        outcomes.append(promise.futureResult)
      } else {
        outcomes.append(loop.makeSucceededFuture(.notAsked))
      }
      let message = emit.message(id: id)
      tally.emitted(emit, text: message.packet.text)
      packets += message.enginePackets
    }
    if thenDisconnect { packets.append(.message(SocketIOText(.disconnect).text)) }
    send(packets)
    return outcomes
  }

  /// Completes once the server answered the requests that carry what was sent so far; at once on a WebSocket.
  func drained() -> EventLoopFuture<Void> {
    guard let polling else { return loop.makeSucceededVoidFuture() }
    let promise = loop.makePromise(of: Void.self)
    polling.whenDrained { promise.succeed() }
    return promise.futureResult
  }

  /// Sends text as it is, after the Engine.IO digit of a message.
  func sendText(_ text: String) { send([.message(text)]) }

  /// Sends a WebSocket frame that RFC 6455 forbids.
  func sendReservedFrame() { link?.sendReservedFrame() }

  /// From now on pings go unanswered.
  func freeze() { answersPings = false }

  private struct AckKey: Hashable {
    var namespace: String
    var id: Int
  }

  /// The next event of that name, from those that came already or once it comes.
  func nextEvent(_ name: String) -> EventLoopFuture<SocketEvent> {
    if let index = unclaimed.firstIndex(where: { $0.name == name }) {
      return loop.makeSucceededFuture(unclaimed.remove(at: index))
    }
    guard !hasEnded else { return loop.makeFailedFuture(ChatClientError.connectionEnded) }
    let promise = loop.makePromise(of: SocketEvent.self)
    claims.append((name, promise))
    return promise.futureResult
  }

  /// Ends the session as its transport does it; completes when all its connections are closed.
  func close() -> EventLoopFuture<Void> {
    if hasEnded { return allClosed() }
    let done = loop.makePromise(of: Void.self)
    whenEnded.append { [self] in allClosed().cascade(to: done) }
    let deadline = loop.assumeIsolated().scheduleTask(in: .seconds(3)) { [self] in
      end(ChatClientError.connectionEnded)
    }
    done.futureResult.whenComplete { _ in deadline.cancel() }
    if let link {
      link.close()
    } else if let polling {
      polling.close()
    } else {
      end(ChatClientError.connectionEnded)
    }
    return done.futureResult
  }

  /// Ends all connections without a word; completes when they are closed.
  func vanish() -> EventLoopFuture<Void> {
    end(ChatClientError.connectionEnded)
    return allClosed()
  }

  private var whenEnded: [() -> Void] = []

  private func allClosed() -> EventLoopFuture<Void> {
    EventLoopFuture.andAllComplete(closing, on: loop)
  }

  // MARK: packets

  private func send(_ packets: [EnginePacket]) {
    if let polling {
      polling.send(packets)
    } else if let link {
      link.send(packets)
    }
  }

  private func packetArrived(_ packet: EnginePacket?) {
    guard !hasEnded else { return }
    switch packet {
    case .open(let text):
      sid = (try? JSONValue(parsing: text))?["sid"]?.string ?? ""
      opened()
    case .ping: if answersPings { send([.pong("")]) }
    case .close: end(ChatClientError.connectionEnded)
    case .message(let text): handle { () throws(SocketIOFault) in try reader.textArrived(text) }
    case .binary(let bytes): handle { () throws(SocketIOFault) in try reader.binaryArrived(bytes) }
    case .pong, .upgrade, .noop: break
    case nil: end(ChatClientError.connectionEnded)
    }
  }

  private func handle(_ read: () throws(SocketIOFault) -> SocketIOMessage?) {
    do throws(SocketIOFault) {
      if let message = try read() { messageArrived(message) }
    } catch {
      end(ChatClientError.connectionEnded)
    }
  }

  private func messageArrived(_ message: SocketIOMessage) {
    let namespace = message.packet.namespace
    switch message.packet.kind {
    case .connect:
      joining.removeValue(forKey: namespace)?.succeed(message.packet.payload?["sid"]?.string ?? "")
    case .connectError:
      let text = message.packet.payload?["message"]?.string ?? message.packet.payload?.string ?? ""
      joining.removeValue(forKey: namespace)?.fail(
        ChatClientError.namespaceRefused(namespace: namespace, message: text))
    case .disconnect: break
    case .event, .binaryEvent: eventArrived(message)
    case .ack, .binaryAck:
      guard let id = message.packet.id,
        let emit = pending.removeValue(forKey: AckKey(namespace: namespace, id: id))
      else { return }
      tally.acknowledged(emit.event)
      emit.promise.succeed(.acknowledged(message))
    }
  }

  private func eventArrived(_ message: SocketIOMessage) {
    guard let event = SocketEvent(message) else { return }
    tally.received(event.name)
    if let id = event.ackID, !behaviour.deafTo.contains(event.name) {
      tally.answered(event.name)
      let ack = SocketIOText(
        .ack, namespace: message.packet.namespace, id: id,
        payload: .array([.object([("here", .boolean(true))])]))
      send([.message(ack.text)])
    }
    if let index = claims.firstIndex(where: { $0.name == event.name }) {
      claims.remove(at: index).promise.succeed(event)
    } else {
      if unclaimed.count == Self.maximumUnclaimed { unclaimed.removeFirst() }
      unclaimed.append(event)
    }
  }

  // MARK: ending

  private func end(_ error: any Error) {
    guard !hasEnded else { return }
    hasEnded = true
    closing += polling?.closeConnections() ?? []
    if let link {
      if let closed = link.channelClosed { closing.append(closed) }
      link.closed = nil
      link.abort()
    }
    polling = nil
    link = nil
    opening?.fail(ChatClientError.translated(error))
    opening = nil
    for promise in joining.values { promise.fail(ChatClientError.connectionEnded) }
    joining.removeAll()
    for emit in pending.values { emit.promise.succeed(.connectionEnded) }
    pending.removeAll()
    for claim in claims { claim.promise.fail(ChatClientError.connectionEnded) }
    claims.removeAll()
    let notify = whenEnded
    whenEnded = []
    for done in notify { done() }
  }
}
