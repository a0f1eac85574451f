import COpenSSL

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Holds the certificates that a TLS server shows against trusted roots and the server's name, and says in words what is
/// wrong with them.
///
/// libcrypto's own verification (RFC 5280 §6, RFC 6125): its verdict has a reason, which the one inside the TLS stack
/// keeps to itself.
package final class CertificateCheck: Sendable {
  /// Shared by all loops, and unsafe only as far as the compiler knows: nobody changes it after `init`, and libcrypto locks
  /// it itself where it keeps what it has looked up in directories.
  private nonisolated(unsafe) let store: Owned
  private let option: String

  /// - Parameters:
  ///   - roots: a file of PEM blocks to be trusted beside the system's roots (`SSL_CERT_FILE` and `SSL_CERT_DIR`
  ///     name others than the usual ones). What stands in it is trusted as it is, root or not.
  ///   - option: what the command line calls that file.
  package init(roots: String?, option: String = "--upstream-ca") throws(AuthorityFault) {
    self.option = option
    let made = try Owned(X509_STORE_new(), "make a store of certificates") { X509_STORE_free($0) }
    X509_STORE_set_default_paths(made.pointer)
    if let roots {
      ERR_clear_error()
      guard access(roots, R_OK) == 0 else {
        throw AuthorityFault("\(option) '\(roots)' cannot be read: \(String(cString: strerror(errno)))")
      }
      guard X509_STORE_load_file(made.pointer, roots) == 1 else {
        ERR_clear_error()
        throw AuthorityFault("\(option) '\(roots)' holds no certificate in PEM")
      }
      X509_STORE_set_flags(made.pointer, UInt(X509_V_FLAG_PARTIAL_CHAIN))
    }
    // What the default paths lack is no error yet.
    ERR_clear_error()
    store = made
  }

  /// Why these certificates do not prove that the server is `name`; nil where they do.
  ///
  /// - Parameters:
  ///   - chain: in DER, as the server sent them, its own first.
  ///   - time: seconds since 1970; nil for now.
  package func fault(of chain: [[UInt8]], for name: String, at time: Int? = nil) -> String? {
    defer { ERR_clear_error() }
    do throws(AuthorityFault) {
      return try verified(chain, name, time)
    } catch {
      return error.explanation
    }
  }

  private func verified(_ chain: [[UInt8]], _ name: String, _ time: Int?) throws(AuthorityFault) -> String? {
    guard let first = chain.first else { return "the server shows no certificate" }
    guard let wanted = CertificateName(name) else {
      return "'\(name)' is no name that a certificate could have"
    }
    let leaf = try Certificate(der: first)
    let others = try Owned(ackscope_make_stack(), "make a stack") { ackscope_free_stack($0) }
    for each in chain.dropFirst() {
      let certificate = try Certificate(der: each)
      // The stack becomes an owner of its own.
      X509_up_ref(certificate.x509.pointer)
      guard ackscope_push(others.pointer, certificate.x509.pointer) > 0 else {
        X509_free(certificate.x509.pointer)
        throw AuthorityFault(libcrypto: "stack a certificate")
      }
    }
    let context = try Owned(X509_STORE_CTX_new(), "verify") { X509_STORE_CTX_free($0) }
    try succeed(
      X509_STORE_CTX_init(context.pointer, store.pointer, leaf.x509.pointer, others.pointer),
      "verify a certificate")
    try succeed(X509_STORE_CTX_set_default(context.pointer, "ssl_server"), "verify for a TLS server")
    guard let parameters = X509_STORE_CTX_get0_param(context.pointer) else {
      throw AuthorityFault(libcrypto: "verify")
    }
    // A common name is no host name (RFC 9525 §2).
    X509_VERIFY_PARAM_set_hostflags(
      parameters, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT))
    // Keys of at least 1024 bits, no MD5 and no SHA-1 in signatures.
    X509_VERIFY_PARAM_set_auth_level(parameters, 1)
    if let time { X509_VERIFY_PARAM_set_time(parameters, time_t(time)) }
    switch wanted {
    case .host(let host): try succeed(X509_VERIFY_PARAM_set1_host(parameters, host, 0), "verify a name")
    case .address(let address):
      try succeed(X509_VERIFY_PARAM_set1_ip_asc(parameters, address), "verify an address")
    }
    if X509_verify_cert(context.pointer) == 1 { return nil }
    return explain(X509_STORE_CTX_get_error(context.pointer), leaf, wanted.text)
  }

  private func explain(_ code: Int32, _ leaf: borrowing Certificate, _ name: String) -> String {
    switch code {
    case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
      "its certificate is made out to other names than '\(name)'"
        + (leaf.text(ofExtension: NID_subject_alt_name).map { ": \(Self.line($0))" } ?? "")
    case X509_V_ERR_CERT_HAS_EXPIRED: "a certificate of its chain has expired"
    case X509_V_ERR_CERT_NOT_YET_VALID: "a certificate of its chain is not valid yet"
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      "its certificate is self-signed, and not among the trusted ones (\(option))"
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
      X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      "its certificate comes from an issuer that is not among the trusted ones (\(option))"
    default: "its certificate is refused: \(String(cString: X509_verify_cert_error_string(Int(code))))"
    }
  }

  /// Text from the wire in one short line.
  private static func line(_ text: String) -> String {
    let visible = text.unicodeScalars.lazy.map { $0.value >= 0x20 && $0.value < 0x7F ? Character($0) : "?" }
    return String(visible.prefix(200))
  }
}
