import Testing

/// One run of `faulty_chat.py` through the proxy: the capture, what `inspect` makes of it, and what the peers know.
struct FaultyChat: Sendable {
  /// The complete capture.
  let capture: CaptureFile

  /// What `ackscope inspect --format json` said of it.
  let inspection: JSON

  /// The report of `faulty_chat.py`.
  let truth: JSON

  /// The report of the Engine.IO 3 clients.
  let older: JSON

  /// Where the Engine.IO 3 clients talk, and nobody else: their emits carry no tags.
  static let olderNamespace = "/chat"

  /// In seconds. Long enough that no ack is late because the machine is busy.
  private static let ackTimeout = 3.0

  /// Plays the chat.
  ///
  /// - Parameters:
  ///   - sessions: conversations of Engine.IO 4; some of them come back under a second session.
  ///   - olderSessions: clients of Engine.IO 3, in a process of their own as the two libraries share a name.
  static func play(sessions: Int, olderSessions: Int, seed: Int) async throws -> FaultyChat {
    let (olderServer, olderPort) = try await PeerProcess.startServer(
      script: "chat_server.py", arguments: ["--path", "eio3"], environment: .engineIO3)
    let (peer, port) = try await PeerProcess.startServer(
      script: "faulty_chat.py",
      arguments: ["--sessions", "\(sessions)", "--seed", "\(seed)", "--eio3-port", "\(olderPort)"])
    let proxy = try await ProxyProcess.start(
      upstream: "http://127.0.0.1:\(port)", arguments: ["--ack-timeout", "\(Int(ackTimeout))s"])
    let olderClients = try await PeerProcess.start(
      script: "chat_client.py",
      arguments: [
        proxy.address, "--path", "eio3", "--namespaces", olderNamespace, "--clients", "\(olderSessions)",
        "--failures",
        "--only-messages", "--slow", "\(ackTimeout + 0.2)",
      ], environment: .engineIO3)
    try peer.send(#"{"proxy":"\#(proxy.address)"}"#)
    let open = Set((try await peer.next("overdue").array ?? []).compactMap(\.string))
    try await waitUntilOverdue(open, at: proxy)
    try peer.send(#"{"go":true}"#)
    let truth = try await peer.next("report")
    let older = try await olderClients.finishedReport()
    #expect(await proxy.stop() == .exited(0))
    await peer.stop()
    await olderServer.stop()
    let capture = try proxy.capture()
    let inspected = try await ProxyProcess.finish(
      ["inspect", "-", "--format", "json"], input: capture.records.map(\.line))
    #expect(inspected.ending == .exited(0))
    return FaultyChat(
      capture: capture, inspection: try JSON(parsing: inspected.output.joined()), truth: truth, older: older)
  }

  /// Waits until the proxy has called every one of these emits overdue. Its own clock decides, not the peers'.
  private static func waitUntilOverdue(_ keys: Set<String>, at proxy: ProxyProcess) async throws {
    var waitedFor = keys
    var tags: [Int: String] = [:]
    let last = await proxy.child.output.first { line in
      guard line.contains(#""tag":"#) || line.contains(#""verdict":"overdue""#),
        let record = try? CaptureRecord(line: line)
      else { return false }
      if record.isEvent, let key = FaultyChatTruth.key(of: record) {
        tags[record.seq] = key
      } else if let emit = record["emit"]?.int, let key = tags[emit] {
        waitedFor.remove(key)
      }
      return waitedFor.isEmpty
    }
    if last == nil, !waitedFor.isEmpty {
      throw PeerFailure("the capture ended before these were overdue: \(waitedFor.sorted())")
    }
  }
}
