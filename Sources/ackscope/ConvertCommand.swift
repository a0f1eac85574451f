import AckCorrelation
import ArgumentParser
import CaptureStorage
import CaptureFormat
import CaptureInspector
import HTTPArchive
import JSONText
import SessionDecoder

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// `ackscope convert`: captures to HAR and CSV, and HARs to captures.
struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert", abstract: "Turn a browser's HAR into a capture, or a capture into a HAR or CSV.",
    discussion: """
      A HAR saved by a browser's network panel, by mitmproxy or by Playwright becomes a capture that can be inspected, \
      watched and replayed; a capture becomes a HAR that the network panel opens. What the new form cannot hold is said \
      on standard error.
      """)

  /// A form of recorded traffic.
  enum Form: String, ExpressibleByArgument, CaseIterable {
    case capture, har, csv

    /// The form that the end of a path's name stands for.
    init?(path: String) {
      let name = path.lowercased()
      if name.hasSuffix(".jsonl") || name.hasSuffix(".ndjson") {
        self = .capture
      } else if name.hasSuffix(".har") {
        self = .har
      } else if name.hasSuffix(".csv") {
        self = .csv
      } else {
        return nil
      }
    }
  }

  @Argument(help: ArgumentHelp("A capture (.jsonl) or a HAR (.har).", valueName: "INPUT"))
  var input: String

  @Argument(
    help: ArgumentHelp("A new file: .jsonl, .har or .csv; '-' for standard output.", valueName: "OUTPUT"))
  var output: String

  @Option(help: "What INPUT is: capture or har. (default: by its name)")
  var from: Form?

  @Option(help: "What OUTPUT becomes: capture, har or csv. (default: by its name)")
  var to: Form?

  @Option(
    help: ArgumentHelp(
      "Reading a HAR: how long an emit may wait for its ack. (default: 5s)", valueName: "500ms|5s|2m"))
  var ackTimeout: DurationArgument?

  @Flag(help: "Reading a HAR: write secrets into the capture as they are.")
  var keepSecrets = false

  @Option(parsing: .upToNextOption, help: "Reading a HAR: further names whose values are secrets.")
  var redact: [String] = []

  func run() throws {
    guard let source = from ?? Form(path: input), source != .csv else {
      throw Failure(explanation: "'\(input)': say what it is with --from capture or --from har")
    }
    guard let target = to ?? Form(path: output) else {
      throw Failure(
        explanation: "'\(output)': say what it is to become with --to capture, --to har or --to csv")
    }
    switch (source, target) {
    case (.har, .capture): try writeCapture()
    case (.har, .csv):
      var capture: [UInt8] = []
      try readHAR {
        { bytes in
          capture += bytes
          return true
        }
      }
      try writeCSV { handle in
        var reader = CaptureReader()
        try capture.withUnsafeBytes { try reader.bytesArrived($0, handle) }
      }
    case (.capture, .har): try writeHAR()
    case (.capture, .csv):
      if input == "-" {
        throw Failure(
          explanation: "a CSV needs its capture twice, and standard input comes once: give a file")
      }
      try writeCSV { handle in try readCapture(handle) }
    case (.capture, .capture):
      throw Failure(explanation: "both are captures; 'ackscope inspect --write' slices and merges them")
    default: throw Failure(explanation: "both are HARs: nothing to convert")
    }
  }

  // MARK: ways

  private func writeCapture() throws {
    var writer: Output?
    try readHAR {
      let made = try Output(path: output)
      writer = made
      return { made.write($0) }
    }
    try writer?.finish()
  }

  private func writeHAR() throws {
    var har = HARWriter(tool: "ackscope/\(Version.current)")
    try readCapture { item in
      switch item {
      case .record(let record): har.recordRead(record)
      case .damage(let damage): StandardError.line(damage.message(for: input))
      }
    }
    let writer = try Output(path: output)
    har.write { writer.write($0) }
    try writer.finish()
    har.losses.lines.forEach(StandardError.note)
  }

  private func writeCSV(_ read: ((CaptureReader.Item) -> Void) throws -> Void) throws {
    let csv = EventCSV()
    try read { item in
      switch item {
      case .record(let record): csv.recordRead(record)
      case .damage(let damage): StandardError.line(damage.message(for: input))
      }
    }
    csv.captureEnded()
    let writer = try Output(path: output)
    var sink = ByteSink(capacity: 64 << 10)
    csv.writeHeader(to: &sink)
    try read { item in
      guard case .record(let record) = item else { return }
      csv.write(record, to: &sink)
      if sink.count > 48 << 10 {
        _ = writer.write(sink.bytes)
        sink.removeAll()
      }
    }
    _ = writer.write(sink.bytes)
    try writer.finish()
  }

  // MARK: reading

  /// - Parameter begin: makes what takes the capture; called once it is sure that there is something to write.
  private func readHAR(_ begin: () throws -> (UnsafeRawBufferPointer) -> Bool) throws {
    let text = try wholeInput()
    do {
      let reader = try text.withUnsafeBytes { bytes throws(HARRefusal) in try HARReader(bytes) }
      var options = DecoderOptions(
        tool: "ackscope/\(Version.current)" + (reader.creator.isEmpty ? "" : " (HAR of \(reader.creator))"))
      options.ackTimeout = ackTimeout?.microseconds ?? reader.ackTimeout ?? options.ackTimeout
      var random = SystemRandomNumberGenerator()
      let hash = KeyedHash(key: (random.next(), random.next()))
      var decoder = TrafficDecoder(
        options: options,
        redactor: Redactor(names: SecretNames(adding: redact), hash: hash, isOn: !keepSecrets))
      say(reader.write(through: &decoder, output: try begin()))
    } catch let refusal as HARRefusal {
      throw Failure(explanation: refusal.message(for: input))
    }
  }

  private func say(_ account: HARReader.Account) {
    StandardError.note(
      "\(account.webSockets) WebSockets and \(account.polls) polling requests; \(account.others) other entries left out"
    )
    if account.withoutEnd > 0 {
      StandardError.note(
        "a HAR does not tell when a WebSocket ended (\(account.withoutEnd) here): emits open at its end are 'capture_ended'"
      )
    }
    if account.withoutBody > 0 {
      StandardError.line(
        "\(account.withoutBody) polling answers have no body in the HAR, and their packets are missing: save it 'with content'"
      )
    }
  }

  private func readCapture(_ handle: (CaptureReader.Item) -> Void) throws {
    do throws(CaptureInspection.Unreadable) {
      for file in CaptureInspection.files(of: input) {
        let torn = try CaptureInspection.read(file, handle: handle)
        if torn > 0 { StandardError.line("\(TerminalText.harmless(file)): the last line is torn, dropped") }
      }
    } catch {
      throw Failure(explanation: error.explanation)
    }
  }

  private func wholeInput() throws -> [UInt8] {
    do throws(CaptureFile.Fault) {
      var file = try CaptureFile(path: input)
      var text: [UInt8] = []
      while let block = try file.nextBlock() { text += block }
      return text
    } catch {
      throw Failure(explanation: error.message)
    }
  }
}

/// The file that a command makes: new, for its owner only, and gone again where it could not be written whole.
final class Output {
  private let path: String
  private var writer: CaptureWriter
  private var problem: String?

  init(path: String) throws {
    self.path = path
    do throws(CaptureWriter.Unwritable) {
      writer = try CaptureWriter(path: path)
    } catch {
      throw Failure(explanation: error.explanation.replacing("the capture ", with: ""))
    }
  }

  /// Writes bytes; false once that is no longer possible.
  func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
    if problem == nil { problem = writer.write(bytes)?.reason }
    return problem == nil
  }

  func finish() throws {
    guard let problem else { return }
    if path != "-" { unlink(path) }
    throw Failure(explanation: "cannot write '\(path)': \(problem)", status: ExitStatus.captureNotWritten)
  }
}
