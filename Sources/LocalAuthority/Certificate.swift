import COpenSSL

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// An X.509 certificate (RFC 5280), read or made here.
struct Certificate: ~Copyable {
  let x509: Owned

  /// The first certificate among PEM blocks.
  init(pem: [UInt8]) throws(AuthorityFault) {
    let source = try MemoryBIO(pem)
    x509 = try Owned(
      PEM_read_bio_X509(source.bio.pointer, nil, nil, nil), "read the authority's certificate"
    ) { X509_free($0) }
  }

  /// A certificate as TLS carries it.
  init(der: [UInt8]) throws(AuthorityFault) {
    let source = try MemoryBIO(der)
    x509 = try Owned(d2i_X509_bio(source.bio.pointer, nil), "read a certificate") { X509_free($0) }
  }

  /// What is to be said in a certificate.
  struct Statement {
    var commonName: String?
    var notBefore: Int
    var notAfter: Int
    /// Extensions in libcrypto's notation (x509v3_config); no text from the wire goes in unchecked.
    var extensions: [(nid: Int32, value: String)]
  }

  /// A certificate for `subject`'s public key, signed by `signer`.
  init(
    _ statement: Statement, for subject: borrowing SigningKey, issuer: borrowing Certificate,
    signer: borrowing SigningKey
  ) throws(AuthorityFault) {
    let made = try Self.unsigned(statement, for: subject)
    try Self.sign(made.pointer, statement.extensions, issuer: issuer.x509.pointer, signer)
    x509 = made
  }

  /// A certificate that signs itself.
  init(_ statement: Statement, selfSignedBy signer: borrowing SigningKey) throws(AuthorityFault) {
    let made = try Self.unsigned(statement, for: signer)
    try Self.sign(made.pointer, statement.extensions, issuer: made.pointer, signer)
    x509 = made
  }

  private static func unsigned(
    _ statement: Statement, for subject: borrowing SigningKey
  ) throws(AuthorityFault) -> Owned {
    let made = try Owned(X509_new(), "make a certificate") { X509_free($0) }
    // Version 3 is written as 2.
    try succeed(X509_set_version(made.pointer, 2), "set the version")
    var random = SystemRandomNumberGenerator()
    var serial = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &random) }
    // Positive and of full length, whatever came (RFC 5280 §4.1.2.2).
    serial[0] = serial[0] & 0x3F | 0x40
    try succeed(
      ASN1_STRING_set(X509_get_serialNumber(made.pointer), serial, Int32(serial.count)),
      "number a certificate")
    try set(X509_getm_notBefore(made.pointer), to: statement.notBefore)
    try set(X509_getm_notAfter(made.pointer), to: statement.notAfter)
    let name = X509_get_subject_name(made.pointer)
    for (field, value) in [("O", "Ackscope"), ("CN", statement.commonName)] {
      guard let value else { continue }
      try succeed(
        X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, value, Int32(value.utf8.count), -1, 0),
        "name the subject")
    }
    try succeed(X509_set_pubkey(made.pointer, subject.key.pointer), "set the public key")
    return made
  }

  private static func set(
    _ field: UnsafeMutablePointer<ASN1_TIME>?, to seconds: Int
  ) throws(AuthorityFault) {
    guard ASN1_TIME_set(field, time_t(seconds)) != nil else {
      throw AuthorityFault(libcrypto: "set a validity")
    }
  }

  private static func sign(
    _ certificate: OpaquePointer, _ extensions: [(nid: Int32, value: String)], issuer: OpaquePointer,
    _ signer: borrowing SigningKey
  ) throws(AuthorityFault) {
    try succeed(X509_set_issuer_name(certificate, X509_get_subject_name(issuer)), "name the issuer")
    var context = X509V3_CTX()
    X509V3_set_ctx(&context, issuer, certificate, nil, nil, 0)
    for each in extensions {
      let made = try Owned(
        X509V3_EXT_conf_nid(nil, &context, each.nid, each.value),
        "make the extension \(String(cString: OBJ_nid2sn(each.nid)))"
      ) { X509_EXTENSION_free($0) }
      try succeed(X509_add_ext(certificate, made.pointer, -1), "add an extension")
    }
    try succeed(X509_sign(certificate, signer.key.pointer, EVP_sha256()), "sign a certificate")
  }

  // MARK: reading

  /// Seconds since 1970 at which it ends being valid.
  var notAfter: Int {
    var parts = tm()
    guard ASN1_TIME_to_tm(X509_get0_notAfter(x509.pointer), &parts) == 1 else { return 0 }
    return timegm(&parts)
  }

  /// The subject as people read it.
  var subject: String {
    guard let sink = try? MemoryBIO() else { return "" }
    _ = ackscope_print_name(sink.bio.pointer, X509_get_subject_name(x509.pointer))
    return String(decoding: sink.bytes, as: UTF8.self)
  }

  /// SHA-256 over its DER, the way browsers show it.
  var fingerprint: String {
    var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var count: UInt32 = 0
    guard X509_digest(x509.pointer, EVP_sha256(), &digest, &count) == 1 else { return "" }
    return digest.prefix(Int(count)).map { byte in
      let text = String(byte, radix: 16, uppercase: true)
      return text.count == 1 ? "0" + text : text
    }.joined(separator: ":")
  }

  /// An extension as people read it, or nil where the certificate has none of that kind.
  func text(ofExtension nid: Int32) -> String? {
    let index = X509_get_ext_by_NID(x509.pointer, nid, -1)
    guard index >= 0, let found = X509_get_ext(x509.pointer, index), let sink = try? MemoryBIO(),
      X509V3_EXT_print(sink.bio.pointer, found, 0, 0) == 1
    else { return nil }
    return String(decoding: sink.bytes, as: UTF8.self)
  }

  /// Whether the key belongs to the certificate.
  func matches(_ key: borrowing SigningKey) -> Bool {
    defer { ERR_clear_error() }
    return X509_check_private_key(x509.pointer, key.key.pointer) == 1
  }

  func pem() throws(AuthorityFault) -> [UInt8] {
    let sink = try MemoryBIO()
    try succeed(PEM_write_bio_X509(sink.bio.pointer, x509.pointer), "write a certificate")
    return sink.bytes
  }

  func der() throws(AuthorityFault) -> [UInt8] {
    let sink = try MemoryBIO()
    try succeed(i2d_X509_bio(sink.bio.pointer, x509.pointer), "write a certificate")
    return sink.bytes
  }

  /// PKCS #12 with the certificate alone: it is to be trusted, and its key is nobody's business.
  func pkcs12(password: String) throws(AuthorityFault) -> [UInt8] {
    let made = try Owned(
      PKCS12_create(password, "Ackscope", nil, x509.pointer, nil, 0, 0, 0, 0, 0), "make a PKCS #12 file"
    ) { PKCS12_free($0) }
    let sink = try MemoryBIO()
    try succeed(i2d_PKCS12_bio(sink.bio.pointer, made.pointer), "write a PKCS #12 file")
    return sink.bytes
  }
}
