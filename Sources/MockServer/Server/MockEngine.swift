import NIOCore
import NIOHTTP1
import RecordedSessions
import SocketIOPeers

/// All sessions of a mock and the script they follow; lives on one event loop.
final class MockEngine {
  let loop: any EventLoop
  let options: MockOptions
  private(set) var script: MockScript
  private let complain: (String) -> Void
  private var sessions: [String: MockSession] = [:]
  private var clients: [Int: MockSession] = [:]
  private var channels: [ObjectIdentifier: any Channel] = [:]
  private var isStopping = false

  /// Most sessions and TCP connections at once.
  private static let maximumSessions = 4096
  private static let maximumConnections = 16_384

  init(
    recording: Recording, options: MockOptions, loop: any EventLoop, complain: @escaping (String) -> Void
  ) {
    self.loop = loop
    self.options = options
    self.complain = complain
    script = MockScript(recording, loops: options.loops, isStrict: options.isStrict)
  }

  // MARK: sessions

  func session(_ sid: String) -> MockSession? { sessions[sid] }

  /// Why a request for a new session is refused, or nil.
  func refusal(of request: MockRequest) -> MockRefusal? {
    if isStopping || sessions.count >= Self.maximumSessions {
      return MockRefusal(status: 503, message: "too many sessions")
    }
    return script.refusal(of: request.handshake)
  }

  func refusalGiven(to request: MockRequest, _ refusal: MockRefusal) {
    script.refusalGiven(to: request.handshake)
    if let complaint = refusal.complaint { complain(complaint) }
  }

  /// Opens a session, by polling where there is no link.
  func open(_ request: MockRequest, link: WebSocketLink? = nil) -> MockSession {
    let (client, response) = script.sessionOpened(request.handshake)
    let session = MockSession(sid: Self.makeIdentifier(), client: client, request: request, engine: self)
    sessions[session.sid] = session
    clients[client] = session
    session.open(link)
    carryOut(response)
    return session
  }

  func linkOpened(_ link: WebSocketLink, _ request: MockRequest) {
    guard let sid = request.sid else {
      _ = open(request, link: link)
      return
    }
    if let session = sessions[sid] { session.linkOpened(link) } else { link.close() }
  }

  func sessionEnded(_ session: MockSession) {
    guard sessions.removeValue(forKey: session.sid) != nil else { return }
    clients[session.client] = nil
    script.sessionEnded(session.client)
  }

  /// Twenty characters of URL-safe base64, as the reference server makes its ids.
  static func makeIdentifier() -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    return String(decoding: (0..<20).map { _ in alphabet[Int.random(in: 0..<alphabet.count)] }, as: UTF8.self)
  }

  // MARK: the script

  /// Tells the script of something, and does what it says.
  func follow(_ happened: (inout MockScript) -> MockResponse) { carryOut(happened(&script)) }

  private func carryOut(_ response: MockResponse) {
    if let complaint = response.complaint { complain(complaint) }
    for action in response.actions {
      let delay = options.speed.isInfinite ? 0 : Int64(Double(action.delay) / options.speed)
      clients[action.client]?.take(action, after: .microseconds(delay))
    }
  }

  // MARK: connections

  /// Sets up a channel that was accepted.
  func accepted(_ channel: any Channel) throws {
    guard !isStopping, channels.count < Self.maximumConnections else { throw ChannelError.ioOnClosedChannel }
    let key = ObjectIdentifier(channel)
    channels[key] = channel
    channel.closeFuture.assumeIsolated().whenComplete { [weak self] _ in self?.channels[key] = nil }
    let patience = TimeAmount.milliseconds(options.pingInterval + options.pingTimeout + 5_000)
    try PeerServerChannel.configure(
      channel, maximumMessage: options.maximumPayload, patience: patience,
      endpoint: RequestEndpoint(
        maximumBody: options.maximumPayload, answer: MockEndpoint(engine: self).answer),
      isWelcome: { [unowned self] head in
        let request = MockRequest(target: head.uri)
        guard request.transport == "websocket" else { return false }
        return request.sid.map { sessions[$0] != nil } ?? (refusal(of: request) == nil)
      },
      opened: { [unowned self] link, head in linkOpened(link, MockRequest(target: head.uri)) })
  }

  /// Ends all sessions and closes all connections; returns what tells when they are closed.
  func stop() -> EventLoopFuture<Void> {
    isStopping = true
    for session in sessions.values.sorted(by: { $0.client < $1.client }) { session.end(.shutdown) }
    let closing = channels.values.map { channel in
      channel.close(promise: nil)
      return channel.closeFuture
    }
    return EventLoopFuture.andAllComplete(closing, on: loop)
  }
}
