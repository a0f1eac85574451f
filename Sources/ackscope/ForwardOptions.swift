import ArgumentParser
import ProxyServer

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The options about who may use the proxy, and what it does as a forward proxy.
struct ForwardOptions: ParsableArguments {
  @Flag(
    help:
      "Be a forward proxy (HTTP and SOCKS 5) for clients that are told to use one, instead of standing before UPSTREAM."
  )
  var forward = false

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Hosts whose TLS is opened with --forward, like chat.example, *.example or chat.example:8443. (default: *)",
      valueName: "host"))
  var intercept: [String] = []

  @Option(
    help: ArgumentHelp(
      "Reach upstreams through another proxy, like http://127.0.0.1:3128 or http://user:password@host:port.",
      valueName: "url"))
  var upstreamProxy: String?

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Addresses whose clients may use the proxy, like 192.168.1.0/24; needed where it listens beyond this machine.",
      valueName: "cidr"))
  var allow: [String] = []

  @Option(
    help: ArgumentHelp(
      "Ask clients for this user and password; @FILE reads it from a file, out of sight of other users.",
      valueName: "user:password"))
  var proxyAuth: String?

  func validate() throws {
    if !intercept.isEmpty && !forward { throw ValidationError("--intercept is for --forward") }
  }

  /// The hosts of `--intercept`.
  func patterns() throws -> [HostPattern] {
    try (intercept.isEmpty ? ["*"] : intercept).map { text in
      guard let pattern = HostPattern(text) else {
        throw Failure(
          explanation: "--intercept '\(text)' is no host; give it like chat.example, *.example, or *")
      }
      return pattern
    }
  }

  /// Fills in who may use the proxy and what is between it and upstreams.
  func apply(to configuration: inout ProxyConfiguration) throws {
    configuration.access.allowed = try allow.map { text in
      guard let range = AddressRange(text) else {
        throw Failure(explanation: "--allow '\(text)' is no address range; give it like 192.168.1.0/24")
      }
      return range
    }
    configuration.access.credentials = try credentials()
    guard let upstreamProxy else { return }
    do {
      configuration.upstreamProxy = try UpstreamProxy(upstreamProxy)
    } catch {
      throw Failure(explanation: "--upstream-proxy: \(error.explanation)")
    }
  }

  private func credentials() throws -> String? {
    guard let proxyAuth else { return nil }
    var text = proxyAuth
    if proxyAuth.hasPrefix("@") {
      let path = String(proxyAuth.dropFirst())
      guard let file = fopen(path, "r") else {
        throw Failure(
          explanation: "--proxy-auth '\(path)' cannot be read: \(String(cString: strerror(errno)))")
      }
      defer { fclose(file) }
      var line = [CChar](repeating: 0, count: 1024)
      guard fgets(&line, Int32(line.count), file) != nil else {
        throw Failure(explanation: "--proxy-auth '\(path)' is empty")
      }
      text = String(
        decoding: line.prefix { $0 != 0 && $0 != 10 && $0 != 13 }.map { UInt8(bitPattern: $0) }, as: UTF8.self
      )
    }
    guard let colon = text.firstIndex(of: ":"), colon != text.startIndex, text.utf8.count <= 510 else {
      // It may be a password alone: it is not repeated.
      throw Failure(explanation: "--proxy-auth is a user and a password with a ':' between them")
    }
    return text
  }
}
