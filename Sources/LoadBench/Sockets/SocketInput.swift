/// Bytes of a socket that wait for the rest of what they belong to.
struct SocketInput: ~Copyable {
  private var base = UnsafeMutableRawPointer.allocate(byteCount: 256, alignment: 16)
  private var capacity = 256
  private var count = 0

  deinit { base.deallocate() }

  /// Lets `body` consume what has come so far, with `fresh` behind it.
  ///
  /// `body` returns how many bytes it is done with, and may change them all; the rest is kept. Where nothing waits,
  /// the fresh bytes are not copied.
  mutating func received<Failure: Error>(
    _ fresh: UnsafeMutableRawBufferPointer,
    _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
  ) throws(Failure) {
    if count == 0 {
      let done = try body(fresh)
      keep(UnsafeRawBufferPointer(rebasing: fresh[done...]))
      return
    }
    keep(UnsafeRawBufferPointer(fresh))
    let done = try body(UnsafeMutableRawBufferPointer(start: base, count: count))
    count -= done
    if count > 0, done > 0 { base.copyMemory(from: base + done, byteCount: count) }
    if count == 0, capacity > 1 << 20 { shrink() }
  }

  private mutating func keep(_ bytes: UnsafeRawBufferPointer) {
    guard let start = bytes.baseAddress, bytes.count > 0 else { return }
    if capacity - count < bytes.count {
      let larger = max(count + bytes.count, capacity * 2)
      let moved = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
      moved.copyMemory(from: base, byteCount: count)
      base.deallocate()
      base = moved
      capacity = larger
    }
    (base + count).copyMemory(from: start, byteCount: bytes.count)
    count += bytes.count
  }

  private mutating func shrink() {
    base.deallocate()
    capacity = 256
    base = .allocate(byteCount: capacity, alignment: 16)
  }
}
