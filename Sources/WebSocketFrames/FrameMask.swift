/// The masking key of a frame, and how far it has been used (RFC 6455 §5.3).
struct FrameMask {
  /// The key as it applies to the next byte: the byte to come first is the lowest.
  private(set) var key: UInt32

  /// No mask: every byte stays as it is.
  init() { key = 0 }

  /// Reads the four key bytes in wire order.
  @inline(__always)
  init(at key: UnsafeRawPointer) {
    self.key = UInt32(littleEndian: key.loadUnaligned(as: UInt32.self))
  }

  /// Writes `count` unmasked bytes to `target`, eight at a time, and turns the key on for the bytes behind them.
  @inline(__always)
  mutating func unmask(_ source: UnsafeRawPointer, count: Int, to target: UnsafeMutableRawPointer) {
    let wide = UInt64(key) | UInt64(key) << 32
    var index = 0
    while count &- index >= 8 {
      let word = UInt64(littleEndian: source.loadUnaligned(fromByteOffset: index, as: UInt64.self)) ^ wide
      target.storeBytes(of: word.littleEndian, toByteOffset: index, as: UInt64.self)
      index &+= 8
    }
    var tail = wide
    while index < count {
      let byte = source.load(fromByteOffset: index, as: UInt8.self) ^ UInt8(truncatingIfNeeded: tail)
      target.storeBytes(of: byte, toByteOffset: index, as: UInt8.self)
      tail >>= 8
      index &+= 1
    }
    let turn = UInt32(truncatingIfNeeded: count & 3) &* 8
    if turn != 0 { key = key >> turn | key << (32 &- turn) }
  }
}
