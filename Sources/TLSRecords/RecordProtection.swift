import COpenSSL

/// The keys of one direction of TLS 1.3 under application traffic secrets, and how many records they were used for
/// (RFC 8446 §5.2, §5.3).
package struct RecordProtection: ~Copyable {
  package let suite: CipherSuite
  private var secret: [UInt8]
  private var iv: (UInt64, UInt32)
  private let keys: OpaquePointer
  private let seals: Bool
  /// The number of the next record under these keys.
  package private(set) var sequence: UInt64

  /// - Parameters:
  ///   - seals: whether records are sealed with it, else opened.
  ///   - sequence: the number of the next record.
  /// - Returns: nil where the secret is not of the suite's length, or libcrypto refuses.
  package init?(_ suite: CipherSuite, secret: [UInt8], seals: Bool, from sequence: UInt64 = 0) {
    guard secret.count == suite.secretBytes, let keys = EVP_CIPHER_CTX_new() else { return nil }
    guard let iv = Self.prepare(keys, suite, secret, seals: seals) else {
      EVP_CIPHER_CTX_free(keys)
      return nil
    }
    (self.suite, self.secret, self.seals, self.keys, self.iv) = (suite, secret, seals, keys, iv)
    self.sequence = sequence
  }

  deinit { EVP_CIPHER_CTX_free(keys) }

  /// Sets the keys that follow from a secret (RFC 8446 §7.3).
  ///
  /// - Returns: the initialization vector.
  private static func prepare(
    _ keys: OpaquePointer, _ suite: CipherSuite, _ secret: [UInt8], seals: Bool
  ) -> (UInt64, UInt32)? {
    guard let key = suite.expand(secret, label: "key", count: suite.keyBytes),
      let iv = suite.expand(secret, label: "iv", count: 12),
      EVP_CipherInit_ex(keys, suite.cipher, nil, key, nil, seals ? 1 : 0) == 1
    else { return nil }
    return iv.withUnsafeBytes {
      ($0.loadUnaligned(fromByteOffset: 4, as: UInt64.self), $0.loadUnaligned(as: UInt32.self))
    }
  }

  /// Goes on with the keys of the next generation (RFC 8446 §7.2).
  ///
  /// - Returns: false where libcrypto refuses; nothing can be opened or sealed any more then.
  mutating func update() -> Bool {
    guard let next = suite.expand(secret, label: "traffic upd", count: suite.secretBytes),
      let iv = Self.prepare(keys, suite, next, seals: seals)
    else { return false }
    (secret, self.iv, sequence) = (next, iv, 0)
    return true
  }

  /// The initialization vector with the sequence number in its last eight bytes.
  private func withNonce<Result>(_ body: (UnsafePointer<UInt8>) -> Result) -> Result {
    withUnsafeTemporaryAllocation(byteCount: 12, alignment: 8) { nonce in
      nonce.storeBytes(of: iv.1, as: UInt32.self)
      nonce.storeBytes(of: iv.0 ^ sequence.bigEndian, toByteOffset: 4, as: UInt64.self)
      // Never nil: the allocation is not empty.
      return body(nonce.baseAddress!.assumingMemoryBound(to: UInt8.self))
    }
  }

  /// Opens a whole record, its header included, whose length the caller has checked to be within the bounds of RFC 8446 §5.2.
  ///
  /// - Parameter out: has room for the record; does not overlap it.
  /// - Returns: what kind of content it holds and how many bytes of it; nil where it was not sealed with these keys, or holds
  ///   nothing but zeros. The sequence number stays as it was then.
  package mutating func open(
    _ record: UnsafeRawBufferPointer, into out: UnsafeMutableRawPointer
  ) -> (type: UInt8, count: Int)? {
    guard let start = record.baseAddress?.assumingMemoryBound(to: UInt8.self),
      record.count > Record.headerBytes + Record.tagBytes
    else { return nil }
    let sealed = record.count - Record.headerBytes
    let isOpened = withNonce {
      ackscope_open_record(
        keys, $0, start, start + Record.headerBytes, Int32(sealed),
        out.assumingMemoryBound(to: UInt8.self)) == 1
    }
    guard isOpened else { return nil }
    // Zeros behind the type are padding.
    var count = sealed - Record.tagBytes - 1
    while count >= 0, out.load(fromByteOffset: count, as: UInt8.self) == 0 { count -= 1 }
    guard count >= 0 else { return nil }
    sequence += 1
    return (out.load(fromByteOffset: count, as: UInt8.self), count)
  }

  /// Seals up to `Record.plainBytes` bytes as one record.
  ///
  /// - Parameter out: has room for `Record.overhead` bytes more than there are; does not overlap them.
  /// - Returns: how many bytes the record has; nil where libcrypto refuses.
  package mutating func seal(
    _ plain: UnsafeRawBufferPointer, type: UInt8, into out: UnsafeMutableRawPointer
  ) -> Int? {
    let sealed = plain.count + 1 + Record.tagBytes
    out.storeBytes(of: 0x17, as: UInt8.self)
    out.storeBytes(of: UInt16(0x0303).bigEndian, toByteOffset: 1, as: UInt16.self)
    out.storeBytes(of: UInt16(sealed).bigEndian, toByteOffset: 3, as: UInt16.self)
    let start = out.assumingMemoryBound(to: UInt8.self)
    let isSealed = withNonce {
      ackscope_seal_record(
        keys, $0, start, plain.baseAddress?.assumingMemoryBound(to: UInt8.self), Int32(plain.count), type,
        start + Record.headerBytes) == 1
    }
    guard isSealed else { return nil }
    sequence += 1
    return Record.headerBytes + sealed
  }
}

/// The measures of a record (RFC 8446 §5.1, §5.2), and its kinds of content.
package enum Record {
  package static let headerBytes = 5
  static let tagBytes = 16
  /// What sealing adds: header, kind of content, tag.
  package static let overhead = headerBytes + 1 + tagBytes
  /// The most that one record holds.
  package static let plainBytes = 1 << 14
  /// The most that may stand behind a header.
  package static let bodyBytes = plainBytes + 256

  package static let changeCipherSpec: UInt8 = 20
  package static let alert: UInt8 = 21
  package static let handshake: UInt8 = 22
  package static let applicationData: UInt8 = 23

  /// Bytes behind the header that begins here.
  package static func bodyCount(_ header: UnsafeRawBufferPointer) -> Int {
    Int(header[3]) << 8 | Int(header[4])
  }
}
