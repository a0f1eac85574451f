import NIOSSL

/// What is wrong with files or settings for TLS, in words that name them.
package struct TLSSettingsFault: Error, Equatable {
  package var explanation: String

  package init(explanation: String) { self.explanation = explanation }

  /// The certificates of a file in PEM.
  package static func chain(_ path: String, _ option: String) throws(TLSSettingsFault)
    -> [NIOSSLCertificateSource]
  {
    guard let read = try? NIOSSLCertificate.fromPEMFile(path), !read.isEmpty else {
      throw TLSSettingsFault(
        explanation: "\(option) '\(path)' cannot be read, or holds no certificate in PEM")
    }
    return read.map { .certificate($0) }
  }

  /// The private key of a file in PEM.
  package static func key(_ path: String, _ option: String) throws(TLSSettingsFault) -> NIOSSLPrivateKeySource
  {
    guard let read = try? NIOSSLPrivateKey(file: path, format: .pem) else {
      throw TLSSettingsFault(
        explanation: "\(option) '\(path)' cannot be read, or holds no private key in PEM without a password")
    }
    return .privateKey(read)
  }

  /// A context of these settings, which the options have brought together.
  package static func context(_ configuration: TLSConfiguration, _ options: String) throws(TLSSettingsFault)
    -> NIOSSLContext
  {
    do {
      return try NIOSSLContext(configuration: configuration)
    } catch {
      throw TLSSettingsFault(explanation: "\(options) do not fit together: \(TLSWords.explain(error))")
    }
  }
}
