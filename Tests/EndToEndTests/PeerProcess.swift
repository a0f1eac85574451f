import Foundation

/// A peer from `Peers`, run as a child: JSON lines in, JSON lines out.
///
/// It ends with `stop()`, with the value, when its input closes, and at the latest after the script's own
/// `--max-seconds`.
struct PeerProcess: Sendable {
  /// The child itself, for its standard error and its signals.
  let child: ChildProcess

  private let script: String

  /// Starts a script of `Peers` in the environment it needs; `.js` scripts need `.javaScript`.
  static func start(
    script: String, arguments: [String] = [], environment kind: PeerEnvironment.Kind = .engineIO4,
    variables: [String: String] = [:], longestLife: Duration = .seconds(120)
  ) async throws -> PeerProcess {
    let environment = try await PeerEnvironment.ready(kind)
    let path = PeerEnvironment.scripts.appendingPathComponent(script).path
    if script.hasSuffix(".js") {
      guard let node = environment.node, let packages = environment.packages else {
        throw PeerFailure("\(script) needs the javaScript environment")
      }
      let child = try ChildProcess(
        node, [path, "--packages", packages.path] + arguments, environment: variables,
        longestLife: longestLife)
      return PeerProcess(child: child, script: script)
    }
    let child = try ChildProcess(
      environment.python, ["-u", path] + arguments,
      environment: variables.merging(["PYTHONDONTWRITEBYTECODE": "1"]) { $1 }, longestLife: longestLife)
    return PeerProcess(child: child, script: script)
  }

  /// Starts a server script; returns it with the port it listens on.
  static func startServer(
    script: String, arguments: [String] = [], environment kind: PeerEnvironment.Kind = .engineIO4,
    longestLife: Duration = .seconds(120)
  ) async throws -> (server: PeerProcess, port: Int) {
    let server = try await start(
      script: script, arguments: arguments, environment: kind, longestLife: longestLife)
    guard let port = try await server.next("listening").int else {
      throw PeerFailure("\(script) did not say which port it listens on")
    }
    return (server, port)
  }

  init(child: ChildProcess, script: String) {
    self.child = child
    self.script = script
  }

  /// The next line as it was written. Throws when the peer ends without one.
  func nextLine() async throws -> String {
    if let line = await child.output.next() { return line }
    throw PeerFailure("\(script) ended; its standard error:\n\(child.lastErrors)")
  }

  /// Reads on to the first line that is an object with this member; returns the member. Throws when the peer says
  /// `error`, or ends.
  func next(_ member: String) async throws -> JSON {
    while true {
      let line = try JSON(parsing: try await nextLine())
      if let value = line[member] { return value }
      if let error = line["error"] { throw PeerFailure("\(script): \(error)") }
    }
  }

  /// Reads on to the first line for which `matches` holds. Throws when the peer ends without one.
  func next(where matches: (JSON) -> Bool) async throws -> JSON {
    while true {
      let line = try JSON(parsing: try await nextLine())
      if matches(line) { return line }
    }
  }

  /// Writes one line, without its newline, to the peer.
  func send(_ line: String) throws {
    try child.send(line)
  }

  /// Asks a server for its counts.
  func report() async throws -> JSON {
    try send(#"{"report":true}"#)
    return try await next("report")
  }

  /// Reads a client's report and waits for its end. Throws when the client failed in its own eyes.
  func finishedReport() async throws -> JSON {
    let report = try await next("report")
    let ending = await child.end()
    guard ending == .exited(0) else {
      throw PeerFailure("\(script) \(ending): \(report["errors"] ?? .null)\n\(child.lastErrors)")
    }
    return report
  }

  /// Ends the peer and waits until it is gone.
  @discardableResult
  func stop() async -> ChildProcess.Ending {
    child.closeInput()
    return await child.end()
  }
}
