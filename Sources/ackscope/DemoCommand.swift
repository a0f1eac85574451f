import AckCorrelation
import ArgumentParser
import CaptureInspector
import DemoChat
import LiveView
import NIOCore
import NIOPosix
import ProxyServer
import SessionDecoder
import UnixSignals

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// `ackscope demo`: a chat with every fault in it, through the proxy, with nothing to prepare.
struct DemoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo", abstract: "Watch a chat of Ackscope's own go wrong in every way, through the proxy.")

  @Option(help: "How long the clients chat.")
  var duration = DurationArgument(microseconds: 10_000_000)

  @Option(help: "The same seed plays the same chat.")
  var seed: UInt64 = 1

  @OptionGroup var capture: CaptureOptions

  func validate() throws {
    if duration.microseconds > 3_600_000_000 { throw ValidationError("--duration is at most 1h") }
    if capture.capture == "-" {
      throw ValidationError("the demo needs its capture for the summary: give --capture a path")
    }
  }

  func run() async throws {
    let trapped = await UnixSignalsSequence(trapping: .sigint, .sigterm)
    let scenario = ChatScenario(seed: seed, duration: .microseconds(duration.microseconds))
    let group = MultiThreadedEventLoopGroup.singleton
    let server = try await ChatServer.start(group: group, configuration: scenario.serverConfiguration)
    guard let upstream = try? UpstreamAddress("http://127.0.0.1:\(server.port)") else { return }
    var configuration = ProxyConfiguration(upstream: upstream)
    configuration.listenPort = 0
    let (quits, quit) = AsyncStream.makeStream(of: Void.self)
    let ackTimeout = scenario.ackTimeout.components
    let run = ProxyRun(
      configuration: configuration, capture: capture,
      ackTimeout: DurationArgument(
        microseconds: ackTimeout.seconds * 1_000_000 + ackTimeout.attoseconds / 1_000_000_000_000),
      rule: EngineIORule(), group: group, quitEnds: "ends the demo"
    ) { times in
      if times > 2 {
        LiveScreen.abandon()
        _exit(130)
      }
      quit.yield()
      return false
    }
    let proxy: ProxyServer
    do {
      proxy = try await run.start {}
    } catch {
      await server.stop()
      throw error
    }
    let chat = Task { try await scenario.run(port: proxy.port, group: group) }
    let signals = Task {
      for await _ in trapped { quit.yield() }
    }
    let (wasQuit, markQuit) = AsyncStream.makeStream(of: Void.self)
    let quitting = Task {
      for await _ in quits {
        chat.cancel()
        markQuit.yield()
      }
    }
    defer {
      signals.cancel()
      quitting.cancel()
    }
    let outcome = await chat.result
    if run.isLive, case .success = outcome {
      await run.stop(proxy, notice: "the demo has ended: look around as long as you like; q quits")
      for await _ in wasQuit { break }
      run.close()
    } else {
      await run.finish(proxy)
    }
    await server.stop()
    switch outcome {
    case .success(let report):
      StandardError.note("the clients counted \(report.emits) emits and \(report.acks) acks of their own")
    case .failure(is CancellationError): break
    case .failure(let error): throw Failure(explanation: "the demo's clients stopped: \(error)", status: 1)
    }
    guard let path = run.captureName else { return }
    StandardOutput.write("\n")
    _ = CaptureInspection.run(
      paths: [path], format: .text, advice: Advice.line(verdictOrFinding:cause:),
      output: StandardOutput.write,
      diagnostics: StandardError.line)
  }
}

extension StandardOutput {
  static func write(_ text: String) {
    var text = text
    text.withUTF8 { write(UnsafeRawBufferPointer($0)) }
  }

  /// For people alone: where it cannot be written, nobody is there to be told.
  static func write(_ text: String, to descriptor: CInt) {
    var text = text
    text.withUTF8 { _ = write(UnsafeRawBufferPointer($0), to: descriptor) }
  }
}
