import ArgumentParser
import LocalAuthority
import NIOCore
import OutgoingTLS
import ProxyServer

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The options about TLS, with clients and with upstreams.
struct TLSOptions: ParsableArguments {
  @Flag(
    name: .customLong("tls"),
    help: "Speak TLS to clients, with certificates of the local authority for the names they ask for.")
  var speaksTLS = false

  @Option(help: ArgumentHelp("Speak TLS to clients with this certificate chain (PEM).", valueName: "file"))
  var cert: String?

  @Option(help: ArgumentHelp("The private key of --cert (PEM).", valueName: "file"))
  var key: String?

  @OptionGroup var authority: AuthorityOptions

  @Option(
    help: ArgumentHelp("Certificates (PEM) to trust upstreams by, beside the system's.", valueName: "file"))
  var upstreamCa: String?

  @Flag(help: "Do not verify upstreams at all: whoever answers is believed.")
  var upstreamInsecure = false

  @Option(help: ArgumentHelp("The certificate chain (PEM) to show to upstreams.", valueName: "file"))
  var upstreamCert: String?

  @Option(help: ArgumentHelp("The private key of --upstream-cert (PEM).", valueName: "file"))
  var upstreamKey: String?

  @Option(
    help: ArgumentHelp(
      "Append the secrets of all TLS connections, for Wireshark. Whoever has the file can read what was said.",
      valueName: "file"))
  var tlsKeylog: String?

  func validate() throws {
    if (cert == nil) != (key == nil) { throw ValidationError("--cert and --key go together") }
    if cert != nil && speaksTLS {
      throw ValidationError("--tls and --cert exclude each other: the certificate is made, or given")
    }
    if (upstreamCert == nil) != (upstreamKey == nil) {
      throw ValidationError("--upstream-cert and --upstream-key go together")
    }
    if upstreamCa != nil && upstreamInsecure {
      throw ValidationError("--upstream-ca and --upstream-insecure exclude each other")
    }
  }

  /// What a proxy before one upstream is told.
  func configuration(for upstream: UpstreamAddress) throws -> ProxyConfiguration {
    let keyLog = try KeyLogFile.opened(tlsKeylog)
    var configuration = ProxyConfiguration(upstream: upstream)
    if speaksTLS { configuration.clientTLS = try authorityTLS(keyLog) }
    try fill(&configuration, keyLog)
    return configuration
  }

  /// What a forward proxy is told.
  ///
  /// - Parameter make: is given how clients are shown certificates of the authority.
  func configuration(forward make: (ClientTLS) -> ProxyConfiguration) throws -> ProxyConfiguration {
    let keyLog = try KeyLogFile.opened(tlsKeylog)
    let intercepting = try authorityTLS(keyLog)
    var configuration = make(intercepting)
    if speaksTLS { configuration.clientTLS = intercepting }
    try fill(&configuration, keyLog)
    return configuration
  }

  private func fill(_ configuration: inout ProxyConfiguration, _ keyLog: (@Sendable (ByteBuffer) -> Void)?)
    throws
  {
    if upstreamInsecure {
      StandardError.line(
        "WARNING: --upstream-insecure: certificates of upstreams are not verified; anyone on the way can read and change what is sent"
      )
    }
    let check =
      upstreamInsecure
      ? nil
      : try AuthorityOptions.explained { () throws(AuthorityFault) in try CertificateCheck(roots: upstreamCa)
      }
    do throws(TLSSettingsFault) {
      var shown: (chain: String, key: String)?
      if let upstreamCert, let upstreamKey { shown = (upstreamCert, upstreamKey) }
      var verify: UpstreamTLS.Check?
      if let check { verify = { chain, name in check.fault(of: chain, for: name) } }
      configuration.upstreamTLS = try UpstreamTLS(
        check: verify, certificate: shown, isTakenOver: true, keyLog: keyLog)
      if let cert, let key {
        let shown = try ClientTLS(chain: cert, key: key, keyLog: keyLog)
        configuration.clientTLS = shown
        if let end = shown.notAfter, end < time(nil) {
          StandardError.line(
            "WARNING: the certificate of --cert '\(cert)' has expired: clients that check it will refuse it")
        }
      }
    } catch {
      throw Failure(explanation: error.explanation)
    }
  }

  private func authorityTLS(_ keyLog: (@Sendable (ByteBuffer) -> Void)?) throws -> ClientTLS {
    let authority = try authority.authority()
    // An authority that cannot sign any more is told now, not to the first client.
    do {
      _ = try Self.identity(for: ["localhost"], by: authority)
    } catch let fault as AuthorityFault {
      throw Failure(explanation: fault.explanation)
    }
    return ClientTLS(issuer: { try Self.identity(for: $0, by: authority) }, keyLog: keyLog)
  }

  private static func identity(for names: [String], by authority: LocalAuthority) throws -> ClientTLS.Identity
  {
    let known = names.compactMap { CertificateName($0) }
    let leaf = try authority.leaf(for: known, at: time(nil))
    // Renewed a day before its end, so that none is shown that a clock out of step refuses.
    return ClientTLS.Identity(chain: leaf.chain, key: leaf.key, staleAt: Int64(leaf.notAfter - 86_400))
  }
}

/// The file of `--tls-keylog`, in the format that Wireshark reads (NSS key log).
private enum KeyLogFile {
  /// Nil where none is asked for.
  static func opened(_ path: String?) throws -> (@Sendable (ByteBuffer) -> Void)? {
    guard let path else { return nil }
    let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else {
      throw Failure(
        explanation: "--tls-keylog '\(path)' cannot be written: \(String(cString: strerror(errno)))")
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT != S_IFREG || status.st_mode & 0o077 == 0
    else {
      close(descriptor)
      throw Failure(
        explanation:
          "--tls-keylog '\(path)' can be read by others, and is to hold secrets; chmod 600 it or name another"
      )
    }
    StandardError.line(
      "the secrets of TLS connections go to '\(path)': whoever has it can read what was said")
    // Each line in one write, so that loops do not tear each other's. The file stays open as long as the process.
    return { line in line.withUnsafeReadableBytes { _ = StandardOutput.write($0, to: descriptor) } }
  }
}
