import ArgumentParser
import CaptureStorage
import CaptureFormat
import LiveView
import ProxyServer
import SessionDecoder

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// How a run is shown.
enum ViewChoice: String, ExpressibleByArgument, CaseIterable {
  case auto, live, lines, none
}

/// What happens when the capture can no longer be written.
enum CaptureErrorPolicy: String, ExpressibleByArgument, CaseIterable {
  case `continue`, stop
}

/// The options about the capture and the view, which `proxy` and `demo` share.
struct CaptureOptions: ParsableArguments {
  @Option(help: "Where the capture goes; '-' for standard output. (default: captures/YYYYMMDD-HHMMSS.jsonl)")
  var capture: String?

  @Flag(name: .customLong("no-capture"), help: "Write no capture.")
  var noCapture = false

  @Option(
    help:
      "What is shown: a live screen, one line for each event, ack and verdict, or nothing. auto: live on a terminal."
  )
  var view = ViewChoice.auto

  @Flag(help: "Write secrets into the capture as they are.")
  var keepSecrets = false

  @Option(parsing: .upToNextOption, help: "Further names whose values are secrets.")
  var redact: [String] = []

  @Option(help: "Keep forwarding when the capture cannot be written, or stop with status 74.")
  var onCaptureError = CaptureErrorPolicy.continue

  @Option(help: "Bytes of one payload kept in the capture.")
  var maxCapturePayload = SizeArgument(bytes: 1 << 20)

  @Option(help: "Go on in a new file when one has this size: 000001, 000002, … in its name.")
  var rotateSize: SizeArgument?

  @Option(help: "Go on in a new file after this time.")
  var rotateEvery: DurationArgument?

  @Option(help: ArgumentHelp("Of those files, keep the newest and delete the others.", valueName: "n"))
  var keep: Int?

  /// When the capture goes on in another file, or nil for never.
  var rotation: CaptureRotation? {
    if rotateSize == nil && rotateEvery == nil { return nil }
    return CaptureRotation(
      size: rotateSize.map { Int64($0.bytes) }, age: rotateEvery.map(\.microseconds), keep: keep)
  }

  func validate() throws {
    if rotation != nil {
      let option = rotateSize == nil ? "--rotate-every" : "--rotate-size"
      if capture == "-" {
        throw ValidationError("\(option) needs files: give --capture a path instead of '-'")
      }
      if noCapture { throw ValidationError("\(option) and --no-capture exclude each other") }
    }
    if let rotateSize, rotateSize.bytes < 4096 { throw ValidationError("--rotate-size is at least 4KiB") }
    if let rotateEvery, rotateEvery.microseconds < 1_000_000 {
      throw ValidationError("--rotate-every is at least 1s")
    }
    if let keep {
      if rotation == nil { throw ValidationError("--keep goes with --rotate-size or --rotate-every") }
      if keep < 1 { throw ValidationError("--keep is at least 1") }
    }
    if noCapture && capture != nil { throw ValidationError("--capture and --no-capture exclude each other") }
    if view == .live && capture == "-" {
      throw ValidationError("--view live and --capture - both want standard output: give the capture a path")
    }
    try Self.check(maxCapturePayload)
  }

  /// Whether records have room for their own members with so little of a payload.
  static func check(_ maxCapturePayload: SizeArgument) throws {
    if maxCapturePayload.bytes < 256 { throw ValidationError("--max-capture-payload is at least 256 bytes") }
  }

  /// The path to write to, or nil for none; makes the default directory.
  func path() -> String? {
    if noCapture { return nil }
    if let capture { return capture }
    mkdir("captures", 0o777)
    var now = time(nil)
    var parts = tm()
    localtime_r(&now, &parts)
    func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let stamp =
      "\(parts.tm_year + 1900)\(two(parts.tm_mon + 1))\(two(parts.tm_mday))-\(two(parts.tm_hour))\(two(parts.tm_min))\(two(parts.tm_sec))"
    var path = "captures/\(stamp).jsonl"
    var attempt = 2
    while access(path, F_OK) == 0 || access(CaptureSetName.path(path, part: 1), F_OK) == 0 {
      path = "captures/\(stamp)-\(attempt).jsonl"
      attempt += 1
    }
    return path
  }

  /// What this run shows: `auto` decided, and `live` only where there is a terminal for it.
  func shownView() -> ViewChoice {
    switch view {
    case .none, .lines: return view
    case .auto: return capture == "-" ? .none : LiveScreen.isPossible ? .live : .lines
    case .live:
      if LiveScreen.isPossible { return .live }
      StandardError.line("the live view needs a terminal (and TERM other than dumb); lines are shown instead")
      return .lines
    }
  }

  /// A screen that shows lines.
  static func lineScreen() -> LineScreen {
    var options = LineView.Options()
    options.isColored = LineScreen.mayColor(STDOUT_FILENO)
    return LineScreen(descriptor: STDOUT_FILENO, options: options)
  }

  /// - Parameter notesPackets: see `DecoderOptions`.
  func decoder(
    ackTimeout: DurationArgument, rule: EngineIORule = EngineIORule(), notesPackets: Bool = false
  ) -> TrafficDecoder {
    var options = DecoderOptions(tool: "ackscope/\(Version.current)")
    options.ackTimeout = ackTimeout.microseconds
    options.capturePayload = maxCapturePayload.bytes
    options.rule = rule
    options.notesPackets = notesPackets
    var random = SystemRandomNumberGenerator()
    options.captureSet = String(random.next(upperBound: UInt64(1) << 48), radix: 16)
    let hash = KeyedHash(key: (random.next(), random.next()))
    return TrafficDecoder(
      options: options,
      redactor: Redactor(names: SecretNames(adding: redact), hash: hash, isOn: !keepSecrets))
  }

  func files(_ path: String?) throws -> CaptureFiles? {
    guard let path else { return nil }
    do throws(CaptureWriter.Unwritable) {
      return try CaptureFiles(path: path, rotation: rotation)
    } catch {
      throw Failure(
        explanation: error.explanation,
        status: onCaptureError == .stop ? ExitStatus.captureNotWritten : ExitStatus.usage)
    }
  }
}
