import ArgumentParser
import LoadBench

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The server of a comparison; ends with its standard input.
struct BenchServerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: BenchChildMain.Command.server, abstract: "The server of a comparison.", shouldDisplay: false)

  @Argument var port: UInt16
  @Argument var compresses: Int

  func run() throws {
    try BenchFailure.told { () throws(LoadFault) in
      try BenchChildMain.server(port: port, compresses: compresses == 1)
    }
  }
}

/// One run of a comparison's load client.
struct BenchClientCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: BenchChildMain.Command.client, abstract: "The load of a comparison.", shouldDisplay: false)

  @Argument var plan: [String]

  func run() throws {
    try BenchFailure.told { () throws(LoadFault) in try BenchChildMain.client(plan) }
  }
}

/// `ackscope proxy` that also stops in order when its standard input ends, and so with whoever started it.
struct BenchProxyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: BenchChildMain.Command.proxy, abstract: "The proxy of a comparison.", shouldDisplay: false)

  @OptionGroup var proxy: ProxyCommand

  func run() async throws {
    var thread = pthread_t()
    pthread_create(
      &thread, nil,
      { _ in
        var byte: UInt8 = 0
        while read(STDIN_FILENO, &byte, 1) > 0 {}
        kill(getpid(), SIGTERM)
        return nil
      }, nil)
    try await proxy.run()
  }
}

private enum BenchFailure {
  static func told(_ body: () throws(LoadFault) -> Void) throws {
    do throws(LoadFault) {
      try body()
    } catch {
      throw Failure(explanation: error.description, status: ExitStatus.checkFailed)
    }
  }
}
