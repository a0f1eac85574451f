import ArgumentParser
#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif
import LiveView
import NIOCore
import NIOPosix
import ProxyServer
import SessionDecoder
import UnixSignals

/// `ackscope proxy`: listens, forwards, decodes, logs, shows.
struct ProxyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "proxy",
    abstract: "Stand between clients and a chat server, and show what is not acknowledged.")

  @Argument(
    help: ArgumentHelp(
      "The chat server, like http://127.0.0.1:3000; none with --forward.", valueName: "UPSTREAM"))
  var upstream: String?

  @Option(help: "Where to listen, HOST:PORT; port 0 picks a free one.")
  var listen = "127.0.0.1:8090"

  @OptionGroup(title: "Forward proxy and access options") var forwarding: ForwardOptions

  @OptionGroup(title: "TLS options") var tls: TLSOptions

  @OptionGroup var capture: CaptureOptions

  @Option(help: "How long an emit may wait for its ack before it counts as overdue.")
  var ackTimeout = DurationArgument(microseconds: 5_000_000)

  @Option(help: "Read requests under this path as Engine.IO. (default: any with EIO= and transport=)")
  var path: String?

  @Flag(help: "Pass the client's Host header on instead of the upstream's.")
  var preserveHost = false

  @Option(help: "Client connections open at once.")
  var maxConnections = 10_000

  @Option(help: "Bytes of one message's header fields.")
  var maxHeaderBytes = SizeArgument(bytes: 64 << 10)

  @Option(help: "How long a connection may stay without a request.")
  var idleTimeout = DurationArgument(microseconds: 75_000_000)

  func validate() throws {
    if forwarding.forward && upstream != nil {
      throw ValidationError("--forward goes wherever clients ask for: leave UPSTREAM away")
    }
    if !forwarding.forward && upstream == nil {
      throw ValidationError(
        "name the chat server, like http://127.0.0.1:3000, or be a proxy for any with --forward")
    }
    if forwarding.forward && preserveHost { throw ValidationError("--preserve-host is for one UPSTREAM") }
    if ackTimeout.microseconds <= 0 { throw ValidationError("--ack-timeout is longer than 0") }
    if idleTimeout.microseconds <= 0 { throw ValidationError("--idle-timeout is longer than 0") }
    if maxConnections < 1 { throw ValidationError("--max-connections is at least 1") }
    if maxHeaderBytes.bytes < 1024 { throw ValidationError("--max-header-bytes is at least 1KiB") }
  }

  func run() async throws {
    var configuration = try self.configuration()
    (configuration.listenHost, configuration.listenPort) = try Self.hostAndPort(listen)
    configuration.preservesHost = preserveHost
    try forwarding.apply(to: &configuration)
    configuration.limits.connections = maxConnections
    configuration.limits.headerBytes = maxHeaderBytes.bytes
    configuration.limits.idleTimeout = .microseconds(idleTimeout.microseconds)

    let (stops, stop) = AsyncStream.makeStream(of: ProxyRun.Stop.self)
    let run = ProxyRun(
      configuration: configuration, capture: capture, ackTimeout: ackTimeout,
      rule: EngineIORule(pathPrefix: path), group: MultiThreadedEventLoopGroup.singleton,
      quitEnds: "stops the proxy"
    ) { times in
      if times > 1 { Self.endAtOnce() }
      stop.yield(.asked)
      return false
    }
    // Trapped before anybody is told that the proxy listens.
    let trapped = await UnixSignalsSequence(trapping: .sigint, .sigterm)
    let signals = Task {
      var count = 0
      for await _ in trapped {
        count += 1
        // The second one does not wait: every record that was written is whole.
        if count > 1 { Self.endAtOnce() }
        stop.yield(.asked)
      }
    }
    defer { signals.cancel() }
    let server = try await run.start { stop.yield(.captureFailed) }
    var reason = ProxyRun.Stop.asked
    for await each in stops {
      reason = each
      break
    }
    await run.finish(server)
    if case .captureFailed = reason { throw ExitCode(ExitStatus.captureNotWritten) }
  }

  private func configuration() throws -> ProxyConfiguration {
    if forwarding.forward {
      let patterns = try forwarding.patterns()
      return try tls.configuration {
        ProxyConfiguration(forward: ForwardRules(intercepting: patterns, tls: $0))
      }
    }
    do {
      let address = try UpstreamAddress(upstream ?? "")
      return try tls.configuration(for: address)
    } catch let malformed as UpstreamAddress.Malformed {
      throw Failure(explanation: malformed.explanation)
    }
  }

  /// Ends without waiting; the terminal is given back.
  private static func endAtOnce() -> Never {
    LiveScreen.abandon()
    _exit(130)
  }

  /// `HOST:PORT`, `[v6]:PORT`, or a port alone.
  static func hostAndPort(_ text: String) throws -> (String, Int) {
    let separator = text.lastIndex(of: ":")
    var host = separator.map { String(text[..<$0]) } ?? "127.0.0.1"
    let portText = separator.map { String(text[text.index(after: $0)...]) } ?? text
    guard let port = Int(portText), (0...65535).contains(port) else {
      throw Failure(
        explanation: "--listen '\(text)' has no port from 0 to 65535; give it like 127.0.0.1:8090")
    }
    if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    guard !host.isEmpty else {
      throw Failure(explanation: "--listen '\(text)' has no host; give it like 127.0.0.1:8090")
    }
    return (host, port)
  }
}
