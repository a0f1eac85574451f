/// A polling client for tests that speak their Socket.IO themselves: each request on a connection of its own.
struct PollingPeer: Sendable {
  let port: Int

  /// The target of the session's requests.
  let target: String

  /// The `sid` of the session.
  let sid: String

  /// Opens an Engine.IO 4 session by polling and joins the root namespace.
  static func join(port: Int) async throws -> PollingPeer {
    let target = "/socket.io/?EIO=4&transport=polling"
    let opening = try await RawConnection(port: port).fetch("GET", target, ["Connection: close"])
    let text = String(decoding: opening.body.dropFirst(), as: UTF8.self)
    guard let sid = try JSON(parsing: text)["sid"]?.string else {
      throw PeerFailure("no session was opened: \(text)")
    }
    let peer = PollingPeer(port: port, target: target + "&sid=\(sid)", sid: sid)
    guard try await peer.post("40") == 200 else { throw PeerFailure("CONNECT was refused") }
    _ = try await peer.poll { $0.contains("40{") }
    return peer
  }

  /// Sends engine packets in one body; returns the status of the answer.
  func post(_ body: String) async throws -> Int {
    try await RawConnection(port: port).fetch("POST", target, ["Connection: close"], body: Array(body.utf8))
      .status
  }

  /// Polls until a body satisfies `matches`; returns it. Throws where a poll is refused.
  func poll(until matches: (String) -> Bool) async throws -> String {
    while true {
      let answer = try await RawConnection(port: port).fetch("GET", target, ["Connection: close"])
      guard answer.status == 200 else { throw PeerFailure("a poll was answered \(answer.status)") }
      let text = String(decoding: answer.body, as: UTF8.self)
      if matches(text) { return text }
    }
  }

  /// Starts a poll and returns its connection, which waits for the answer.
  func startPoll() throws -> RawConnection {
    let connection = try RawConnection(port: port)
    try connection.request("GET", target, ["Connection: close"])
    return connection
  }
}
