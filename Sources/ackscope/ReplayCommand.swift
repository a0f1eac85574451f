import ArgumentParser
import CaptureFormat
import JSONText
import NIOPosix
import OutgoingTLS
import ProxyServer
import RecordedSessions
import SessionDecoder
import SessionReplay
import UnixSignals

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The forms of a replay's report.
enum ReplayFormat: String, ExpressibleByArgument, CaseIterable {
  case text, json
}

/// `ackscope replay`: plays recorded clients against a server, and says what is different.
struct ReplayCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay", abstract: "Play recorded clients against a server, and compare.",
    discussion: """
      Exit status: 0 the same as recorded, 1 differences, 2 usage, 69 the server cannot be reached.
      """)

  @Argument(help: ArgumentHelp("The capture; '-' for standard input.", valueName: "CAPTURE"))
  var recording: String

  @Option(help: ArgumentHelp("The server, like http://127.0.0.1:3000.", valueName: "URL"))
  var to: String

  @Option(
    help:
      "When a client goes on: causal, as soon as what it followed has come; recorded, and not before its time; max, without waiting for others."
  )
  var pace: PaceChoice?

  @Option(help: "The recorded pace, so many times as fast.")
  var speed: Double?

  @Option(
    help: ArgumentHelp("Play the sessions in which anything matches, like '~sid abc'.", valueName: "FILTER"))
  var sessions: String?

  @Option(help: "Runs one after another.")
  var `repeat` = 1

  @Option(help: "Copies at once, each with fresh sessions.")
  var parallel = 1

  @Option(
    help: ArgumentHelp(
      "How long to wait for anything beyond the time that it took in the recording.",
      valueName: "500ms|5s|2m"))
  var timeout = DurationArgument(microseconds: 5_000_000)

  @OptionGroup var tls: ReplayTLSOptions
  @OptionGroup var substitution: SubstitutionOptions
  @OptionGroup var comparison: ComparisonOptions

  @Option(help: "How many times slower than recorded the median of an event's acks may be.")
  var maxLatencyRatio: Double?

  @Option(
    name: .customLong("max-p99"),
    help: ArgumentHelp("How long the 99th percentile of all acks may take.", valueName: "500ms|5s|2m"))
  var maxP99: DurationArgument?

  @Option(help: "The form of the report.")
  var format = ReplayFormat.text

  @Option(help: ArgumentHelp("Write a JUnit report there, too.", valueName: "FILE"))
  var junit: String?

  @Option(help: ArgumentHelp("Write a capture of the replay's own traffic there.", valueName: "FILE"))
  var capture: String?

  func validate() throws {
    if let speed, !(speed > 0 && speed <= 1_000_000) { throw ValidationError("--speed is more than 0") }
    if speed != nil, let pace, pace != .recorded {
      throw ValidationError("--speed goes with --pace recorded; leave --pace out")
    }
    if `repeat` < 1 || `repeat` > 1_000_000 { throw ValidationError("--repeat is at least 1") }
    if parallel < 1 || parallel > 10_000 { throw ValidationError("--parallel is from 1 to 10000") }
    if timeout.microseconds <= 0 { throw ValidationError("--timeout is longer than 0") }
    if let maxLatencyRatio, !(maxLatencyRatio > 0) {
      throw ValidationError("--max-latency-ratio is more than 0")
    }
    if capture == "-" {
      throw ValidationError("--capture of a replay needs a path: the report goes to standard output")
    }
  }

  func run() async throws {
    var plan = ReplayPlan()
    switch pace {
    case .max: plan.pace = .max
    case .recorded: plan.pace = .recorded(speed: speed ?? 1)
    case .causal, nil: plan.pace = speed.map { .recorded(speed: $0) } ?? .causal
    }
    plan.timeout = .microseconds(timeout.microseconds)
    plan.repetitions = `repeat`
    plan.parallel = parallel
    plan.rules = try comparison.rules()
    plan.maximumLatencyRatio = maxLatencyRatio
    plan.maximumP99 = maxP99.map { Int($0.microseconds) }
    try substitution.apply(to: &plan)
    let server: UpstreamAddress
    do {
      server = try UpstreamAddress(to)
    } catch {
      throw Failure(explanation: "--to: \(error.explanation)")
    }
    let secure = try tls.security(for: server)
    let recorded = try RecordingFile.read(
      recording, filter: try RecordingFile.filter(sessions, option: "--sessions"))
    guard !recorded.sessions.isEmpty || !recorded.refusals.isEmpty else {
      let why =
        sessions == nil ? "holds no Socket.IO session" : "holds no session in which --sessions matches"
      throw Failure(explanation: "\(recording): \(why)")
    }
    if let junit { try OutputFile.checkWritable(junit, option: "--junit") }
    let report = try await play(recorded, plan, against: server, secure)
    if let reason = report.unreachable {
      throw Failure(explanation: "\(server.description): \(reason)", status: ExitStatus.upstreamUnreachable)
    }
    try write(report.told(behind: SecretVeil.made(given: substitution.secrets(in: plan).values)))
    if !report.isSame { throw ExitCode(ExitStatus.checkFailed) }
  }

  /// Plays, through a proxy of its own where the traffic is to be captured: what is recorded is what was on the wire.
  private func play(
    _ recorded: Recording, _ plan: ReplayPlan, against server: UpstreamAddress, _ tls: UpstreamTLS?
  )
    async throws -> ReplayReport
  {
    let group = MultiThreadedEventLoopGroup.singleton
    let endpoint = ReplayEndpoint(
      host: server.host, port: server.port, pathPrefix: server.pathPrefix, hostField: server.hostField,
      tls: tls)
    guard let capture else { return await play(recorded, plan, at: endpoint) }
    // The proxy would answer for a server that is not there.
    if let reason = await endpoint.reach(on: group.next()) {
      throw Failure(explanation: "\(server.description): \(reason)", status: ExitStatus.upstreamUnreachable)
    }
    var configuration = ProxyConfiguration(upstream: server)
    configuration.upstreamTLS = tls
    configuration.listenPort = 0
    let names = substitution.secrets(in: plan).names.filter { !$0.isEmpty }
    let run = ProxyRun(
      configuration: configuration,
      capture: try CaptureOptions.parse(
        ["--capture", capture, "--view", "none"] + (names.isEmpty ? [] : ["--redact"] + names)),
      ackTimeout: timeout, rule: EngineIORule(), group: group, quitEnds: "", announces: false
    ) { _ in false }
    let proxy = try await run.start {}
    let report = await play(
      recorded, plan,
      at: ReplayEndpoint(
        host: "127.0.0.1", port: proxy.port, hostField: server.hostField, origin: endpoint.origin))
    await run.finish(proxy)
    return report
  }

  private func play(_ recorded: Recording, _ plan: ReplayPlan, at endpoint: ReplayEndpoint) async
    -> ReplayReport
  {
    let display = ReplayProgressLine()
    let replay = SessionReplay(recording: recorded, plan: plan, endpoint: endpoint)
    let playing = Task {
      await replay.run(group: MultiThreadedEventLoopGroup.singleton) { display.show($0) }
    }
    let trapped = await UnixSignalsSequence(trapping: .sigint, .sigterm)
    let signals = Task {
      var count = 0
      for await _ in trapped {
        count += 1
        if count > 1 { _exit(130) }
        playing.cancel()
      }
    }
    defer { signals.cancel() }
    let report = await playing.value
    display.clear()
    return report
  }

  private func write(_ report: ReplayReport) throws {
    if let junit {
      var sink = ByteSink(capacity: 4096)
      let name = recording.split(separator: "/").last.map(String.init) ?? recording
      JUnitText(report, name: name).write(to: &sink)
      try OutputFile.write(sink.bytes, to: junit, option: "--junit")
    }
    var sink = ByteSink(capacity: 4096)
    switch format {
    case .text: ReplayText(report).write(to: &sink)
    case .json:
      var plain = ByteSink(capacity: 4096)
      ReplayJSON(report).value.write(to: &plain)
      sink.append(harmlessJSON: plain.bytes)
      sink.append(0x0A)
    }
    StandardOutput.write(sink.bytes)
  }
}

extension SecretVeil {
  /// A veil for one run of a command: what it hides can be looked up nowhere.
  static func made(given values: [String] = []) -> SecretVeil {
    var random = SystemRandomNumberGenerator()
    return SecretVeil(Redactor(hash: KeyedHash(key: (random.next(), random.next()))), given: values)
  }
}

/// A file that a command writes whole.
enum OutputFile {
  /// Tells before the work that the file could not be written after it.
  static func checkWritable(_ path: String, option: String) throws {
    guard path != "-" else { return }
    let isNew = access(path, F_OK) != 0
    let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw failure(path, option) }
    _ = close(descriptor)
    if isNew { _ = unlink(path) }
  }

  private static func failure(_ path: String, _ option: String, _ error: CInt = errno) -> Failure {
    Failure(
      explanation: "\(option): '\(path)' cannot be written: \(String(cString: strerror(error)))",
      status: ExitStatus.captureNotWritten)
  }

  static func write(_ bytes: UnsafeRawBufferPointer, to path: String, option: String) throws {
    if path == "-" { return StandardOutput.write(bytes) }
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw failure(path, option) }
    var error = StandardOutput.write(bytes, to: descriptor)
    if close(descriptor) != 0, error == 0 { error = errno }
    guard error == 0 else { throw failure(path, option, error) }
  }
}
