import NIOCore
import NIOSSL
import TLSRecords

/// How TLS is spoken to upstreams, by the proxy and by replayed clients: what they trust, and what they show of themselves.
package final class UpstreamTLS: Sendable {
  /// Says why the certificates that a server shows (DER, its own first) do not prove that it is `name`; nil where they do.
  /// Called on event loops.
  package typealias Check = @Sendable (_ chain: [[UInt8]], _ name: String) -> String?

  private let context: NIOSSLContext
  /// What is needed to go on with connections in the stack's place; nil where nobody does.
  let secrets: HandshakeSecrets?
  private let check: Check?
  /// The options that name a certificate to show.
  private let certificateOptions: String
  /// Whether certificates are looked at.
  package var isVerifying: Bool { check != nil }

  /// - Parameters:
  ///   - check: nil trusts every certificate, and so whoever answers.
  ///   - certificate: paths of a certificate chain and its key in PEM, for servers that ask who the client is.
  ///   - options: what the command line calls chain and key.
  ///   - isTakenOver: whether connections are to leave the stack for a `RecordLayer`.
  ///   - keyLog: receives the secrets of each connection, for programs that decrypt recordings of the network.
  package init(
    check: Check?, certificate: (chain: String, key: String)? = nil,
    options: (chain: String, key: String) = ("--upstream-cert", "--upstream-key"),
    isTakenOver: Bool = false, keyLog: (@Sendable (ByteBuffer) -> Void)? = nil
  ) throws(TLSSettingsFault) {
    self.check = check
    secrets = isTakenOver ? HandshakeSecrets() : nil
    certificateOptions = "\(options.chain), \(options.key)"
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = .tlsv12
    configuration.applicationProtocols = ["http/1.1"]
    configuration.keyLogCallback = secrets?.log(keyLog) ?? keyLog
    configuration.shutdownTimeout = .seconds(2)
    // Names are part of the check. Without the check's consent nothing is trusted: there are no roots here.
    configuration.certificateVerification = check == nil ? .none : .noHostnameVerification
    configuration.trustRoots = .certificates([])
    if let certificate {
      configuration.certificateChain = try TLSSettingsFault.chain(certificate.chain, options.chain)
        .map { .certificate($0) }
      configuration.privateKey = try TLSSettingsFault.key(certificate.key, options.key)
    }
    context = try TLSSettingsFault.context(configuration, "\(options.chain) and \(options.key)")
  }

  /// Why TLS failed, with the options that help.
  package func explain(_ error: any Error) -> String {
    TLSWords.explain(error, certificateOptions: certificateOptions)
  }

  /// The handler for a connection to the server of that name or address; `refused` is told why its certificate was not
  /// taken, before the handshake fails.
  func handler(for host: String, refused: @escaping (String) -> Void) throws -> NIOSSLClientHandler {
    // An address is no name to ask for (RFC 6066 §3); a dot at the end is none either.
    let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
    let name = isAddress ? nil : host.hasSuffix(".") ? String(host.dropLast()) : host
    guard let check else { return try NIOSSLClientHandler(context: context, serverHostname: name) }
    return try NIOSSLClientHandler(context: context, serverHostname: name) { certificates, promise in
      let chain = certificates.compactMap { try? $0.toDERBytes() }
      let fault = check(chain, host)
      if let fault { refused(fault) }
      promise.succeed(fault == nil ? .certificateVerified : .failed)
    }
  }
}
