import COpenSSL

/// A private key on the curve P-256.
struct SigningKey: ~Copyable {
  let key: Owned

  /// A key made now.
  init() throws(AuthorityFault) {
    key = try Owned(ackscope_make_p256_key(), "make a P-256 key") { EVP_PKEY_free($0) }
  }

  /// The first private key among PEM blocks; one behind a password is refused, and nobody asked for it.
  init(pem: [UInt8]) throws(AuthorityFault) {
    let source = try MemoryBIO(pem)
    key = try Owned(
      PEM_read_bio_PrivateKey(source.bio.pointer, nil, { _, _, _, _ in 0 }, nil),
      "read the authority's private key"
    ) { EVP_PKEY_free($0) }
  }

  /// PKCS #8, not encrypted.
  func pem() throws(AuthorityFault) -> [UInt8] {
    let sink = try MemoryBIO()
    try succeed(
      PEM_write_bio_PKCS8PrivateKey(sink.bio.pointer, key.pointer, nil, nil, 0, nil, nil), "write a key")
    return sink.bytes
  }

  /// PKCS #8 in DER, not encrypted.
  func der() throws(AuthorityFault) -> [UInt8] {
    let sink = try MemoryBIO()
    try succeed(
      i2d_PKCS8PrivateKey_bio(sink.bio.pointer, key.pointer, nil, nil, 0, nil, nil), "write a key")
    return sink.bytes
  }
}

/// Memory that libcrypto reads from or writes to.
struct MemoryBIO: ~Copyable {
  let bio: Owned

  init() throws(AuthorityFault) {
    bio = try Owned(BIO_new(BIO_s_mem()), "get memory") { BIO_free_all($0) }
  }

  init(_ content: [UInt8]) throws(AuthorityFault) {
    let made = try Owned(BIO_new(BIO_s_mem()), "get memory") { BIO_free_all($0) }
    let count = Int32(clamping: content.count)
    guard count == 0 || BIO_write(made.pointer, content, count) == count else {
      throw AuthorityFault(libcrypto: "fill memory")
    }
    bio = made
  }

  /// A copy of what was written.
  var bytes: [UInt8] {
    var start: UnsafeMutablePointer<CChar>?
    let count = ackscope_bio_bytes(bio.pointer, &start)
    guard let start, count > 0 else { return [] }
    return Array(UnsafeRawBufferPointer(start: start, count: count))
  }
}
