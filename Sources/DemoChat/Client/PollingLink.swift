import NIOCore
import NIOHTTP1
import SocketIOPeers

/// Carries a client's Engine.IO packets by polling: one connection for the GETs, one for the POSTs, at most one of
/// each in flight (PROTOCOL.md A.4). Confined to the client's event loop.
final class PollingLink {
  private let polls: HTTPClientConnection
  private let posts: HTTPClientConnection
  private let target: String
  private var queue: [EnginePacket] = []
  private var isPosting = false
  private var isPolling = false
  private var isClosing = false
  private var hasEnded = false
  private var paused: (() -> Void)?
  private var drained: [() -> Void] = []

  /// Called with each packet, or nil for something in a body that is none.
  var packetArrived: ((EnginePacket?) -> Void)?
  /// Called once when polling has ended, with the answer that ended it where there was one.
  var ended: ((HTTPAnswer?) -> Void)?

  init(polls: HTTPClientConnection, posts: HTTPClientConnection, target: String) {
    self.polls = polls
    self.posts = posts
    self.target = target
  }

  /// Sends packets; those of one call go into one body unless a POST is under way.
  func send(_ packets: [EnginePacket]) {
    queue += packets
    post()
  }

  /// Calls `done` once every packet so far was answered for by the server, or polling has ended.
  func whenDrained(_ done: @escaping () -> Void) {
    if hasEnded || !isPosting && queue.isEmpty { done() } else { drained.append(done) }
  }

  private func notifyDrained() {
    guard hasEnded || !isPosting && queue.isEmpty else { return }
    let notify = drained
    drained = []
    for done in notify { done() }
  }

  /// Asks for packets from the server, again and again until paused or ended.
  func poll() {
    guard !isPolling, !hasEnded, paused == nil else { return }
    isPolling = true
    polls.request(.GET, target).assumeIsolated().whenComplete { [self] result in
      isPolling = false
      guard case .success(let answer) = result, answer.status == 200 else {
        return end(try? result.get())
      }
      let payload = PollingPayload(parsing: answer.body)
      for packet in payload.packets { packetArrived?(packet) }
      if payload.isBroken { packetArrived?(nil) }
      finishPause()
      if isClosing { finishClose() } else { poll() }
    }
  }

  /// Stops polling; `done` is called once no request is in flight (PROTOCOL.md A.7).
  func pause(_ done: @escaping () -> Void) {
    paused = done
    finishPause()
  }

  /// Says goodbye and ends once the server answered.
  func close() {
    guard !isClosing, !hasEnded else { return }
    isClosing = true
    send([.close])
  }

  /// Closes both connections; returns what tells when they are closed.
  func closeConnections() -> [EventLoopFuture<Void>] {
    hasEnded = true
    notifyDrained()
    return [polls.close(), posts.close()].compactMap { $0 }
  }

  private func post() {
    guard !isPosting, !queue.isEmpty, !hasEnded else { return }
    isPosting = true
    let body = ByteBuffer(string: PollingPayload(packets: queue).text)
    queue.removeAll()
    posts.request(.POST, target, body: body).assumeIsolated().whenComplete { [self] result in
      isPosting = false
      guard case .success(let answer) = result, answer.status == 200 else {
        return end(try? result.get())
      }
      post()
      finishPause()
      finishClose()
      notifyDrained()
    }
  }

  private func finishPause() {
    guard let done = paused, !isPolling, !isPosting, !hasEnded else { return }
    hasEnded = true
    paused = nil
    done()
  }

  /// After the goodbye, both requests are answered before the connections go.
  private func finishClose() {
    if isClosing, !isPolling, !isPosting { end(nil) }
  }

  private func end(_ answer: HTTPAnswer?) {
    guard !hasEnded else { return }
    hasEnded = true
    let notify = ended
    ended = nil
    packetArrived = nil
    notify?(answer)
  }
}
