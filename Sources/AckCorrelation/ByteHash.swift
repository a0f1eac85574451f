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

  /// The hash of `bytes`, in lanes of eight bytes each so that one does not wait for the other: two, and two more for as
  /// long as there is much.
  @inline(__always)
  static func hash(_ bytes: UnsafeRawBufferPointer, seed: UInt64 = 0) -> UInt64 {
    var first = seed ^ 0x9E37_79B9_7F4A_7C15 ^ UInt64(truncatingIfNeeded: bytes.count)
    var second: UInt64 = 0xC2B2_AE3D_27D4_EB4F
    var index = 0
    if bytes.count >= 128 {
      var third = first &+ second
      var fourth = first ^ second
      while index &+ 32 <= bytes.count {
        first = step(first, word(bytes, index))
        second = step(second, word(bytes, index &+ 8))
        third = step(third, word(bytes, index &+ 16))
        fourth = step(fourth, word(bytes, index &+ 24))
        index &+= 32
      }
      first = step(first, third)
      second = step(second, fourth)
    }
    while index &+ 16 <= bytes.count {
      first = step(first, word(bytes, index))
      second = step(second, word(bytes, index &+ 8))
      index &+= 16
    }
    if index &+ 8 <= bytes.count {
      first = step(first, word(bytes, index))
      index &+= 8
    }
    var tail: UInt64 = 0
    while index < bytes.count {
      tail = tail << 8 | UInt64(bytes[index])
      index &+= 1
    }
    return mix(step(first, tail) ^ (second << 23 | second >> 41))
  }

  @inline(__always)
  private static func word(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> UInt64 {
    bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
  }

  @inline(__always)
  private static func step(_ state: UInt64, _ word: UInt64) -> UInt64 {
    let product = (state ^ word) &* 0x9FB2_1C65_1E98_DF25
    return product ^ product >> 29
  }

  /// Whether two ranges hold the same bytes.
  @inline(__always)
  static func areEqual(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) -> Bool {
    guard first.count == second.count else { return false }
    var index = 0
    while index &+ 8 <= first.count {
      let word = first.loadUnaligned(fromByteOffset: index, as: UInt64.self)
      guard word == second.loadUnaligned(fromByteOffset: index, as: UInt64.self) else { return false }
      index &+= 8
    }
    while index < first.count {
      guard first[index] == second[index] else { return false }
      index &+= 1
    }
    return true
  }
}
