import Foundation

/// The built `ackscope` as a child, most often its `proxy` command.
///
/// It is killed with the value, so a test that fails leaves no proxy behind.
struct ProxyProcess: Sendable {
  /// The child itself: its output lines, its standard error, its end.
  let child: ChildProcess

  /// Where the proxy listens, such as `http://127.0.0.1:45123`.
  let address: String

  /// The port of `address`.
  var port: Int { address.split(separator: ":").last.flatMap { Int($0) } ?? 0 }

  /// Starts `ackscope proxy` before this upstream on a free port of loopback and waits until it listens.
  ///
  /// Without a capture file the capture goes to standard output, where `record(where:)` waits for records.
  static func start(
    upstream: String, capture: URL? = nil, arguments: [String] = [], longestLife: Duration = .seconds(120)
  ) async throws -> ProxyProcess {
    try await start(
      ["proxy", upstream, "--listen", "127.0.0.1:0", "--capture", capture?.path ?? "-", "--view", "none"]
        + arguments,
      longestLife: longestLife)
  }

  /// Starts a proxy with exactly these arguments, and waits until it listens.
  static func start(
    _ arguments: [String], directory: URL? = nil, longestLife: Duration = .seconds(120)
  ) async throws -> ProxyProcess {
    let child = try run(arguments, directory: directory, longestLife: longestLife)
    let announcement = "listening on "
    guard let line = await child.errors.first(where: { $0.contains(announcement) }),
      let start = line.range(of: announcement)?.upperBound
    else {
      throw PeerFailure("ackscope proxy ended before it listened: \(await child.end())\n\(child.lastErrors)")
    }
    let address = line[start...].split(separator: " ").first.map(String.init) ?? ""
    return ProxyProcess(child: child, address: address)
  }

  /// Starts `ackscope` with any arguments, and waits for nothing.
  static func run(
    _ arguments: [String], directory: URL? = nil, longestLife: Duration = .seconds(120)
  ) throws -> ChildProcess {
    try ChildProcess(try binary(), arguments, directory: directory, longestLife: longestLife)
  }

  /// Runs `ackscope` to its end with nothing, or these lines, on its standard input.
  static func finish(
    _ arguments: [String], input: [String] = [], directory: URL? = nil
  ) async throws -> FinishedCommand {
    let child = try run(arguments, directory: directory)
    for line in input { try child.send(line) }
    child.closeInput()
    return FinishedCommand(ending: await child.end(), output: child.output.all, errors: child.errors.all)
  }

  /// The executable that was built with this test run.
  static func binary() throws -> String {
    let bundle = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
    let built = PeerEnvironment.installed.deletingLastPathComponent().appendingPathComponent("debug")
    let candidates = [bundle, built].map { $0.appendingPathComponent("ackscope").path }
    guard let found = candidates.first(where: FileManager.default.isExecutableFile(atPath:)) else {
      throw PeerFailure("the ackscope executable is not built. Build it: swift build --product ackscope")
    }
    return found
  }

  /// The first record of a capture on standard output that satisfies `matches`; waits for it. Throws when the proxy
  /// ends without it.
  func record(where matches: (CaptureRecord) -> Bool) async throws -> CaptureRecord {
    var found: CaptureRecord?
    _ = await child.output.first { line in
      guard let record = try? CaptureRecord(line: line), matches(record) else { return false }
      found = record
      return true
    }
    if let found { return found }
    throw PeerFailure("the capture ended without the record that was waited for\n\(child.lastErrors)")
  }

  /// The capture on standard output so far; complete once the proxy has ended.
  func capture() throws -> CaptureFile {
    try CaptureFile(lines: child.output.all, isTorn: false)
  }

  /// Asks for an orderly stop, as Ctrl-C does.
  func interrupt() { child.signal(SIGINT) }

  /// Asks for an orderly stop, as a service manager does.
  func terminate() { child.signal(SIGTERM) }

  /// Ends the proxy with no chance to write anything more.
  func kill() { child.signal(SIGKILL) }

  /// Waits for the end; use `child.lastErrors` for what it said.
  func end() async -> ChildProcess.Ending { await child.end() }

  /// Interrupts and waits: for a test that is done with the proxy and expects an orderly stop.
  func stop() async -> ChildProcess.Ending {
    interrupt()
    return await end()
  }
}
