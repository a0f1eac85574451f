#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What the hidden subcommands do.
package enum BenchChildMain {
  /// Hidden subcommands of the executable, which runs itself again.
  package enum Command {
    package static let server = "_bench-server"
    package static let client = "_bench-client"
    package static let proxy = "_bench-proxy"
  }

  /// Serves until standard input ends; says its port first.
  package static func server(port: UInt16, compresses: Bool) throws(LoadFault) {
    try EchoServer.run(port: port, compresses: compresses, stop: STDIN_FILENO) { say("\($0)") }
  }

  /// Carries a plan out and says its result.
  package static func client(_ words: [String]) throws(LoadFault) {
    guard let plan = LoadPlan(words: words) else {
      throw LoadFault("no plan: \(words.joined(separator: " "))")
    }
    let result = try LoadClient.run(plan, stop: STDIN_FILENO) { say("holding") }
    say(result.line)
  }

  private static func say(_ line: String) {
    print(line)
    fflush(nil)
  }
}
