import NIOCore
import NIOSSL

/// How the proxy speaks TLS to upstreams: what it trusts, and what it shows of itself.
package final class UpstreamTLS: Sendable {
  /// Says why the certificates that a server shows (DER, its own first) do not prove that it is `name`; nil where they do.
  /// Called on event loops.
  package typealias Check = @Sendable (_ chain: [[UInt8]], _ name: String) -> String?

  private let context: NIOSSLContext
  private let check: Check?
  /// Whether certificates are looked at.
  var isVerifying: Bool { check != nil }

  /// - Parameters:
  ///   - check: nil trusts every certificate, and so whoever answers.
  ///   - certificate: paths of a certificate chain and its key in PEM, for servers that ask who the client is.
  ///   - keyLog: receives the secrets of each connection, for programs that decrypt recordings of the network.
  package init(
    check: Check?, certificate: (chain: String, key: String)? = nil,
    keyLog: (@Sendable (ByteBuffer) -> Void)? = nil
  ) throws(TLSSettingsFault) {
    self.check = check
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = .tlsv12
    configuration.applicationProtocols = ["http/1.1"]
    configuration.keyLogCallback = keyLog
    configuration.shutdownTimeout = .seconds(2)
    // Names are part of the check. Without the check's consent nothing is trusted: there are no roots here.
    configuration.certificateVerification = check == nil ? .none : .noHostnameVerification
    configuration.trustRoots = .certificates([])
    if let certificate {
      configuration.certificateChain = try TLSSettingsFault.chain(certificate.chain, "--upstream-cert")
      configuration.privateKey = try TLSSettingsFault.key(certificate.key, "--upstream-key")
    }
    context = try TLSSettingsFault.context(configuration, "--upstream-cert and --upstream-key")
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

/// What is wrong with files or settings for TLS, in words that name them.
package struct TLSSettingsFault: Error, Equatable {
  package var explanation: String

  /// The certificates of a file in PEM.
  static func chain(_ path: String, _ option: String) throws(TLSSettingsFault) -> [NIOSSLCertificateSource] {
    guard let read = try? NIOSSLCertificate.fromPEMFile(path), !read.isEmpty else {
      throw TLSSettingsFault(
        explanation: "\(option) '\(path)' cannot be read, or holds no certificate in PEM")
    }
    return read.map { .certificate($0) }
  }

  /// The private key of a file in PEM.
  static func key(_ path: String, _ option: String) throws(TLSSettingsFault) -> NIOSSLPrivateKeySource {
    guard let read = try? NIOSSLPrivateKey(file: path, format: .pem) else {
      throw TLSSettingsFault(
        explanation: "\(option) '\(path)' cannot be read, or holds no private key in PEM without a password")
    }
    return .privateKey(read)
  }

  static func context(_ configuration: TLSConfiguration, _ options: String) throws(TLSSettingsFault)
    -> NIOSSLContext
  {
    do {
      return try NIOSSLContext(configuration: configuration)
    } catch {
      throw TLSSettingsFault(explanation: "\(options) do not fit together: \(TLSWords.explain(error))")
    }
  }
}
