import AckCorrelation
import ArgumentParser
import CaptureFormat
import LiveView

/// `ackscope watch`: the live view over a capture.
struct WatchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch", abstract: "Play a capture back into the live view.",
    discussion: """
      Keys: space pauses, v plays on to the next emit that ended without an ack, + and - change the speed, \
      e plays everything at once, ? shows all keys, q quits.
      """)

  @Argument(help: ArgumentHelp("The capture.", valueName: "CAPTURE"))
  var capture: String

  @Option(help: "How fast: 1 as it happened, 10 ten times as fast, or max. (default: 1, with --follow max)")
  var speed: PlaybackSpeedArgument?

  @Flag(help: "Go on with what is written to a file that still grows.")
  var follow = false

  func run() throws {
    guard capture != "-" else {
      throw Failure(explanation: "watch reads a file, not standard input: that is for the keys; give a path")
    }
    guard LiveScreen.isPossible else {
      throw Failure(
        explanation:
          "watch needs a terminal (and TERM other than dumb); 'ackscope inspect' reads a capture without one")
    }
    do throws(CaptureWatch.Fault) {
      try CaptureWatch.run(
        path: capture, speed: speed?.factor, follows: follow, advice: Advice.line(verdictOrFinding:cause:))
    } catch {
      throw Failure(explanation: error.explanation)
    }
  }
}

/// A speed on the command line: `2`, `0.5`, `10x`, `max`.
struct PlaybackSpeedArgument: ExpressibleByArgument {
  /// Seconds of the capture in a second; infinite for all at once.
  let factor: Double

  init?(argument: String) {
    if argument == "max" {
      factor = .infinity
      return
    }
    let digits = argument.hasSuffix("x") ? String(argument.dropLast()) : argument
    guard let number = Double(digits), number > 0, number <= 1_000_000 else { return nil }
    factor = number
  }
}
