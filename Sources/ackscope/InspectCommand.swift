import AckCorrelation
import ArgumentParser
import CaptureFormat
import CaptureInspector

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension CaptureInspection.Format: ExpressibleByArgument {}

/// `ackscope inspect`: what happened, and what was never acknowledged.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "Sum captures up: totals, events, the emits without an ack and why.")

  @Argument(help: ArgumentHelp("Captures; '-' for standard input.", valueName: "CAPTURE"))
  var captures: [String]

  @Option(help: "The form of the report.")
  var format = CaptureInspection.Format.text

  @Option(help: "Narrow everything to what matches, like '~ev send & ~from client'.")
  var filter: String?

  @Option(help: "Exit with 1 where any of these occurs: VERDICT[:CAUSE],…")
  var failOn: String?

  func run() throws {
    let decision = CaptureInspection.run(
      paths: captures, format: format, filter: try filter.map(Self.filter), failOn: try failOn.map(Self.list),
      advice: Advice.line(verdictOrFinding:cause:), output: StandardOutput.write,
      diagnostics: StandardError.line)
    switch decision {
    case .fine: return
    case .checkFailed: throw ExitCode(ExitStatus.checkFailed)
    case .unreadable: throw ExitCode(ExitStatus.usage)
    }
  }

  private static func filter(_ text: String) throws -> CaptureFilter {
    do {
      return try CaptureFilter(parsing: text)
    } catch {
      throw Failure(explanation: "--filter: \(error)")
    }
  }

  private static func list(_ text: String) throws -> FailOnList {
    do {
      return try FailOnList(parsing: text)
    } catch {
      throw Failure(explanation: "--fail-on: \(error)")
    }
  }
}

extension Advice {
  /// The advice for names as captures give them: a verdict with its cause, or a finding; empty where there is none.
  static func line(verdictOrFinding name: String, cause: String?) -> String {
    if let verdict = Verdict(rawValue: name) {
      return "\(Advice.line(verdict, cause.flatMap { Cause(rawValue: $0) }))"
    }
    return FindingKind(rawValue: name).map { "\(Advice.line($0))" } ?? ""
  }
}

/// Data on standard output.
enum StandardOutput {
  static func write(_ bytes: UnsafeRawBufferPointer) {
    write(bytes, to: STDOUT_FILENO)
  }

  /// Writes all of it, unless nobody reads any more.
  static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: CInt) {
    var written = 0
    while written < bytes.count, let start = bytes.baseAddress {
      #if canImport(Glibc)
        let result = Glibc.write(descriptor, start + written, bytes.count - written)
      #else
        let result = Darwin.write(descriptor, start + written, bytes.count - written)
      #endif
      if result < 0 && errno != EINTR { return }
      written += max(result, 0)
    }
  }
}
