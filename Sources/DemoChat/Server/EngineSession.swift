import NIOCore
import NIOHTTP1
import SocketIOPeers

/// One Engine.IO session on the server: transports, upgrade, heartbeat (PROTOCOL.md A.3 to A.8). Confined to the
/// server's event loop.
final class EngineSession {
  /// Why a session ends; decides what the client is told.
  enum Ending {
    /// The client closed it, or its connection is gone.
    case left
    /// The client broke the protocol: bare close frame, or `1` to the pending poll.
    case protocolError
    case pingTimeout
    /// The server stops.
    case shutdown
    /// As after a restart: the client is told nothing.
    case forgotten
    /// The client reads too slowly for what is sent to it.
    case overflow
  }

  private enum Transport {
    case polling
    case webSocket(WebSocketLink)
  }

  /// Packets that may wait for the next poll.
  static let maximumQueuedPackets = 4096

  let sid: String
  private unowned let server: EngineServer
  private var transport: Transport
  /// A WebSocket that is being tried while polling goes on.
  private var probing: WebSocketLink?
  private var pendingPoll: HTTPReply?
  private var queue: [EnginePacket] = []
  private var heartbeat: Scheduled<Void>?
  private var upgradeTimeout: Scheduled<Void>?
  private var timers: [Int: Scheduled<Void>] = [:]
  private var nextTimer = 0
  private var hasEnded = false
  /// Set once the client can send nothing more: what is still being worked on is answered, then the session ends.
  private var isFinishing = false
  private lazy var socket = SocketSession(engine: self, server: server)

  /// A session that starts by polling.
  init(sid: String, server: EngineServer) {
    self.sid = sid
    self.server = server
    transport = .polling
    scheduleHeartbeat()
  }

  /// A session that starts on a WebSocket.
  init(sid: String, server: EngineServer, link: WebSocketLink) {
    self.sid = sid
    self.server = server
    transport = .webSocket(link)
    attach(link)
    link.send([.open(handshake)])
    scheduleHeartbeat()
  }

  /// The open packet's data.
  var handshake: String {
    let limits = server.configuration
    let upgrades = if case .polling = transport { #"["websocket"]"# } else { "[]" }
    return #"{"sid":"\#(sid)","upgrades":\#(upgrades),"pingInterval":\#(limits.pingInterval.milliseconds),"#
      + #""pingTimeout":\#(limits.pingTimeout.milliseconds),"maxPayload":\#(limits.maximumPayload)}"#
  }

  // MARK: towards the client

  /// Sends packets over whatever transport the session is on now.
  func send(_ packets: [EnginePacket]) {
    guard !hasEnded else { return }
    switch transport {
    case .webSocket(let link): link.send(packets)
    case .polling:
      queue += packets
      if queue.count > Self.maximumQueuedPackets { return end(.overflow) }
      flushPoll()
    }
  }

  /// Runs `body` after a delay unless the session has ended by then.
  func after(_ delay: TimeAmount, _ body: @escaping () -> Void) {
    guard !hasEnded else { return }
    let number = nextTimer
    nextTimer += 1
    timers[number] = server.loop.assumeIsolated().scheduleTask(in: delay) { [weak self] in
      guard let self, !hasEnded else { return }
      timers[number] = nil
      body()
      if isFinishing && timers.isEmpty { end(.left) }
    }
  }

  private func flushPoll() {
    guard let poll = pendingPoll, !queue.isEmpty else { return }
    pendingPoll = nil
    let body = PollingPayload(packets: queue).text
    queue.removeAll()
    poll.send(.ok, "text/plain; charset=UTF-8", body)
  }

  // MARK: polling

  func pollArrived(_ reply: HTTPReply) {
    guard case .polling = transport else { return reply.refuse(.badRequest) }
    if pendingPoll != nil {
      // PROTOCOL.md A.4: the second poll gets 400, the first a close packet.
      reply.send(.badRequest, "text/html", "")
      return end(.protocolError)
    }
    pendingPoll = reply
    reply.abandoned = { [weak self] in self?.end(.left) }
    flushPoll()
  }

  func postArrived(_ body: ByteBuffer, _ reply: HTTPReply) {
    guard case .polling = transport else { return reply.refuse(.badRequest) }
    let payload = PollingPayload(parsing: body.readableBytesView)
    // The reference server answers `ok` whatever the body holds (PROTOCOL.md A.4).
    defer { reply.send(.ok, "text/html", "ok") }
    // As python-engineio does: a body with too many packets is dropped as a whole.
    guard payload.packets.count <= server.configuration.maximumPacketsPerBody else { return }
    for packet in payload.packets { packetArrived(packet) }
    if payload.isBroken { end(.protocolError) }
  }

  // MARK: WebSocket

  /// A WebSocket was opened for this session.
  func linkOpened(_ link: WebSocketLink) {
    guard case .polling = transport, probing == nil, !hasEnded else { return link.close() }
    probing = link
    link.packetsArrive { [weak self, unowned link] packet in self?.probeArrived(packet, on: link) }
    link.closed = { [weak self] _ in self?.abandonUpgrade() }
    upgradeTimeout = server.loop.assumeIsolated().scheduleTask(in: server.configuration.upgradeTimeout) {
      [weak self] in self?.abandonUpgrade()
    }
  }

  private func probeArrived(_ packet: EnginePacket?, on link: WebSocketLink) {
    switch packet {
    case .ping("probe"):
      link.send([.pong("probe")])
      // Frees the pending poll, so that the client can stop polling (PROTOCOL.md A.7).
      if pendingPoll != nil { send([.noop]) }
    case .upgrade:
      upgradeTimeout?.cancel()
      probing = nil
      transport = .webSocket(link)
      attach(link)
      let waiting = queue
      queue.removeAll()
      pendingPoll?.send(.ok, "text/plain; charset=UTF-8", "6")
      pendingPoll = nil
      link.send(waiting)
    default: abandonUpgrade()
    }
  }

  private func abandonUpgrade() {
    upgradeTimeout?.cancel()
    guard let link = probing else { return }
    probing = nil
    link.closed = nil
    link.close()
  }

  private func attach(_ link: WebSocketLink) {
    link.packetsArrive { [weak self] packet in
      guard let self else { return }
      if let packet { packetArrived(packet) } else { end(.protocolError) }
    }
    link.inputEnded = { [weak self] in self?.clientVanished() }
    link.closed = { [weak self] _ in self?.end(.left) }
  }

  /// The client's end of the TCP connection is shut without a close frame.
  private func clientVanished() {
    isFinishing = true
    heartbeat?.cancel()
    // Behind the events that were read together with it: they are handled a tick later, and may take their time.
    server.loop.assumeIsolated().execute { [weak self] in
      guard let self, timers.isEmpty else { return }
      end(.left)
    }
  }

  // MARK: packets

  private func packetArrived(_ packet: EnginePacket) {
    guard !hasEnded else { return }
    switch packet {
    case .message(let text): socket.textArrived(text)
    case .binary(let bytes): socket.binaryArrived(bytes)
    case .pong: scheduleHeartbeat()
    case .close: end(.left)
    case .upgrade, .noop: break
    // A client that sends `2` outside a probe, or `0`, breaks the protocol (PROTOCOL.md A.8).
    case .ping, .open: end(.protocolError)
    }
  }

  /// The next ping is due one interval after the last pong.
  private func scheduleHeartbeat() {
    guard !hasEnded else { return }
    heartbeat?.cancel()
    heartbeat = server.loop.assumeIsolated().scheduleTask(in: server.configuration.pingInterval) {
      [weak self] in
      guard let self, !hasEnded else { return }
      heartbeat = server.loop.assumeIsolated().scheduleTask(in: server.configuration.pingTimeout) {
        [weak self] in self?.end(.pingTimeout)
      }
      send([.ping("")])
    }
  }

  // MARK: ending

  /// Ends the session, once.
  func end(_ ending: Ending) {
    guard !hasEnded else { return }
    hasEnded = true
    heartbeat?.cancel()
    upgradeTimeout?.cancel()
    for timer in timers.values { timer.cancel() }
    timers.removeAll()
    server.sessionEnded(self)
    socket.ended()
    if let link = probing {
      link.closed = nil
      link.close()
    }
    switch transport {
    case .webSocket(let link):
      link.closed = nil
      switch ending {
      case .left where isFinishing: link.abort()
      case .overflow, .forgotten: link.abort()
      case .shutdown: link.close(code: .goingAway)
      default: link.close()
      }
    case .polling:
      // A forgotten session's poll stays open: the client learns of it from its next request. What is never
      // asked again ends with the connection's idle time.
      if ending != .forgotten {
        queue.append(ending == .left ? .noop : .close)
        flushPoll()
      }
      pendingPoll = nil
    }
  }
}

extension TimeAmount {
  /// Whole milliseconds, rounded down.
  var milliseconds: Int64 { nanoseconds / 1_000_000 }
}
