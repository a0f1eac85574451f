import ArgumentParser
import LocalAuthority
import OutgoingTLS
import ProxyServer

/// How replayed clients speak TLS to their server.
struct ReplayTLSOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Certificates (PEM) to trust the server by, beside the system's.", valueName: "file"))
  var ca: String?

  @Flag(help: "Do not verify the server at all: whoever answers is believed.")
  var insecure = false

  @Option(help: ArgumentHelp("The certificate chain (PEM) to show to the server.", valueName: "file"))
  var cert: String?

  @Option(help: ArgumentHelp("The private key of --cert (PEM).", valueName: "file"))
  var key: String?

  func validate() throws {
    if ca != nil && insecure { throw ValidationError("--ca and --insecure exclude each other") }
    if (cert == nil) != (key == nil) { throw ValidationError("--cert and --key go together") }
  }

  /// What the clients trust and show; nil for a server that speaks no TLS.
  func security(for server: UpstreamAddress) throws -> UpstreamTLS? {
    guard server.usesTLS else {
      guard ca == nil, !insecure, cert == nil else {
        throw Failure(
          explanation:
            "--ca, --insecure, --cert and --key are for TLS; give --to like https://… or wss://…")
      }
      return nil
    }
    var verify: UpstreamTLS.Check?
    if insecure {
      StandardError.line(
        "WARNING: --insecure: the server's certificate is not verified; anyone on the way can read and change what is sent"
      )
    } else {
      let check = try AuthorityOptions.explained { () throws(AuthorityFault) in
        try CertificateCheck(roots: ca, option: "--ca")
      }
      verify = { chain, name in check.fault(of: chain, for: name) }
    }
    do throws(TLSSettingsFault) {
      var shown: (chain: String, key: String)?
      if let cert, let key { shown = (cert, key) }
      return try UpstreamTLS(check: verify, certificate: shown, options: ("--cert", "--key"))
    } catch {
      throw Failure(explanation: error.explanation)
    }
  }
}
