import JSONText
import NIOCore
import NIOHTTP1
import RecordedSessions
import SocketIOPackets
import SocketIOPeers

/// A client's Engine.IO session: handshake, upgrade, heartbeat, and Socket.IO packets both ways.
///
/// It does nothing of its own accord but answer heartbeats and poll. Confined to its event loop.
final class ReplayClient {
  /// Why a session ended that the client did not end itself.
  struct Ending {
    var manner: RecordedClose.Manner
    var code: Int?
    var reason: String?
    /// What happened, for people.
    var words = ""
  }

  /// How opening went.
  enum Opening {
    case opened
    case refused(status: Int, body: String)
    case failed(PeerConnectionError)
  }

  /// Packets in one POST: python's server drops bodies with more (PROTOCOL.md A.4).
  private static let packetsInBody = 16
  /// Bytes in one POST where the server names no limit.
  private static let bytesInBody = 100_000
  private let endpoint: ReplayEndpoint
  private let handshake: ClientHandshake
  private let version: EngineIOVersion
  private let loop: any EventLoop
  private let patience: TimeAmount

  private var reader: PeerPacketReader
  private var link: WebSocketLink?
  private var probe: WebSocketLink?
  private var polls: PollingRequests?
  private var posts: PollingRequests?
  private var queue: [OutgoingPacket] = []
  private var isPolling = false
  private var isPosting = false
  /// Set from the probe's answer on: nothing is sent before the WebSocket carries it.
  private var isPaused = false
  private var isLeaving = false
  private var hasEnded = false
  private var maximumBody = bytesInBody
  private var interval = TimeAmount.seconds(25)
  private var timeout = TimeAmount.seconds(20)
  private var heartbeat: Scheduled<Void>?
  private var deadline: Scheduled<Void>?
  private var opening: ((Opening) -> Void)?
  private var upgrading: ((String?) -> Void)?

  /// The session's id, once it is open.
  private(set) var sid = ""
  /// Called with each Socket.IO packet of the server.
  var stepArrived: ((ArrivedStep) -> Void)?
  /// Called once, when the session ends and `leave` was not called before.
  var ended: ((Ending) -> Void)?
  /// Called once, when everything is closed after `leave`.
  var left: (() -> Void)?
  /// Called when what was sent has been taken, after `isBusy` was true.
  var drained: (() -> Void)?

  /// - Parameter patience: how long a handshake or an upgrade may take.
  init(endpoint: ReplayEndpoint, handshake: ClientHandshake, patience: TimeAmount, loop: any EventLoop) {
    self.patience = patience
    self.endpoint = endpoint
    self.handshake = handshake
    self.loop = loop
    version = handshake.version == 3 ? .v3 : .v4
    reader = PeerPacketReader(version: version)
  }

  /// Bytes that may wait before a sender should wait too.
  private static let busyBytes = 1 << 20

  /// Whether the server is slow to take what was sent: a good client waits for `drained`.
  var isBusy: Bool { (link?.unsent ?? 0) > Self.busyBytes || queue.count > 256 }

  // MARK: opening

  /// Makes the handshake.
  func open(_ done: @escaping (Opening) -> Void) {
    opening = done
    startDeadline { [weak self] in
      self?.openingEnded(.failed(.noAnswer))
    }
    if handshake.startsPolling { openPolling() } else { openWebSocket() }
  }

  private func openWebSocket() {
    dial(sid: nil) { [self] link in
      self.link = link
      attach(link)
    } failed: { [weak self] error in
      switch error {
      case .upgradeRefused(let status, let body): self?.openingEnded(.refused(status: status, body: body))
      default: self?.openingEnded(.failed(error))
      }
    }
  }

  private func dial(
    sid: String?, prepare: @escaping (WebSocketLink) -> Void,
    opened: @escaping (WebSocketLink) -> Void = { _ in },
    failed: @escaping (PeerConnectionError) -> Void
  ) {
    WebSocketDialer.dial(
      host: endpoint.host, port: endpoint.port, hostField: endpoint.hostField,
      target: handshake.target("websocket", sid: sid), headers: handshake.webSocketHeaders,
      offer: handshake.compressionOffer, tls: endpoint.tls, loop: loop, prepare: prepare
    ).assumeIsolated().whenComplete { [weak self] result in
      switch result {
      case .success(let link):
        if self?.hasEnded ?? true { link.value.abort() } else { opened(link.value) }
      case .failure(let error): failed(error as? PeerConnectionError ?? .connectionEnded)
      }
    }
  }

  private func openPolling() {
    let polls = PollingRequests(endpoint: endpoint, loop: loop)
    let posts = PollingRequests(endpoint: endpoint, loop: loop)
    self.polls = polls
    self.posts = posts
    polls.open().and(posts.open()).assumeIsolated().whenComplete { [self] result in
      guard !hasEnded else { return }
      switch result {
      case .failure(let error):
        openingEnded(.failed(error as? PeerConnectionError ?? .connectionEnded))
      case .success: askForSession()
      }
    }
  }

  private func askForSession() {
    polls?.request(.GET, handshake.target("polling", sid: nil), headers: handshake.headers).assumeIsolated()
      .whenComplete { [self] result in
        switch result {
        case .success(let answer) where answer.status == 200: bodyArrived(answer)
        case .success(let answer):
          let body = String(decoding: answer.body.prefix(1024), as: UTF8.self)
          openingEnded(.refused(status: answer.status, body: body))
        case .failure(let error):
          openingEnded(.failed(error as? PeerConnectionError ?? .connectionEnded))
        }
      }
  }

  private func openingEnded(_ result: Opening) {
    guard let done = opening else { return }
    opening = nil
    deadline?.cancel()
    if case .opened = result {} else { abandon() }
    done(result)
  }

  private func opened(_ data: [UInt8]) {
    guard opening != nil, let handshake = try? JSONValue(parsing: data), let sid = handshake["sid"]?.string
    else {
      return
    }
    self.sid = sid
    if let value = handshake["pingInterval"]?.integer { interval = .milliseconds(Int64(value)) }
    if let value = handshake["pingTimeout"]?.integer { timeout = .milliseconds(Int64(value)) }
    if let value = handshake["maxPayload"]?.integer { maximumBody = min(value, Self.bytesInBody) }
    openingEnded(.opened)
    restartHeartbeat()
    poll()
  }

  private func startDeadline(_ late: @escaping () -> Void) {
    deadline?.cancel()
    deadline = loop.assumeIsolated().scheduleTask(in: patience, late)
  }

  // MARK: the WebSocket

  private func attach(_ link: WebSocketLink) {
    link.messageArrived = { [weak self] message in self?.messageArrived(message) }
    link.closed = { [weak self] closing in self?.linkClosed(closing) }
    link.drained = { [weak self] in self?.drained?() }
  }

  private func messageArrived(_ message: WebSocketMessage) {
    let arrival =
      switch message {
      case .text(let buffer):
        buffer.withUnsafeReadableBytes { reader.messageArrived($0, isText: true) }
      case .binary(let buffer):
        buffer.withUnsafeReadableBytes { reader.messageArrived($0, isText: false) }
      }
    if let arrival { arrived(arrival) }
  }

  private func linkClosed(_ closing: WebSocketClosing) {
    link = nil
    if opening != nil { return openingEnded(.failed(.connectionEnded)) }
    end(
      Ending(
        manner: closing.hadFrame ? .frame : .connection, code: closing.code,
        reason: closing.reason.isEmpty ? nil : closing.reason))
  }

  /// Moves from polling to a WebSocket (PROTOCOL.md A.7); `done` gets what went wrong, or nil.
  ///
  /// What is sent meanwhile goes by polling until the server has answered the probe, and then waits.
  func upgrade(_ done: @escaping (String?) -> Void) {
    guard link == nil, probe == nil, upgrading == nil, !hasEnded else {
      return done("the session is not polling")
    }
    upgrading = done
    startDeadline { [weak self] in self?.upgradeEnded("the server did not answer the probe") }
    dial(sid: sid) { [self] link in
      probe = link
      link.closed = { [weak self] _ in
        self?.upgradeEnded("the server closed the WebSocket instead of answering the probe")
      }
      link.messageArrived = { [weak self] message in
        guard case .text(let text) = message, text.readableBytesView.elementsEqual("3probe".utf8) else {
          return
        }
        self?.probeAnswered()
      }
    } opened: { [version] link in
      link.send([OutgoingPacket.text(.ping, "probe").message(version, wantsBase64: false)])
    } failed: { [weak self] error in
      self?.upgradeEnded("\(error)")
    }
  }

  private func probeAnswered() {
    isPaused = true
    finishUpgrade()
  }

  private func finishUpgrade() {
    guard isPaused, !isPolling, !isPosting, let link = probe else { return }
    probe = nil
    self.link = link
    closeConnections()
    attach(link)
    isPaused = false
    let held = queue
    queue = []
    sendMessages([.text(.upgrade, "")] + held)
    upgradeEnded(nil)
  }

  private func upgradeEnded(_ problem: String?) {
    guard let done = upgrading else { return }
    upgrading = nil
    deadline?.cancel()
    if problem != nil {
      probe?.closed = nil
      probe?.abort()
      probe = nil
      isPaused = false
      post()
      poll()
    }
    done(problem)
  }

  private func sendMessages(_ packets: [OutgoingPacket]) {
    link?.send(packets.map { $0.message(version, wantsBase64: handshake.wantsBase64) }, limit: .max)
  }

  // MARK: polling

  private func bodyArrived(_ answer: HTTPAnswer) {
    let arrivals = answer.body.withUnsafeBytes { reader.bodyArrived($0, contentType: answer.contentType) }
    for arrival in arrivals { arrived(arrival) }
  }

  private func poll() {
    guard let polls, !isPolling, !hasEnded, !isPaused, opening == nil else { return }
    isPolling = true
    polls.request(.GET, handshake.target("polling", sid: sid), headers: handshake.headers).assumeIsolated()
      .whenComplete { [self] result in
        isPolling = false
        guard !hasEnded else { return }
        switch result {
        case .success(let answer) where answer.status == 200:
          bodyArrived(answer)
          if isPaused { finishUpgrade() } else if isLeaving { finishLeaving() } else { poll() }
        case .success(let answer): requestRefused(answer)
        case .failure:
          if isLeaving { finishLeaving() } else { end(Ending(manner: .connection)) }
        }
      }
  }

  private func requestRefused(_ answer: HTTPAnswer) {
    if isLeaving { return finishLeaving() }
    let body = String(decoding: answer.body.prefix(200), as: UTF8.self)
    end(Ending(manner: .refusal, code: answer.status, reason: body))
  }

  private func post() {
    guard let posts, !isPosting, !queue.isEmpty, !hasEnded, !isPaused else { return }
    isPosting = true
    var count = 0
    var size = 0
    for packet in queue.prefix(Self.packetsInBody) {
      size += packet.size
      if count > 0, size > maximumBody { break }
      count += 1
    }
    let body = OutgoingPacket.body(Array(queue.prefix(count)), version)
    queue.removeFirst(count)
    posts.request(.POST, handshake.target("polling", sid: sid), headers: handshake.headers, body: body)
      .assumeIsolated().whenComplete { [self] result in
        isPosting = false
        guard !hasEnded else { return }
        switch result {
        case .success(let answer) where answer.status == 200:
          if isPaused { return finishUpgrade() }
          post()
          if queue.isEmpty {
            drained?()
            if isLeaving { finishLeaving() }
          }
        case .success(let answer): requestRefused(answer)
        case .failure:
          if isLeaving { finishLeaving() } else { end(Ending(manner: .connection)) }
        }
      }
  }

  private func closeConnections() {
    polls?.close()
    posts?.close()
    polls = nil
    posts = nil
  }

  // MARK: packets

  /// Sends packets, in order.
  func send(_ packets: [OutgoingPacket]) {
    guard !hasEnded, !isLeaving else { return }
    if link != nil { return sendMessages(packets) }
    queue += packets
    post()
  }

  private func arrived(_ arrival: PeerPacketReader.Arrival) {
    guard !hasEnded else { return }
    switch arrival {
    case .open(let data): opened(data)
    case .close: if !isLeaving { end(Ending(manner: .packet)) }
    case .ping(let data):
      if version == .v4 {
        send([.text(.pong, data)])
        restartHeartbeat()
      }
    case .pong: if version == .v3 { restartHeartbeat() }
    case .noop, .upgrade: break
    case .step(let step): stepArrived?(step)
    case .unreadable(let reason):
      end(Ending(manner: .connection, words: "the server sent what no client can read: \(reason)"))
    }
  }

  /// Revision 4: the server pings, and is silent too long without. Revision 3: the client pings.
  private func restartHeartbeat() {
    heartbeat?.cancel()
    guard !hasEnded else { return }
    switch version {
    case .v4:
      heartbeat = loop.assumeIsolated().scheduleTask(in: interval + timeout) { [weak self] in
        self?.end(Ending(manner: .connection, words: "the server sent no heartbeat"))
      }
    case .v3:
      heartbeat = loop.assumeIsolated().scheduleTask(in: interval) { [weak self] in
        guard let self, !self.hasEnded else { return }
        self.send([.text(.ping, "")])
        self.heartbeat = self.loop.assumeIsolated().scheduleTask(in: self.timeout) { [weak self] in
          self?.end(Ending(manner: .connection, words: "the server answered no heartbeat"))
        }
      }
    }
  }

  // MARK: ending

  /// Leaves, as a client left in the recording: with a close packet, a close frame, or by ending its connections.
  func leave(_ manner: RecordedClose.Manner, code: Int? = nil) {
    guard !hasEnded, !isLeaving else { return }
    switch manner {
    case .connection, .refusal: finishLeaving()
    case .packet:
      send([.text(.close, "")])
      isLeaving = true
      afterLeaving()
    case .frame:
      isLeaving = true
      if let link {
        link.close(code: code.flatMap { UInt16(exactly: $0) }.map { .init(codeNumber: Int($0)) })
        link.closed = { [weak self] _ in self?.finishLeaving() }
        afterLeaving()
      } else {
        // A polling client has no frames: it says goodbye in its own way.
        isLeaving = false
        leave(.packet)
      }
    }
  }

  /// A server that does not answer a goodbye is not waited for.
  private func afterLeaving() {
    if let link { link.closed = { [weak self] _ in self?.finishLeaving() } }
    heartbeat?.cancel()
    startDeadlineForLeaving()
  }

  private func startDeadlineForLeaving() {
    deadline?.cancel()
    deadline = loop.assumeIsolated().scheduleTask(in: .milliseconds(500)) { [weak self] in
      self?.finishLeaving(isLate: true)
    }
  }

  private func finishLeaving(isLate: Bool = false) {
    // A POST under way carries the goodbye.
    if isLeaving, polls != nil, !isLate, isPosting || !queue.isEmpty { return }
    abandon()
    let notify = left
    left = nil
    notify?()
  }

  private func end(_ ending: Ending) {
    guard !hasEnded else { return }
    if isLeaving { return finishLeaving() }
    let notify = ended
    abandon()
    notify?(ending)
  }

  /// Drops everything at once; nobody is told.
  func abandon() {
    hasEnded = true
    heartbeat?.cancel()
    deadline?.cancel()
    for each in [link, probe] {
      each?.closed = nil
      each?.messageArrived = nil
      each?.abort()
    }
    link = nil
    probe = nil
    closeConnections()
    queue = []
    if let done = upgrading {
      upgrading = nil
      done("the session ended before")
    }
    stepArrived = nil
    ended = nil
    drained = nil
  }
}

extension OutgoingPacket {
  /// About the bytes that the packet takes in a body.
  var size: Int {
    switch self {
    case .text(_, let text): text.utf8.count + 2
    case .binary(let bytes): bytes.count / 3 * 4 + 8
    }
  }
}
