/// SipHash-2-4 with a key of its own for each capture (J.-P. Aumasson, D. J. Bernstein, 2012).
///
/// A keyed pseudo-random function: equal secrets look equal within one capture, and without the key, which is
/// never written down, a hash can neither be looked up nor be compared with one from another capture.
package struct KeyedHash: Sendable {
  private let key: (UInt64, UInt64)

  package init(key: (UInt64, UInt64)) {
    self.key = key
  }

  /// The hash of `bytes`.
  package func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var state = State(key)
    let wholeWords = bytes.count & ~7
    var offset = 0
    while offset < wholeWords {
      state.absorb(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
      offset += 8
    }
    var last = UInt64(bytes.count & 0xFF) << 56
    for index in wholeWords..<bytes.count { last |= UInt64(bytes[index]) << UInt64((index & 7) * 8) }
    state.absorb(last)
    return state.finish()
  }

  private struct State {
    var (v0, v1, v2, v3): (UInt64, UInt64, UInt64, UInt64)

    init(_ key: (UInt64, UInt64)) {
      v0 = key.0 ^ 0x736f_6d65_7073_6575
      v1 = key.1 ^ 0x646f_7261_6e64_6f6d
      v2 = key.0 ^ 0x6c79_6765_6e65_7261
      v3 = key.1 ^ 0x7465_6462_7974_6573
    }

    mutating func absorb(_ word: UInt64) {
      v3 ^= word
      round()
      round()
      v0 ^= word
    }

    mutating func finish() -> UInt64 {
      v2 ^= 0xFF
      for _ in 0..<4 { round() }
      return v0 ^ v1 ^ v2 ^ v3
    }

    private mutating func round() {
      v0 = v0 &+ v1
      v1 = v1 << 13 | v1 >> 51
      v1 ^= v0
      v0 = v0 << 32 | v0 >> 32
      v2 = v2 &+ v3
      v3 = v3 << 16 | v3 >> 48
      v3 ^= v2
      v0 = v0 &+ v3
      v3 = v3 << 21 | v3 >> 43
      v3 ^= v0
      v2 = v2 &+ v1
      v1 = v1 << 17 | v1 >> 47
      v1 ^= v2
      v2 = v2 << 32 | v2 >> 32
    }
  }
}
