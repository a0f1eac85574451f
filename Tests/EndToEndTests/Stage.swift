import Testing

/// A python-socketio server with a proxy before it, for clients that a test speaks for.
struct Stage: Sendable {
  let server: PeerProcess
  let serverPort: Int
  let proxy: ProxyProcess
  private let isServerOurs: Bool

  var port: Int { proxy.port }

  /// The server of tests that want nothing special of theirs: starting one takes longer than such a test.
  private static let common = Task {
    try await PeerProcess.startServer(
      script: "chat_server.py", arguments: ["--max-seconds", "900"], longestLife: .seconds(900))
  }

  /// Starts a proxy, and with arguments a server of its own.
  ///
  /// - Parameter ackTimeout: where a test waits for it, still longer than an answer takes on a machine that has much to do.
  static func start(server arguments: [String] = [], ackTimeout: String = "30s") async throws -> Stage {
    let (server, port) =
      arguments.isEmpty
      ? try await common.value
      : try await PeerProcess.startServer(script: "chat_server.py", arguments: arguments)
    let proxy = try await ProxyProcess.start(
      upstream: "http://127.0.0.1:\(port)", arguments: ["--ack-timeout", ackTimeout])
    return Stage(server: server, serverPort: port, proxy: proxy, isServerOurs: !arguments.isEmpty)
  }

  /// Waits for so many records of emits that became overdue.
  func overdue(_ count: Int) async throws {
    var seen = 0
    _ = try await proxy.record { record in
      if record["verdict"] == .string("overdue") { seen += 1 }
      return seen == count
    }
  }

  /// Ends in order; returns the capture once it was found consistent.
  func capture() async throws -> CaptureFile {
    #expect(await proxy.stop() == .exited(0))
    if isServerOurs { await server.stop() }
    let capture = try proxy.capture()
    capture.expectConsistency()
    return capture
  }
}
