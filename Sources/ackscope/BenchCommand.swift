import ArgumentParser
import JSONText
import LoadBench
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension LoadPlan.Transport: ExpressibleByArgument {}

/// Who compresses messages in a comparison.
enum BenchCompression: String, ExpressibleByArgument, CaseIterable {
  case off, server
}

/// How a comparison is reported.
enum BenchFormat: String, ExpressibleByArgument, CaseIterable {
  case text, json
}

/// A proxy of the user's on the command line: `NAME=PORT[:PID]`.
struct ViaArgument: ExpressibleByArgument {
  let via: BenchOptions.Via

  init?(argument: String) {
    guard let via = BenchOptions.Via(argument) else { return nil }
    self.via = via
  }
}

/// `ackscope bench`: what the proxy costs, here and now.
///
/// Not asynchronous: children are started and waited for from the one thread that lives as long as the run.
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Measure what the proxy costs against a direct connection, here and now.",
    discussion: """
      An echo server, a load client and a proxy with its capture on run as processes of their own, on loopback only. \
      The same load goes direct, through the proxy, and through every --via, in turn and in rounds. Other proxies \
      find the server at --server-port.
      """)

  @Option(help: "Connections open at once.")
  var connections = 50

  @Option(help: "Emits in flight for each connection.")
  var window = 4

  @Option(help: "Bytes of the echoed string.")
  var payload = SizeArgument(bytes: 100)

  @Option(help: "Emits a second, over all connections, at which latencies are measured.")
  var rate = 5000

  @Option(help: "How long each measurement takes.")
  var duration = DurationArgument(microseconds: 5_000_000)

  @Option(help: "Rounds; medians of them are shown.")
  var rounds = 5

  @Option(help: "How the packets travel.")
  var transport = LoadPlan.Transport.websocket

  @Option(help: "Whether the server compresses its messages (permessage-deflate).")
  var compression = BenchCompression.off

  @Option(
    help: ArgumentHelp(
      "A proxy in front of --server-port to compare with; with a PID also its cost.",
      valueName: "NAME=PORT[:PID]"))
  var via: [ViaArgument] = []

  @Option(help: "Where the bench server listens, on 127.0.0.1; 0 picks a free port.")
  var serverPort: UInt16 = 0

  @Option(help: "Connections held open to measure the memory of one; 0 leaves that out.")
  var idleConnections = 1000

  @Option(help: "Connections set up, one after the other, to measure how many a second.")
  var setups = 1000

  @Option(help: "Bytes of one payload that the proxy's capture keeps, as 'ackscope proxy' knows it.")
  var maxCapturePayload: SizeArgument?

  @Option(help: "The form of the report.")
  var format = BenchFormat.text

  func validate() throws {
    try Self.check(connections, 1...10_000, "--connections")
    try Self.check(window, 1...1024, "--window")
    try Self.check(payload.bytes, 1...(16 << 20), "--payload")
    try Self.check(rate, 1...1_000_000, "--rate")
    try Self.check(rounds, 1...1000, "--rounds")
    if let maxCapturePayload { try CaptureOptions.check(maxCapturePayload) }
    try Self.check(idleConnections, 0...10_000, "--idle-connections")
    try Self.check(setups, 1...20_000, "--setups")
    guard (10_000...600_000_000).contains(duration.microseconds) else {
      throw ValidationError("--duration is from 10ms to 10m")
    }
    if transport == .polling, compression == .server {
      throw ValidationError("--compression server is of WebSockets; leave --transport polling out")
    }
    if !via.isEmpty, serverPort == 0 {
      throw ValidationError("--via needs --server-port: the other proxy has to know where the server is")
    }
    let names = via.map(\.via.name) + ["direct", "ackscope"]
    if Set(names).count < names.count { throw ValidationError("each --via needs a name of its own") }
  }

  private static func check(_ value: Int, _ bounds: ClosedRange<Int>, _ name: String) throws {
    guard bounds.contains(value) else {
      throw ValidationError("\(name) is from \(bounds.lowerBound) to \(bounds.upperBound)")
    }
  }

  func run() throws {
    var options = BenchOptions()
    options.load.connections = connections
    options.load.window = window
    options.load.payload = payload.bytes
    options.load.rate = rate
    options.load.milliseconds = Int(duration.microseconds / 1000)
    options.load.transport = transport
    options.load.compresses = compression == .server
    options.load.setups = setups
    options.rounds = rounds
    options.vias = via.map(\.via)
    options.serverPort = serverPort
    options.idleConnections = idleConnections
    options.keptPayload = maxCapturePayload?.bytes
    Interruption.watch()
    do throws(LoadFault) {
      // The run holds the children: it is gone, and they with it, before the process exits.
      let report = try BenchRun(
        options, executable: Self.executable, isInterrupted: { Interruption.happened }
      ).run()
      switch format {
      case .text: StandardOutput.write(report.text)
      case .json: StandardOutput.write(report.json.text + "\n")
      }
    } catch {
      if Interruption.happened { throw ExitCode(130) }
      throw Failure(explanation: error.description, status: ExitStatus.checkFailed)
    }
  }

  /// The path of the running program.
  private static var executable: String {
    var path = [CChar](repeating: 0, count: Int(PATH_MAX))
    let length = readlink("/proc/self/exe", &path, path.count - 1)
    guard length > 0 else { return CommandLine.arguments.first ?? "ackscope" }
    return String(decoding: path[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

/// Ctrl-C and its like, noted for whoever asks.
private enum Interruption {
  private static let flag = Atomic(false)

  static var happened: Bool { flag.load(ordering: .relaxed) }

  static func watch() {
    // Made now: a signal handler must not be the first to touch it.
    _ = happened
    for number in [SIGINT, SIGTERM, SIGHUP] {
      signal(number) { _ in Interruption.flag.store(true, ordering: .relaxed) }
    }
  }
}
