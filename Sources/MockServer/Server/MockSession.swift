import JSONText
import NIOCore
import NIOHTTP1
import NIOWebSocket
import RecordedSessions
import SocketIOPackets
import SocketIOPeers

/// One client of the mock: Engine.IO 3 or 4 in both transports with upgrade and heartbeat (PROTOCOL.md A.3 to A.8), and the
/// Socket.IO packets that the script has it send. Confined to the engine's event loop.
final class MockSession {
  /// Why a session ends; decides what the client is told.
  enum Ending {
    /// The client closed it, or its connection is gone.
    case left
    case protocolError
    case silent
    case shutdown
    /// As in the recording.
    case recorded(RecordedClose)
  }

  let sid: String
  let client: Int
  private let version: EngineIOVersion
  private let wantsBase64: Bool
  private unowned let engine: MockEngine
  private var reader: PeerPacketReader
  private var link: WebSocketLink?
  private var probing: WebSocketLink?
  /// The probe was answered: the client waits for its poll to end before it moves.
  private var isProbed = false
  private var pendingPoll: PendingPoll?
  private var queue: [OutgoingPacket] = []
  private var heartbeat: Scheduled<Void>?
  private var hasEnded = false

  private var namespaces: Set<String> = []
  private var nextAckID = 0
  /// Events that the client may answer: the recorded emit, by namespace and ack id.
  private var asked: [AckKey: StepPlace] = [:]
  /// What is to be done, in the order in which it is due.
  private var due: [(at: NIODeadline, action: MockAction)] = []
  private var timer: Scheduled<Void>?

  private struct AckKey: Hashable {
    var namespace: String
    var id: String
  }

  /// A request whose answer waits for packets.
  struct PendingPoll {
    var reply: HTTPReply
    /// The callback of a JSONP client.
    var callback: String?
    var fields: [(String, String)]

    /// Answers with packets.
    func send(_ packets: [OutgoingPacket], _ version: EngineIOVersion) {
      var body = String(buffer: OutgoingPacket.body(packets, version))
      if let callback {
        var sink = ByteSink(capacity: body.utf8.count + 64)
        body.withUTF8 {
          JSONP.wrapResponse(UnsafeRawBufferPointer($0), index: callback, into: &sink)
        }
        body = String(decoding: sink.bytes, as: UTF8.self)
      }
      reply.send(.ok, "text/plain; charset=UTF-8", body, fields: fields, closes: true)
    }
  }

  /// Packets that may wait for the next poll.
  private static let maximumQueue = 65_536

  init(sid: String, client: Int, request: MockRequest, engine: MockEngine) {
    self.sid = sid
    self.client = client
    self.engine = engine
    version = request.handshake.eio == 3 ? .v3 : .v4
    wantsBase64 = request.wantsBase64
    reader = PeerPacketReader(version: version)
  }

  // MARK: opening

  /// Sends the open packet: over the link, or into the answer of the first poll.
  func open(_ link: WebSocketLink?) {
    let limits = engine.options
    let upgrades = link == nil ? #"["websocket"]"# : "[]"
    let handshake =
      #"{"sid":"\#(sid)","upgrades":\#(upgrades),"pingInterval":\#(limits.pingInterval),"#
      + #""pingTimeout":\#(limits.pingTimeout),"maxPayload":\#(limits.maximumPayload)}"#
    if let link { attach(link) }
    send([.text(.open, handshake)])
    if version == .v3 {
      // PROTOCOL.md B.3: the default namespace is connected by the server.
      namespaces.insert("/")
      send(SocketPacketWriter.packets(.connect, namespace: "/", payload: nil))
    }
    restartHeartbeat()
  }

  private func restartHeartbeat() {
    heartbeat?.cancel()
    guard !hasEnded else { return }
    let interval = TimeAmount.milliseconds(engine.options.pingInterval)
    let timeout = TimeAmount.milliseconds(engine.options.pingTimeout)
    let first = version == .v4 ? interval : interval + timeout
    heartbeat = engine.loop.assumeIsolated().scheduleTask(in: first) { [weak self] in
      guard let self, !hasEnded else { return }
      // Revision 3: it is the client that pings, and has not.
      guard version == .v4 else { return end(.silent) }
      heartbeat = engine.loop.assumeIsolated().scheduleTask(in: timeout) { [weak self] in self?.end(.silent) }
      send([.text(.ping, "")])
    }
  }

  // MARK: towards the client

  private func send(_ packets: [OutgoingPacket]) {
    guard !hasEnded else { return }
    if let link {
      link.send(
        packets.map { $0.message(version, wantsBase64: wantsBase64) }, limit: engine.options.maximumPayload)
    } else {
      queue += packets
      if queue.count > Self.maximumQueue { return end(.protocolError) }
      flushPoll()
    }
  }

  private func flushPoll() {
    guard let poll = pendingPoll, !queue.isEmpty else { return }
    pendingPoll = nil
    let packets = queue
    queue.removeAll()
    poll.send(packets, version)
  }

  // MARK: polling

  func pollArrived(_ poll: PendingPoll) {
    guard link == nil else {
      return poll.reply.send(.badRequest, "application/json", Self.badRequest, fields: poll.fields)
    }
    if pendingPoll != nil {
      // PROTOCOL.md A.4: the second poll gets 400, the first a close packet.
      poll.reply.send(.badRequest, "text/html", "", fields: poll.fields)
      return end(.protocolError)
    }
    pendingPoll = poll
    poll.reply.abandoned = { [weak self] in self?.pollAbandoned() }
    flushPoll()
    if isProbed { freePoll() }
  }

  /// Lets the client stop polling; a moment later, so that one which polls on meanwhile does not do so without a pause
  /// (PROTOCOL.md A.7).
  private func freePoll() {
    _ = engine.loop.assumeIsolated().scheduleTask(in: .milliseconds(50)) { [weak self] in
      guard let self, probing != nil, pendingPoll != nil else { return }
      send([.text(.noop, "")])
    }
  }

  /// The connection of a waiting poll is gone: the client may still be on its way to a WebSocket.
  private func pollAbandoned() {
    pendingPoll = nil
    if probing == nil, link == nil { end(.left) }
  }

  /// - Parameter isForm: whether the body is a form, as JSONP clients send it.
  func postArrived(
    _ body: ByteBuffer, contentType: String?, isForm: Bool, _ reply: HTTPReply, fields: [(String, String)]
  ) {
    guard link == nil else {
      return reply.send(.badRequest, "application/json", Self.badRequest, fields: fields)
    }
    let arrivals = body.withUnsafeReadableBytes { bytes in
      guard isForm else { return reader.bodyArrived(bytes, contentType: contentType) }
      var payload = ByteSink(capacity: bytes.count)
      do throws(PacketRefusal) {
        try JSONP.unwrapRequest(bytes, into: &payload)
      } catch {
        return [.unreadable("\(error.reason)")]
      }
      return reader.bodyArrived(payload.bytes, contentType: nil)
    }
    reply.send(.ok, "text/html", "ok", fields: fields, closes: true)
    for arrival in arrivals { arrived(arrival) }
  }

  private static let badRequest = #"{"code":3,"message":"Bad request"}"#

  // MARK: WebSocket

  /// A WebSocket was opened for this session (PROTOCOL.md A.7).
  func linkOpened(_ link: WebSocketLink) {
    guard self.link == nil, probing == nil, !hasEnded else { return link.close() }
    probing = link
    link.messageArrived = { [weak self, unowned link] message in self?.probeArrived(message, on: link) }
    link.closed = { [weak self] _ in
      self?.probing = nil
      self?.isProbed = false
      if self?.link == nil, self?.pendingPoll == nil { self?.flushPoll() }
    }
  }

  private func probeArrived(_ message: WebSocketMessage, on link: WebSocketLink) {
    guard case .text(let text) = message else { return abandonProbe(link) }
    if text.readableBytesView.elementsEqual("2probe".utf8) {
      link.send([.text(ByteBuffer(string: "3probe"))])
      isProbed = true
      if pendingPoll != nil { send([.text(.noop, "")]) }
    } else if text.readableBytesView.elementsEqual("5".utf8) {
      probing = nil
      isProbed = false
      let waiting = queue
      queue = []
      pendingPoll?.reply.abandoned = nil
      pendingPoll?.send([.text(.noop, "")], version)
      pendingPoll = nil
      attach(link)
      send(waiting)
      engine.follow { $0.upgraded(client) }
    } else {
      abandonProbe(link)
    }
  }

  private func abandonProbe(_ link: WebSocketLink) {
    probing = nil
    isProbed = false
    link.closed = nil
    link.close()
  }

  private func attach(_ link: WebSocketLink) {
    self.link = link
    link.messageArrived = { [weak self] message in
      guard let self else { return }
      let arrival =
        switch message {
        case .text(let bytes):
          bytes.withUnsafeReadableBytes { self.reader.messageArrived($0, isText: true) }
        case .binary(let bytes):
          bytes.withUnsafeReadableBytes { self.reader.messageArrived($0, isText: false) }
        }
      if let arrival { arrived(arrival) }
    }
    link.closed = { [weak self] _ in self?.end(.left) }
  }

  // MARK: packets

  private func arrived(_ arrival: PeerPacketReader.Arrival) {
    guard !hasEnded else { return }
    switch arrival {
    case .step(let step): stepArrived(step)
    case .ping(let data):
      // PROTOCOL.md A.8: on revision 4 only the server pings.
      guard version == .v3 else { return end(.protocolError) }
      restartHeartbeat()
      send([.text(.pong, data)])
    case .pong: restartHeartbeat()
    case .close: end(.left)
    case .upgrade, .noop: break
    case .open, .unreadable: end(.protocolError)
    }
  }

  private func stepArrived(_ step: ArrivedStep) {
    let namespace = step.namespace
    switch step.kind {
    case .connect(let payload):
      guard !namespaces.contains(namespace) else { return version == .v4 ? end(.protocolError) : () }
      engine.follow { $0.connectArrived(client, namespace, payload) }
    case .disconnect:
      namespaces.remove(namespace)
      asked = asked.filter { $0.key.namespace != namespace }
      engine.follow { $0.disconnectArrived(client, namespace) }
    case .emit(let emit):
      // PROTOCOL.md B.3: revision 5 closes the connection, revision 4 ignores the packet.
      guard namespaces.contains(namespace) else { return version == .v4 ? end(.protocolError) : () }
      engine.follow { $0.emitArrived(client, namespace, emit) }
    case .ack(let ack):
      guard let place = asked.removeValue(forKey: AckKey(namespace: namespace, id: ack.id)) else { return }
      engine.follow { $0.ackArrived(client, of: place, ack.payload) }
    case .connectError, .upgrade: end(.protocolError)
    }
  }

  // MARK: what the script says

  /// Does something after a while; what is due at one moment, in the order of the calls.
  func take(_ action: MockAction, after delay: TimeAmount) {
    guard !hasEnded else { return }
    let deadline = engine.loop.now + delay
    if delay <= .nanoseconds(0), due.isEmpty { return carryOut(action) }
    let place = due.lastIndex { $0.at <= deadline }.map { $0 + 1 } ?? 0
    due.insert((deadline, action), at: place)
    if place == 0 { startTimer() }
  }

  private func startTimer() {
    timer?.cancel()
    guard let first = due.first, !hasEnded else { return }
    timer = engine.loop.assumeIsolated().scheduleTask(deadline: first.at) { [weak self] in self?.timePassed()
    }
  }

  private func timePassed() {
    while !hasEnded, let first = due.first, first.at <= engine.loop.now {
      due.removeFirst()
      carryOut(first.action)
    }
    startTimer()
  }

  private func carryOut(_ action: MockAction) {
    let namespace = action.namespace
    switch action.what {
    case .connect:
      guard namespaces.insert(namespace).inserted else { return }
      let payload = version == .v4 ? JSONValue.object([("sid", .string(MockEngine.makeIdentifier()))]) : nil
      send(packets(.connect, namespace: namespace, payload: payload))
    case .refuse(let payload):
      send(
        packets(
          .connectError, namespace: namespace, payload: payload.map { engine.script.payload(for: $0) }))
    case .disconnect:
      guard namespaces.remove(namespace) != nil else { return }
      send(packets(.disconnect, namespace: namespace, payload: nil))
    case .emit(let emit, let place):
      guard namespaces.contains(namespace) else { return }
      var id: Int?
      if emit.id != nil {
        id = nextAckID
        asked[AckKey(namespace: namespace, id: "\(nextAckID)")] = place
        nextAckID += 1
      }
      var elements: [JSONValue] = [emit.eventIsNumber ? .number(emit.event) : .string(emit.event)]
      elements += engine.script.payload(for: emit.payload).array ?? []
      send(
        packets(
          .event, namespace: namespace, id: id, payload: .array(elements),
          attachments: emit.payload.attachments.map { $0 ?? [] }))
    case .ack(let id, let payload):
      // Also behind a disconnect: the recorded server sent it.
      guard let number = Int(id) else { return }
      send(
        packets(
          .ack, namespace: namespace, id: number, payload: engine.script.payload(for: payload),
          attachments: payload.attachments.map { $0 ?? [] }))
    case .close(let close): end(.recorded(close))
    }
  }

  /// A Socket.IO packet in the client's own encoding.
  private func packets(
    _ type: SocketPacketType, namespace: String, id: Int? = nil, payload: JSONValue?,
    attachments: [[UInt8]] = []
  ) -> [OutgoingPacket] {
    if reader.usesMsgpack {
      return [
        MsgpackPacketWriter.packet(
          type, namespace: namespace, id: id, payload: payload, attachments: attachments)
      ]
    }
    return SocketPacketWriter.packets(
      type, namespace: namespace, id: id, payload: payload, attachments: attachments)
  }

  // MARK: ending

  /// Ends the session, once.
  func end(_ ending: Ending) {
    guard !hasEnded else { return }
    hasEnded = true
    heartbeat?.cancel()
    timer?.cancel()
    due = []
    engine.sessionEnded(self)
    if let probe = probing { abandonProbe(probe) }
    if let link { close(link, ending) } else { closePolling(ending) }
    pendingPoll = nil
  }

  private func close(_ link: WebSocketLink, _ ending: Ending) {
    link.closed = nil
    switch ending {
    case .left, .protocolError, .silent: link.close()
    case .shutdown: link.close(code: .goingAway)
    case .recorded(let close):
      switch close.manner {
      case .packet:
        link.send([OutgoingPacket.text(.close, "").message(version, wantsBase64: wantsBase64)])
        link.close()
      case .frame: link.close(code: close.code.flatMap { WebSocketErrorCode(codeNumber: $0) })
      case .connection, .refusal: link.abort()
      }
    }
  }

  private func closePolling(_ ending: Ending) {
    var packet = OutgoingPacket.text(.close, "")
    if case .left = ending { packet = .text(.noop, "") }
    // A session that was refused in the recording is forgotten: the next request learns of it.
    if case .recorded(let close) = ending, close.manner == .refusal { packet = .text(.noop, "") }
    guard let poll = pendingPoll else { return }
    poll.reply.abandoned = nil
    poll.send([packet], version)
  }
}
