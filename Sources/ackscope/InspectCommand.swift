import AckCorrelation
import ArgumentParser
import CaptureStorage
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
    commandName: "inspect", abstract: "Sum captures up: totals, events, the emits without an ack and why.",
    discussion: """
      With --write, captures become one: merged by time, narrowed to what --filter lets through and what is needed to \
      understand it, with numbers and totals of its own.
      """)

  @Argument(help: ArgumentHelp("Captures; '-' for standard input.", valueName: "CAPTURE"))
  var captures: [String]

  @Option(help: "The form of the report.")
  var format = CaptureInspection.Format.text

  @Option(help: "Narrow everything to what matches, like '~ev send & ~from client'.")
  var filter: String?

  @Option(help: "Exit with 1 where any of these occurs: VERDICT[:CAUSE],…")
  var failOn: String?

  @Option(help: "Write what matches as a capture, instead of a report; '-' for standard output.")
  var write: String?

  @Flag(help: "With --write: of every session that anything matches in, all of it.")
  var wholeSessions = false

  func validate() throws {
    if wholeSessions && write == nil { throw ValidationError("--whole-sessions goes with --write") }
    if write != nil && failOn != nil {
      throw ValidationError("--fail-on is about a report and --write makes none: inspect what was written")
    }
  }

  func run() throws {
    if let write { return try writeSlice(to: write) }
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

  private func writeSlice(to path: String) throws {
    _ = try filter.map(Self.filter)
    let text = filter
    do {
      let slicing = try CaptureSlicing(
        paths: captures, filter: text, makeFilter: { text.flatMap { try? CaptureFilter(parsing: $0) } },
        takesWholeSessions: wholeSessions, diagnostics: StandardError.line)
      var writer = try CaptureWriter(path: path)
      var problem: String?
      let written = try slicing.write { bytes in
        problem = writer.write(bytes)?.reason
        return problem == nil
      }
      if let problem {
        throw Failure(
          explanation: "cannot write the capture '\(path)': \(problem)", status: ExitStatus.captureNotWritten)
      }
      if path != "-" {
        StandardError.note(
          "\(TerminalText.harmless(path)): \(written.records) records, \(written.sessions) sessions, "
            + "\(written.emits) emits, \(written.acks) acks")
      }
      if written.emits == 0, text != nil { StandardError.note("no emit matches the filter") }
    } catch let fault as CaptureSlicing.Fault {
      throw Failure(explanation: fault.message)
    } catch let unwritable as CaptureWriter.Unwritable {
      throw Failure(explanation: unwritable.explanation)
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
  /// What cannot be written is said, and ends the command; that nobody reads any more is no fault.
  static func write(_ bytes: UnsafeRawBufferPointer) {
    let error = write(bytes, to: STDOUT_FILENO)
    guard error != 0, error != EPIPE else { return }
    StandardError.line("cannot write to standard output: \(String(cString: strerror(error)))")
    exit(ExitStatus.captureNotWritten)
  }

  /// Writes all of it.
  ///
  /// - Returns: the system's error where it could not be, or 0.
  @discardableResult
  static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: CInt) -> CInt {
    var written = 0
    while written < bytes.count, let start = bytes.baseAddress {
      #if canImport(Glibc)
        let result = Glibc.write(descriptor, start + written, bytes.count - written)
      #else
        let result = Darwin.write(descriptor, start + written, bytes.count - written)
      #endif
      if result < 0 && errno != EINTR { return errno }
      written += max(result, 0)
    }
    return 0
  }
}
