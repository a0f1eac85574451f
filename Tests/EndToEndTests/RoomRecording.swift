import Foundation
import Synchronization

/// A chat in the rooms of `room_server.py`, recorded through the proxy: what replay tests play.
struct RoomRecording: Sendable {
  let folder: TemporaryFolder
  let capture: URL
  let environment: PeerEnvironment.Kind

  /// Records two people that chat, one of whom leaves and comes back.
  static func make(
    _ client: [String] = [], server: [String] = [], environment: PeerEnvironment.Kind = .engineIO4
  ) async throws -> RoomRecording {
    let folder = try TemporaryFolder()
    let capture = folder.file("chat.jsonl")
    let (serving, port) = try await PeerProcess.startServer(
      script: "room_server.py", arguments: server, environment: environment)
    let proxy = try await ProxyProcess.start(upstream: "http://127.0.0.1:\(port)", capture: capture)
    let peer = try await PeerProcess.start(
      script: "room_client.py", arguments: [proxy.address] + client, environment: environment)
    if client.contains("--crash") {
      _ = try await peer.next("waiting")
      proxy.kill()
      _ = await proxy.end()
      await peer.stop()
    } else {
      _ = try await peer.finishedReport()
      guard await proxy.stop() == .exited(0) else {
        throw PeerFailure("the proxy failed: \(proxy.child.lastErrors)")
      }
    }
    await serving.stop()
    return RoomRecording(folder: folder, capture: capture, environment: environment)
  }

  private static let made = Mutex<[String: Task<RoomRecording, any Error>]>([:])

  /// The same, made once for all tests that ask for it: for those that only read it.
  static func shared(_ client: [String] = []) async throws -> RoomRecording {
    let task = made.withLock { made in
      if let known = made[client.joined(separator: " ")] { return known }
      let task = Task { try await make(client) }
      made[client.joined(separator: " ")] = task
      return task
    }
    return try await task.value
  }

  /// Replays against a fresh server.
  ///
  /// - Parameter to: its URL up to the port.
  func replay(
    _ arguments: [String] = [], to: String = "http://127.0.0.1", server: [String] = []
  ) async throws -> ReplayResult {
    let (serving, port) = try await PeerProcess.startServer(
      script: "room_server.py", arguments: server, environment: environment)
    let finished = try await ProxyProcess.finish(
      ["replay", capture.path, "--to", "\(to):\(port)", "--format", "json"] + arguments)
    await serving.stop()
    return try ReplayResult(finished)
  }
}

/// What `ackscope replay --format json` said.
struct ReplayResult: Sendable {
  let status: ChildProcess.Ending
  let report: JSON
  let errors: [String]

  init(_ finished: FinishedCommand) throws {
    status = finished.ending
    errors = finished.errors
    guard let line = finished.output.first else {
      throw PeerFailure("replay \(finished.ending) said nothing; its standard error:\n\(finished.errors)")
    }
    report = try JSON(parsing: line)
  }

  var differences: [JSON] { report["differences"]?.array ?? [] }
  var kinds: Set<String> { Set(differences.compactMap { $0["kind"]?.string }) }
  var words: String { differences.compactMap { $0["words"]?.string }.joined(separator: "\n") }
}
