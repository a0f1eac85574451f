/// A quick 64-bit hash of bytes, for telling equal arguments and names from unequal ones.
///
/// It is not secret and not for hash tables that a peer could flood: tables here verify what they find, and
/// probe lengths are bounded by their load.
enum ByteHash {
  /// Spreads the bits of a number; different numbers stay different.
  @inline(__always)
  static func mix(_ number: UInt64) -> UInt64 {
    var bits = number
    bits ^= bits >> 32
    bits = bits &* 0xD6E8_FEB8_6659_FD93
    bits ^= bits >> 32
    bits = bits &* 0xD6E8_FEB8_6659_FD93
    bits ^= bits >> 32
    return bits
  }

  /// The hash of `bytes`, eight at a time.
  @inline(__always)
  static func hash(_ bytes: UnsafeRawBufferPointer, seed: UInt64 = 0) -> UInt64 {
    var state = seed ^ 0x9E37_79B9_7F4A_7C15 ^ UInt64(truncatingIfNeeded: bytes.count)
    var index = 0
    while index &+ 8 <= bytes.count {
      let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
      state = (state ^ word) &* 0x9FB2_1C65_1E98_DF25
      state ^= state >> 29
      index &+= 8
    }
    var tail: UInt64 = 0
    while index < bytes.count {
      tail = tail << 8 | UInt64(bytes[index])
      index &+= 1
    }
    return mix(state ^ tail)
  }
}
