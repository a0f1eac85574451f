import SocketReadiness

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Measures the same load direct, through Ackscope, and through other proxies, interleaved in rounds.
///
/// Server, proxy and client are processes of their own, so that the kernel tells exactly what the proxy costs. All of
/// them end with this one.
package final class BenchRun {
  private let options: BenchOptions
  private let executable: String
  private let isInterrupted: () -> Bool
  private var directory = ""
  private var children: [BenchChild] = []
  private var paths: [BenchPath] = []
  private var captured = CaptureSize()
  private let progress: ProgressLine
  private var report: BenchReport

  /// - Parameters:
  ///   - executable: the program whose hidden subcommands are server, client and proxy.
  ///   - isInterrupted: asked often; true ends the run with a fault.
  package init(_ options: BenchOptions, executable: String, isInterrupted: @escaping () -> Bool) {
    self.options = options
    self.executable = executable
    self.isInterrupted = isInterrupted
    progress = ProgressLine(nanoseconds: Int64(options.expectedSeconds) * 1_000_000_000)
    report = BenchReport(options)
  }

  deinit {
    for child in children { child.end() }
    if !directory.isEmpty {
      for name in ["capture.jsonl", "proxy.log"] { unlink("\(directory)/\(name)") }
      rmdir(directory)
    }
  }

  /// Measures; takes about `options.expectedSeconds`.
  package func run() throws(LoadFault) -> BenchReport {
    OpenFiles.raiseLimit()
    try makeDirectory()
    try startServer()
    try startProxy()
    for via in options.vias {
      paths.append(BenchPath(name: via.name, port: via.port, process: via.process, capture: nil))
    }
    for path in paths { try awaitPath(path) }
    // First of all: memory that was used once is not given back, and would look free.
    if options.idleConnections > 0 {
      for path in paths where path.process != nil { try measureIdle(path) }
    }
    for round in 0..<options.rounds {
      // Nobody always comes first.
      let order = (0..<paths.count).map { paths[($0 + round) % paths.count] }
      for path in order { try measureClosed(path, round) }
      var latencies: [(BenchPath, LoadResult)] = []
      for path in order { latencies.append((path, try measureRate(path, round))) }
      report.roundOfLatencies(latencies.map { ($0.0.name, $0.1) })
      for path in order { try measureSetups(path, round) }
    }
    if captured.records > 0 {
      report.add(Double(captured.bytes) / Double(captured.records), to: .captureBytes, of: Self.ownName)
    }
    return report
  }

  /// What Ackscope's own way is called in reports.
  static let ownName = "ackscope"

  // MARK: processes

  private func makeDirectory() throws(LoadFault) {
    let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(base)/ackscope-bench-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw LoadFault(system: "a directory under \(base)") }
    directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private func startServer() throws(LoadFault) {
    let server = try BenchChild(
      executable,
      [BenchChildMain.Command.server, "\(options.serverPort)", options.load.compresses ? "1" : "0"])
    children.append(server)
    guard let line = try server.line(within: 10_000_000_000, waiting: check), let port = UInt16(line) else {
      throw LoadFault("the bench server did not start")
    }
    paths = [BenchPath(name: "direct", port: port, process: nil, capture: nil)]
  }

  private func startProxy() throws(LoadFault) {
    let capture = "\(directory)/capture.jsonl"
    let log = "\(directory)/proxy.log"
    let connections = max(options.load.connections, options.idleConnections) * 2 + 1000
    let proxy = try BenchChild(
      executable,
      [
        BenchChildMain.Command.proxy, "http://127.0.0.1:\(paths[0].port)", "--listen", "127.0.0.1:0",
        "--view", "none",
        "--capture", capture, "--max-connections", "\(connections)",
      ] + (options.keptPayload.map { ["--max-capture-payload", "\($0)"] } ?? []), errors: log)
    children.append(proxy)
    let end = MonotonicClock.now + 10_000_000_000
    while MonotonicClock.now < end {
      try check()
      let text = SmallFile.text(of: log) ?? ""
      if let line = text.split(separator: "\n").first(where: { $0.hasPrefix("listening on ") }),
        let port = line.split(separator: ":").last.flatMap({ UInt16($0) })
      {
        paths.append(BenchPath(name: Self.ownName, port: port, process: proxy.process, capture: capture))
        return
      }
      usleep(5000)
    }
    throw LoadFault("the proxy did not start: \(SmallFile.text(of: log) ?? "it said nothing")")
  }

  /// Waits until a round trip goes through: proxies of the user's may still be starting.
  private func awaitPath(_ path: BenchPath) throws(LoadFault) {
    var plan = plan(.setup, path)
    plan.connections = 1
    plan.setups = 1
    let end = MonotonicClock.now + 15_000_000_000
    while true {
      try check()
      do throws(LoadFault) {
        _ = try LoadClient.run(plan)
        return
      } catch {
        guard MonotonicClock.now < end else {
          throw LoadFault("\(path.name): no session goes through: \(error)")
        }
      }
      usleep(100_000)
    }
  }

  private func check() throws(LoadFault) {
    progress.show()
    if isInterrupted() { throw LoadFault("interrupted") }
  }

  // MARK: measures

  private func plan(_ measure: LoadPlan.Measure, _ path: BenchPath) -> LoadPlan {
    var plan = options.load
    plan.port = path.port
    plan.measure = measure
    plan.watched = path.processes
    return plan
  }

  private func measureClosed(_ path: BenchPath, _ round: Int) throws(LoadFault) {
    let result = try load(plan(.closed, path), path, "round \(round + 1) of \(options.rounds), round trips")
    report.add(result.perSecond, to: .roundTrips, of: path.name)
    if let each = result.processorMicrosecondsEach { report.add(each, to: .processor, of: path.name) }
    if let capture = path.capture { captured.takeOver(capture) }
  }

  private func measureRate(_ path: BenchPath, _ round: Int) throws(LoadFault) -> LoadResult {
    let result = try load(plan(.rate, path), path, "round \(round + 1) of \(options.rounds), latency")
    report.add(result.perSecond, to: .answeredAtRate, of: path.name)
    if let each = result.processorMicrosecondsEach { report.add(each, to: .processorAtRate, of: path.name) }
    if let capture = path.capture { captured.takeOver(capture) }
    return result
  }

  private func measureSetups(_ path: BenchPath, _ round: Int) throws(LoadFault) {
    let result = try load(plan(.setup, path), path, "round \(round + 1) of \(options.rounds), set-ups")
    report.add(result.perSecond, to: .setups, of: path.name)
    if let capture = path.capture { CaptureSize.forget(capture) }
  }

  private func measureIdle(_ path: BenchPath) throws(LoadFault) {
    var plan = plan(.idle, path)
    plan.connections = options.idleConnections
    guard let before = ProcessCost.residentBytes(of: plan.watched) else {
      throw LoadFault("\(path.name): there is no process \(path.process ?? 0) whose memory can be read")
    }
    progress.began("\(path.name): idle connections", nanoseconds: 1_000_000_000)
    let client = try BenchChild(executable, [BenchChildMain.Command.client] + plan.words)
    guard try client.line(within: 70_000_000_000, waiting: check) == "holding" else {
      throw LoadFault("\(path.name): \(options.idleConnections) idle connections could not be opened")
    }
    // What the last handshakes left behind is still being put away.
    let settled = MonotonicClock.now + 500_000_000
    while MonotonicClock.now < settled {
      try check()
      usleep(50_000)
    }
    if let after = ProcessCost.residentBytes(of: plan.watched) {
      report.add(
        Double(after - before) / 1024 / Double(options.idleConnections), to: .idleMemory, of: path.name)
    }
    client.end()
    if let capture = path.capture { CaptureSize.forget(capture) }
  }

  private func load(_ plan: LoadPlan, _ path: BenchPath, _ step: String) throws(LoadFault) -> LoadResult {
    let expected: Int64 =
      plan.measure == .setup ? 500_000_000 : Int64(plan.milliseconds) * 1_100_000 + 300_000_000
    progress.began("\(path.name): \(step)", nanoseconds: expected)
    let client = try BenchChild(executable, [BenchChildMain.Command.client] + plan.words)
    let limit = expected + 130_000_000_000
    // Without a result the client is dropped, which ends it at once.
    guard let line = try client.line(within: limit, waiting: check), let result = LoadResult(line: line)
    else {
      throw LoadFault("\(path.name): the load client stopped (\(step))")
    }
    client.end()
    return result
  }
}
