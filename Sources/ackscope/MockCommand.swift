import ArgumentParser
import MockServer
import NIOPosix
import RecordedSessions
import UnixSignals

/// `ackscope mock`: the server for clients that have none.
struct MockCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mock", abstract: "Answer clients as the recorded server did.",
    discussion: """
      Every client plays one of the recorded sessions: its emits get the recorded acks, by event and arguments, the most \
      similar first, and the recorded events come when their cause does, or at their time. What had no answer is said on \
      standard error. Ctrl-C stops.
      """)

  @Argument(help: ArgumentHelp("The capture; '-' for standard input.", valueName: "CAPTURE"))
  var capture: String

  @Option(help: "Where to listen, HOST:PORT; port 0 picks a free one.")
  var listen = "127.0.0.1:8090"

  @Option(
    help: ArgumentHelp(
      "How fast: 1 as recorded, 10 ten times as fast, or max. (default: 1)", valueName: "1|10|max"))
  var speed: PlaybackSpeedArgument?

  @Flag(help: "Play the recorded sessions again once each was played.")
  var loop = false

  @Flag(
    help:
      "Answer nothing but what the client's own session has, each recorded emit once; exit with 1 where something had no answer."
  )
  var strict = false

  @Option(help: "Play the sessions in which anything matches.")
  var sessions: String?

  func run() async throws {
    let recording = try RecordingFile.read(
      capture, filter: try RecordingFile.filter(sessions, option: "--sessions"))
    for note in recording.notes { StandardError.note("\(capture): \(note)") }
    guard !recording.sessions.isEmpty || !recording.refusals.isEmpty else {
      throw Failure(
        explanation: "\(capture): no Socket.IO session to play"
          + (sessions == nil ? ": record one with 'ackscope proxy --capture PATH'" : " matches --sessions"))
    }
    var options = MockOptions()
    options.speed = speed?.factor ?? 1
    options.loops = loop
    options.isStrict = strict
    let (host, port) = try ProxyCommand.hostAndPort(listen)
    // Trapped before anybody is told that the mock listens.
    let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
    let veil = SecretVeil.made()
    let server: MockServer
    do {
      server = try await MockServer.start(
        host: host, port: port, recording: recording, options: options,
        group: MultiThreadedEventLoopGroup.singleton, complain: { StandardError.line(veil.text($0)) })
    } catch let error as MockServer.CannotListen {
      throw Failure(explanation: error.explanation)
    }
    StandardError.write("listening on http://\(server.address)\n")
    StandardError.note(
      "playing \(recording.sessions.count) sessions of \(capture)"
        + (recording.upstream.map { ", recorded from \($0)" } ?? ""))
    for await _ in signals { break }
    let outcome = try await server.outcome()
    await server.stop()
    StandardError.note("\(outcome.answered) answered as recorded, \(outcome.unanswered) without an answer")
    if strict, outcome.unanswered > 0 { throw ExitCode(ExitStatus.checkFailed) }
  }
}
