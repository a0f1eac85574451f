import ArgumentParser
import CaptureFormat
import JSONText
import RecordedSessions

/// `ackscope diff`: holds a capture against another by meaning.
struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "Compare two captures by meaning; exit with 1 where they differ.",
    discussion: """
      Sessions are paired by what their clients did. Times, session ids, values that the server made up, and the order of \
      events between two emits may differ; --ignore adds more. The exit status is 0 where the captures say the same, 1 where \
      they differ, 2 where one cannot be read.
      """)

  /// The forms of the report.
  enum Format: String, ExpressibleByArgument, CaseIterable {
    case text, json
  }

  @Argument(help: ArgumentHelp("The capture that is taken for right.", valueName: "A"))
  var first: String

  @Argument(help: ArgumentHelp("The capture that is held against it.", valueName: "B"))
  var second: String

  @Option(
    help:
      "A place that may differ: '$.ts' anywhere, 'message $.ts' in an event, 'ack of create_room $.n'; more than once."
  )
  var ignore: [String] = []

  @Flag(help: "Compare times and ids that servers make up, too.")
  var strict = false

  @Option(help: "Narrow both to the sessions in which anything matches.")
  var filter: String?

  @Option(help: "How many times slower than in A the median of an event's acks may be.")
  var maxLatencyRatio: Double?

  @Option(help: "The form of the report.")
  var format = Format.text

  func validate() throws {
    if first == "-" && second == "-" {
      throw ValidationError("only one of the captures can be standard input")
    }
    if let maxLatencyRatio, !(maxLatencyRatio > 0) { throw ValidationError("--max-latency-ratio is above 0") }
  }

  func run() throws {
    let places = try ignore.map { text in
      do throws(JSONPath.Fault) {
        return try IgnoredPlace(parsing: text)
      } catch {
        throw Failure(explanation: "--ignore: \(error.explanation)")
      }
    }
    let expected = try recording(first)
    let actual = try recording(second)
    let diff = RecordingDiff(
      expected, actual, rules: ComparisonRules(ignored: places, usesDefaults: !strict))
    let slower = diff.latencies.differences(maximumRatio: maxLatencyRatio, maximumP99: nil)
    let report = DiffReport(expected: first, actual: second, diff: diff, slower: slower)
    var sink = ByteSink(capacity: 4096)
    switch format {
    case .text: report.writeText(to: &sink)
    case .json:
      var plain = ByteSink(capacity: 4096)
      report.writeJSON(to: &plain)
      sink.append(harmlessJSON: plain.bytes)
    }
    StandardOutput.write(sink.bytes)
    if !report.differences.isEmpty { throw ExitCode(ExitStatus.checkFailed) }
  }

  private func recording(_ path: String) throws -> Recording {
    let recording = try RecordingFile.read(path, filter: try RecordingFile.filter(filter, option: "--filter"))
    for note in recording.notes { StandardError.note("\(path): \(note)") }
    return recording
  }
}
