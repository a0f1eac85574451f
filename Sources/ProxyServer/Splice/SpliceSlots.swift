/// The connections of a splice loop, by number of their slot.
///
/// What an array hands out is a copy, with a count to keep for each reference in it; here fields are read and changed in
/// their place, many times for each message. Slots are never given back: there are as many as connections were open at once.
struct SpliceSlots: ~Copyable {
  // Owned by this value alone: allocated here, freed in `deinit`. The first `count` places are initialized.
  private var base: UnsafeMutablePointer<SplicedConnection?>
  private var capacity = 16
  private(set) var count = 0

  init() { base = .allocate(capacity: capacity) }

  deinit {
    base.deinitialize(count: count)
    base.deallocate()
  }

  var indices: Range<Int> { 0..<count }

  /// - Parameter slot: one of `indices`.
  subscript(slot: Int) -> SplicedConnection? {
    unsafeAddress {
      precondition(slot >= 0 && slot < count)
      return UnsafePointer(base + slot)
    }
    unsafeMutableAddress {
      precondition(slot >= 0 && slot < count)
      return base + slot
    }
  }

  /// Adds a slot.
  mutating func append(_ connection: SplicedConnection) {
    if count == capacity {
      let larger = UnsafeMutablePointer<SplicedConnection?>.allocate(capacity: capacity * 2)
      larger.moveInitialize(from: base, count: count)
      base.deallocate()
      base = larger
      capacity *= 2
    }
    (base + count).initialize(to: connection)
    count += 1
  }
}
