import NIOCore
import NIOHTTP1
import SocketIOPeers
import NIOPosix
import NIOWebSocket

/// An Engine.IO 4 and Socket.IO 5 server for a ``SocketApplication``: all its connections and all its state live on one
/// event loop.
final class EngineServer {
  let configuration: ChatServer.Configuration
  let loop: any EventLoop
  let application: any SocketApplication
  let counts: EventCounts
  private var sessions: [String: EngineSession] = [:]
  private var channels: [ObjectIdentifier: any Channel] = [:]
  private var ackIDs: [String: Int] = [:]
  private(set) var isStopping = false

  /// Most sessions at once; further handshakes are refused as forbidden.
  static let maximumSessions = 1024
  /// Most TCP connections at once; further ones are closed at once.
  static let maximumConnections = 4096

  init(
    configuration: ChatServer.Configuration, loop: any EventLoop, application: any SocketApplication,
    counts: EventCounts
  ) {
    self.configuration = configuration
    self.loop = loop
    self.application = application
    self.counts = counts
  }

  // MARK: sessions

  func session(_ sid: String) -> EngineSession? { sessions[sid] }

  /// Why a request is refused, or nil (PROTOCOL.md A.9).
  func refusal(of query: EngineQuery) -> EngineRefusal? {
    guard query.isRevision4 else { return .unsupportedVersion }
    if let sid = query.sid { return sessions[sid] == nil ? .unknownSession : nil }
    return isStopping || sessions.count >= Self.maximumSessions ? .forbidden : nil
  }

  /// Starts a session by polling.
  func openSession() -> EngineSession {
    let session = EngineSession(sid: makeIdentifier(), server: self)
    sessions[session.sid] = session
    return session
  }

  private func linkOpened(_ link: WebSocketLink, query: EngineQuery) {
    if let sid = query.sid {
      if let session = sessions[sid] { session.linkOpened(link) } else { link.close() }
    } else {
      let session = EngineSession(sid: makeIdentifier(), server: self, link: link)
      sessions[session.sid] = session
    }
  }

  func sessionEnded(_ session: EngineSession) { sessions[session.sid] = nil }

  func nextAckID(in namespace: String) -> Int {
    let id = ackIDs[namespace, default: 0]
    ackIDs[namespace] = id + 1
    return id
  }

  /// Twenty characters of URL-safe base64, as the reference server makes its ids.
  func makeIdentifier() -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    let bytes = (0..<20).map { _ in alphabet[Int.random(in: 0..<alphabet.count)] }
    return String(decoding: bytes, as: UTF8.self)
  }

  // MARK: connections

  /// Sets up a channel that was accepted.
  func accepted(_ channel: any Channel) throws {
    guard !isStopping, channels.count < Self.maximumConnections else { throw ChannelError.ioOnClosedChannel }
    let key = ObjectIdentifier(channel)
    channels[key] = channel
    channel.closeFuture.assumeIsolated().whenComplete { [weak self] _ in self?.channels[key] = nil }

    let server = NIOLoopBound(self, eventLoop: loop)
    let endpoint = RequestEndpoint(
      maximumBody: configuration.maximumPayload, answer: PollingEndpoint(server: self).answer)
    // Longer than any heartbeat lets a live connection be silent; ends half-open and idle ones.
    let patience = configuration.pingInterval + configuration.pingTimeout + .seconds(5)
    try PeerServerChannel.configure(
      channel, maximumMessage: configuration.maximumPayload, patience: patience, endpoint: endpoint,
      isWelcome: { head in
        let query = EngineQuery(target: head.uri)
        return head.uri.hasPrefix("/socket.io") && query.transport == "websocket"
          && server.value.refusal(of: query) == nil
      },
      opened: { link, head in server.value.linkOpened(link, query: EngineQuery(target: head.uri)) })
  }

  /// Ends all sessions and closes all connections; returns what tells when they are closed.
  func stop() -> EventLoopFuture<Void> {
    isStopping = true
    for session in sessions.values.sorted(by: { $0.sid < $1.sid }) { session.end(.shutdown) }
    let closing = channels.values.map { channel in
      channel.close(promise: nil)
      return channel.closeFuture
    }
    return EventLoopFuture.andAllComplete(closing, on: loop)
  }
}
