import ArgumentParser
import CaptureFormat
import LiveView
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The command `ackscope`: its subcommands, and what all of them share.
struct Ackscope: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ackscope",
    abstract: "See every emit that never got its ack, and why.",
    discussion: """
      A man-in-the-middle proxy and inspector for Socket.IO: it forwards every byte, pairs each emit with its \
      ack, and says which emits nobody acknowledged.
      """,
    version: "ackscope \(Version.current)",
    subcommands: [
      ProxyCommand.self, DemoCommand.self, InspectCommand.self, WatchCommand.self, ReplayCommand.self,
      MockCommand.self, DiffCommand.self, ConvertCommand.self, DecodeCommand.self, AuthorityCommand.self,
      BenchCommand.self, BenchServerCommand.self, BenchClientCommand.self, BenchProxyCommand.self,
    ])
}

/// The version of the tool, as `--version` and captures give it.
enum Version {
  static let current = "0.1.0"
}

/// The exit statuses that scripts rely on (CLI.md).
enum ExitStatus {
  static let checkFailed: Int32 = 1
  static let usage: Int32 = 2
  static let upstreamUnreachable: Int32 = 69
  static let captureNotWritten: Int32 = 74
}

/// Something that ends the command, told in one line.
struct Failure: Error {
  var explanation: String
  var status: Int32 = ExitStatus.usage
}

@main
enum Main {
  static func main() async {
    // A pipe whose reader has gone is reported by the write itself.
    signal(SIGPIPE, SIG_IGN)
    // So is a limit on the size of files.
    signal(SIGXFSZ, SIG_IGN)
    do {
      var command = try Ackscope.parseAsRoot()
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch let failure as Failure {
      StandardError.line(failure.explanation)
      exit(failure.status)
    } catch let code as ExitCode {
      exit(code.rawValue)
    } catch {
      guard Ackscope.exitCode(for: error) == .validationFailure else { Ackscope.exit(withError: error) }
      let command = CommandLine.arguments.dropFirst().first.map { " \($0)" } ?? ""
      let known = Ackscope.configuration.subcommands.contains { command == " \($0._commandName)" }
      let line = Ackscope.message(for: error).split(separator: "\n").joined(separator: " ")
      StandardError.line("\(line) (see 'ackscope\(known ? command : "") --help')")
      exit(ExitStatus.usage)
    }
  }
}

/// Lines for people on standard error; while a screen is up that they would tear, the screen shows them.
enum StandardError {
  private struct Detour {
    var show: (@Sendable (_ line: String, _ kind: ScreenDiagnostic) -> Void)?
    var heldBack: [String] = []
  }

  /// Lines kept for after the screen.
  private static let limit = 50
  private static let detour = Mutex(Detour())

  /// Something that went wrong.
  static func line(_ text: String) { line(text, kind: .problem) }

  /// The same, told apart for a screen. What it names may come from the wire: it is made harmless.
  static func line(_ text: String, kind: ScreenDiagnostic) {
    let text = TerminalText.harmless(text)
    pass(text, "ackscope: \(text)\n", kind)
  }

  /// Something good to know.
  static func note(_ text: String) {
    let text = TerminalText.harmless(text)
    pass(text, "ackscope: \(text)\n", .note)
  }

  /// A whole line as it is, for programs that wait for it.
  static func write(_ text: String) { pass(text, text, .note) }

  /// Lines go to a screen from now on; they come out on standard error when the screen is gone.
  static func showOn(_ show: @escaping @Sendable (_ line: String, _ kind: ScreenDiagnostic) -> Void) {
    detour.withLock { $0.show = show }
  }

  /// The screen is gone.
  static func screenEnded() {
    let lines = detour.withLock { detour in
      detour.show = nil
      defer { detour.heldBack = [] }
      return detour.heldBack
    }
    for line in lines { put(line) }
  }

  private static func pass(_ text: String, _ line: String, _ kind: ScreenDiagnostic) {
    let show = detour.withLock { detour in
      if detour.show != nil, isatty(STDERR_FILENO) == 1, detour.heldBack.count < limit {
        detour.heldBack.append(line)
      }
      return detour.show
    }
    show?(text, kind)
    // Where standard error is a file or a pipe, nothing is torn.
    if show == nil || isatty(STDERR_FILENO) == 0 { put(line) }
  }

  private static func put(_ text: String) {
    var text = text
    text.withUTF8 { _ = StandardOutput.write(UnsafeRawBufferPointer($0), to: STDERR_FILENO) }
  }
}
