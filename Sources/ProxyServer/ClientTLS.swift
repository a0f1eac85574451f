import NIOCore
import NIOSSL
import OutgoingTLS
import Synchronization
import TLSRecords

/// How the proxy speaks TLS to clients: as the host they ask for.
package final class ClientTLS: Sendable {
  /// A certificate to show, with its key.
  package struct Identity: Sendable {
    /// In DER, the server's own first.
    package var chain: [[UInt8]]
    /// PKCS #8 in DER.
    package var key: [UInt8]
    /// Seconds since 1970 from which on it is not to be shown any more.
    package var staleAt: Int64

    package init(chain: [[UInt8]], key: [UInt8], staleAt: Int64) {
      (self.chain, self.key, self.staleAt) = (chain, key, staleAt)
    }
  }

  /// Makes a certificate for names and addresses; throws where one of them is none.
  package typealias Issuer = @Sendable (_ names: [String]) throws -> Identity

  private enum Source {
    case fixed(NIOSSLContext)
    case issued(Issuer)
  }

  private struct Kept {
    var context: NIOSSLContext
    var staleAt: Int64
  }

  private let source: Source
  private let keyLog: @Sendable (ByteBuffer) -> Void
  /// What splice loops need to go on with connections.
  let secrets = HandshakeSecrets()
  private let kept = Mutex<[[String]: Kept]>([:])
  private let kinds: Int
  /// Seconds since 1970 at which the certificate ends that is shown to everybody; nil where they are made.
  package let notAfter: Int64?

  /// Certificates made as they are asked for, and kept until they are stale.
  ///
  /// - Parameter kept: how many at most; beyond that all are made anew.
  package init(
    issuer: @escaping Issuer, kept kinds: Int = 1000, keyLog: (@Sendable (ByteBuffer) -> Void)? = nil
  ) {
    source = .issued(issuer)
    notAfter = nil
    self.kinds = kinds
    self.keyLog = secrets.log(keyLog)
  }

  /// One certificate, from files in PEM, whatever is asked for.
  package init(
    chain: String, key: String, keyLog: (@Sendable (ByteBuffer) -> Void)? = nil
  ) throws(TLSSettingsFault) {
    self.keyLog = secrets.log(keyLog)
    let chain = try TLSSettingsFault.chain(chain, "--cert")
    notAfter = chain.first.map { Int64($0.notValidAfter) }
    let configuration = Self.configuration(
      chain.map { .certificate($0) }, try TLSSettingsFault.key(key, "--key"), self.keyLog)
    source = .fixed(try TLSSettingsFault.context(configuration, "--cert and --key"))
    kinds = 0
  }

  private static func configuration(
    _ chain: [NIOSSLCertificateSource], _ key: NIOSSLPrivateKeySource,
    _ keyLog: @escaping @Sendable (ByteBuffer) -> Void
  ) -> TLSConfiguration {
    var configuration = TLSConfiguration.makeServerConfiguration(certificateChain: chain, privateKey: key)
    configuration.minimumTLSVersion = .tlsv12
    configuration.applicationProtocols = ["http/1.1"]
    configuration.keyLogCallback = keyLog
    configuration.shutdownTimeout = .seconds(2)
    return configuration
  }

  /// What to show to a client that asks for these names.
  ///
  /// - Parameter time: seconds since 1970.
  func context(for names: [String], at time: Int64) throws -> NIOSSLContext {
    switch source {
    case .fixed(let context): return context
    case .issued(let issue):
      if let found = kept.withLock({ $0[names] }), found.staleAt > time { return found.context }
      let identity = try issue(names)
      let chain = try identity.chain.map {
        NIOSSLCertificateSource.certificate(try NIOSSLCertificate(bytes: $0, format: .der))
      }
      let key = NIOSSLPrivateKeySource.privateKey(try NIOSSLPrivateKey(bytes: identity.key, format: .der))
      let context = try NIOSSLContext(configuration: Self.configuration(chain, key, keyLog))
      kept.withLock { kept in
        // Names come from the wire: their number must not grow without end.
        if kept.count >= kinds { kept.removeAll() }
        kept[names] = Kept(context: context, staleAt: identity.staleAt)
      }
      return context
    }
  }
}
