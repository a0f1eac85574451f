/// Storage for values that come and go: a slot keeps its number until it is given back, and given-back slots are
/// used again, so that a busy table stops allocating.
struct SlotPool<Element>: ~Copyable {
  private var base: UnsafeMutablePointer<Element>
  private var capacity: Int
  private var free: [Int32] = []
  /// How many slots were ever in use at once; every slot below it holds an initialized value.
  private(set) var used = 0
  /// How many slots are in use.
  private(set) var count = 0

  /// An empty pool.
  init() {
    capacity = 16
    base = .allocate(capacity: capacity)
  }

  deinit {
    base.deinitialize(count: used)
    base.deallocate()
  }

  /// A slot for a value. A slot used before still holds its former value, for its storage to be used again.
  ///
  /// - Parameter makeFirst: makes the value of a slot never used before.
  @inline(__always)
  mutating func take(_ makeFirst: () -> Element) -> Int32 {
    count &+= 1
    if let slot = free.popLast() { return slot }
    if used == capacity { grow() }
    (base + used).initialize(to: makeFirst())
    used &+= 1
    return Int32(truncatingIfNeeded: used &- 1)
  }

  /// The value in a slot is no longer needed.
  @inline(__always)
  mutating func giveBack(_ slot: Int32) {
    free.append(slot)
    count &-= 1
  }

  /// The value in a slot that `take` returned.
  @inline(__always)
  subscript(slot: Int32) -> Element {
    @inline(__always) _read {
      precondition(slot >= 0 && Int(slot) < used)
      yield base[Int(slot)]
    }
    @inline(__always) _modify {
      precondition(slot >= 0 && Int(slot) < used)
      yield &base[Int(slot)]
    }
  }

  @inline(never)
  private mutating func grow() {
    let larger = capacity * 2
    let moved = UnsafeMutablePointer<Element>.allocate(capacity: larger)
    moved.moveInitialize(from: base, count: used)
    base.deallocate()
    base = moved
    capacity = larger
  }
}
