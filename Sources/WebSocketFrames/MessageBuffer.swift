/// The kept bytes of the message under way, with working room behind them.
///
/// Nothing is allocated before the first byte. Storage grows with bytes that arrived, never with bytes that a
/// header announced. What is written to the room and not kept is lost; that is how bytes past the limit, and
/// control frames between fragments, pass through without storage of their own.
struct MessageBuffer: ~Copyable {
  // Owned by this value alone: allocated in `grow`, freed in `release` and `deinit`, lent out only as buffers
  // that callers must not keep over the next mutation.
  private var base: UnsafeMutableRawPointer?
  /// How many bytes are allocated.
  private(set) var capacity = 0
  /// How many bytes are kept.
  private(set) var count = 0
  /// How many bytes may be kept.
  let limit: Int

  /// Room beyond the limit that growing may allocate at once.
  private static let slack = 4096

  init(limit: Int) { self.limit = limit }

  deinit { base?.deallocate() }

  /// The kept bytes; valid until the next mutation.
  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

  /// Writable room behind the kept bytes: `size` bytes or more.
  @inline(__always)
  mutating func room(_ size: Int) -> UnsafeMutableRawBufferPointer {
    if capacity &- count < size { grow(to: count &+ size) }
    guard let base else { return UnsafeMutableRawBufferPointer(start: nil, count: 0) }
    return UnsafeMutableRawBufferPointer(start: base + count, count: capacity &- count)
  }

  /// Keeps the first `written` bytes of the room, as far as the limit allows.
  @inline(__always)
  mutating func keep(_ written: Int) { count &+= min(written, limit &- count) }

  /// Appends bytes, as far as the limit allows.
  mutating func append(_ source: UnsafeRawBufferPointer) {
    let size = min(source.count, limit &- count)
    guard size > 0, let start = source.baseAddress, let target = room(size).baseAddress else { return }
    target.copyMemory(from: start, byteCount: size)
    count &+= size
  }

  /// Forgets the bytes, and gives the storage back where it is larger than `retained`.
  @inline(__always)
  mutating func removeAll(retaining retained: Int) {
    count = 0
    if capacity > retained { release() }
  }

  /// Forgets the bytes and gives the storage back.
  mutating func release() {
    base?.deallocate()
    base = nil
    capacity = 0
    count = 0
  }

  @inline(never)
  private mutating func grow(to needed: Int) {
    let doubled = min(max(capacity &* 2, 256), limit &+ MessageBuffer.slack)
    let larger = max(needed, doubled)
    let moved = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
    if let base {
      moved.copyMemory(from: base, byteCount: count)
      base.deallocate()
    }
    base = moved
    capacity = larger
  }
}
