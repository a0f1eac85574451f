import AckCorrelation
import Foundation

/// A connection through a proxy whose two ends are puppets of one thread.
final class PlayedConnection {
  private let client: BlockingSocket
  private var server: BlockingSocket?
  private var sent = [Peer.client: WireProgress(isRequest: true), .server: WireProgress(isRequest: false)]
  private var received = [
    Peer.client: WireProgress(isRequest: true), .server: WireProgress(isRequest: false),
  ]
  /// Puppets that ended their direction.
  private(set) var ended: Set<Peer> = []
  /// Puppets that have no socket any more.
  private var gone: Set<Peer> = []
  /// Puppets that were told of the other side's end.
  private var told: Set<Peer> = []
  private(set) var isClosed = false

  /// The port by which the capture knows the connection.
  let clientPort: Int

  init(to port: Int) throws {
    client = try BlockingSocket.connected(to: port)
    clientPort = client.port
  }

  // MARK: acts

  /// Sends without waiting for anything but the kernel.
  func send(_ bytes: [UInt8], from peer: Peer) throws {
    try socket(of: peer)?.send(bytes)
    sent[peer]?.advance(bytes)
    if sent[.server]?.isUpgraded == true {
      sent[.client]?.upgrade()
      received[.client]?.upgrade()
    }
  }

  /// Waits until the proxy's kernel has all that a puppet sent.
  func awaitArrival(from peer: Peer) {
    while let socket = socket(of: peer), socket.unsent > 0 { usleep(1000) }
  }

  /// Ends a puppet's direction, or all of its connection.
  func end(_ peer: Peer, _ how: End) {
    ended.insert(peer)
    sent[peer]?.end()
    if how != .finish { gone.insert(peer) }
    switch how {
    case .finish: socket(of: peer)?.endSending()
    case .close: socket(of: peer)?.close()
    case .reset: socket(of: peer)?.reset()
    }
  }

  enum End { case finish, close, reset }

  /// Closes what is still open.
  func close() {
    isClosed = true
    ended = [.client, .server]
    client.close()
    server?.close()
  }

  // MARK: waits

  /// Waits until the other puppet has all that this one sent, and compares it.
  func awaitDelivery(from peer: Peer, listener: BlockingSocket) throws {
    if peer == .client, server == nil {
      // The proxy connects when the head of the first request is whole.
      guard sent[.client]?.heads.isEmpty == false else { return }
      server = try listener.accepted()
    }
    try wait("what the \(peer) sent") {
      guard let sent = sent[peer], let received = received[peer] else { return true }
      return received.hasReached(sent)
    }
    guard sent[peer] == received[peer] else { throw Fault("what the \(peer) sent arrived changed") }
  }

  /// Waits until the client has an answer to each of its requests.
  func awaitAnswers() throws {
    try wait("an answer") { received[.server]?.messages == sent[.client]?.messages }
  }

  /// Waits until a puppet was told that the other side has ended, if it still can be.
  func awaitEnd(at peer: Peer) throws {
    if gone.contains(peer) { return }
    try wait("the end, at the \(peer)") { told.contains(peer) }
  }

  private func wait(_ what: String, until holds: () -> Bool) throws {
    let sockets = [client] + (server.map { [$0] } ?? [])
    let deadline = ContinuousClock.now + .seconds(30)
    takeArrived()
    while !holds() {
      guard ContinuousClock.now < deadline else { throw Fault("waited in vain for \(what)") }
      // A socket at its end is ready for ever: a puppet that was told waits for the other one only.
      let open = sockets.filter { $0 === client ? !told.contains(.client) : !told.contains(.server) }
      guard !open.isEmpty else { throw Fault("everything ended before \(what)") }
      BlockingSocket.awaitArrival(on: open, milliseconds: 1000)
      takeArrived()
    }
  }

  private func takeArrived() {
    for (peer, socket) in [(Peer.client, client), (.server, server)] {
      guard let socket else { continue }
      let sender = peer == .client ? Peer.server : .client
      look: while true {
        switch socket.takeArrived() {
        case .bytes(let bytes): received[sender]?.advance(bytes)
        case .nothing: break look
        case .finished, .reset:
          if told.insert(peer).inserted { received[sender]?.end() }
          break look
        }
      }
    }
  }

  private func socket(of peer: Peer) -> BlockingSocket? { peer == .client ? client : server }

  struct Fault: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
  }
}
