import NIOSSL

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What is wrong with files or settings for TLS, in words that name them.
package struct TLSSettingsFault: Error, Equatable {
  package var explanation: String

  package init(explanation: String) { self.explanation = explanation }

  /// The certificates of a file in PEM.
  package static func chain(_ path: String, _ option: String) throws(TLSSettingsFault)
    -> [NIOSSLCertificate]
  {
    try checkReadable(path, option)
    guard let read = try? NIOSSLCertificate.fromPEMFile(path), !read.isEmpty else {
      throw TLSSettingsFault(
        explanation:
          "\(option) '\(path)' holds no certificate in PEM; openssl x509 -inform der -in FILE makes PEM of DER"
      )
    }
    return read
  }

  /// The private key of a file in PEM.
  package static func key(_ path: String, _ option: String) throws(TLSSettingsFault) -> NIOSSLPrivateKeySource
  {
    try checkReadable(path, option)
    guard let read = try? NIOSSLPrivateKey(file: path, format: .pem) else {
      throw TLSSettingsFault(
        explanation:
          "\(option) '\(path)' holds no private key in PEM without a password; openssl pkey -in FILE takes a password off and makes PEM of DER"
      )
    }
    return .privateKey(read)
  }

  private static func checkReadable(_ path: String, _ option: String) throws(TLSSettingsFault) {
    var status = stat()
    guard stat(path, &status) == 0, access(path, R_OK) == 0 else {
      throw TLSSettingsFault(
        explanation: "\(option) '\(path)' cannot be read: \(String(cString: strerror(errno)))")
    }
    // A pipe of the shell's is as good as a file, and may be read only once.
    guard status.st_mode & S_IFMT != S_IFDIR else {
      throw TLSSettingsFault(explanation: "\(option) '\(path)' is a directory; name a file in it")
    }
  }

  /// A context of these settings, which the options have brought together.
  package static func context(_ configuration: TLSConfiguration, _ options: String) throws(TLSSettingsFault)
    -> NIOSSLContext
  {
    do {
      return try NIOSSLContext(configuration: configuration)
    } catch {
      throw TLSSettingsFault(
        explanation:
          "\(options) do not fit together: the key has to be that of the first certificate in its file, and of a kind that TLS knows (\(TLSWords.explain(error)))"
      )
    }
  }
}
