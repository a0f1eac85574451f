import COpenSSL

/// A cipher suite of TLS 1.3 (RFC 8446 §B.4) whose records can be opened and sealed here.
package enum CipherSuite: UInt16, Sendable, CaseIterable {
  case aes128GCM = 0x1301
  case aes256GCM = 0x1302
  case chacha20Poly1305 = 0x1303

  /// Bytes of a traffic secret: those of the suite's hash.
  package var secretBytes: Int { self == .aes256GCM ? 48 : 32 }

  var keyBytes: Int { self == .aes128GCM ? 16 : 32 }

  var hash: OpaquePointer? { self == .aes256GCM ? EVP_sha384() : EVP_sha256() }

  var cipher: OpaquePointer? {
    switch self {
    case .aes128GCM: EVP_aes_128_gcm()
    case .aes256GCM: EVP_aes_256_gcm()
    case .chacha20Poly1305: EVP_chacha20_poly1305()
    }
  }

  /// HKDF-Expand-Label with an empty context (RFC 8446 §7.1).
  ///
  /// - Parameter count: at most `secretBytes`, so that one block of HKDF-Expand (RFC 5869 §2.3) is all of it.
  /// - Returns: nil where libcrypto refuses.
  func expand(_ secret: [UInt8], label: String, count: Int) -> [UInt8]? {
    let name = Array("tls13 \(label)".utf8)
    let info = [0, UInt8(count), UInt8(name.count)] + name + [0, 1]
    var block = [UInt8](repeating: 0, count: 64)
    var length: UInt32 = 0
    guard HMAC(hash, secret, Int32(secret.count), info, info.count, &block, &length) != nil,
      Int(length) >= count
    else { return nil }
    return Array(block[..<count])
  }
}
