/// A hash table from 64-bit keys to slot numbers: open addressing, linear probing, no tombstones.
///
/// Values live elsewhere (see `SlotPool`); an entry is the spread key and a slot. Two keys may share a spread
/// key only where the caller verifies what is found.
struct SlotTable: ~Copyable {
  private struct Entry {
    var key: UInt64
    /// The slot plus one; 0 marks a free entry.
    var slot: UInt32
  }

  private var entries: UnsafeMutablePointer<Entry>
  private var mask: Int
  private(set) var count = 0

  /// A table with room for some entries; it grows by itself.
  init(capacity: Int = 64) {
    var size = 16
    while size < capacity { size *= 2 }
    entries = .allocate(capacity: size)
    entries.initialize(repeating: Entry(key: 0, slot: 0), count: size)
    mask = size - 1
  }

  deinit { entries.deallocate() }

  /// The first slot under `key` that satisfies `matches`, or -1.
  @inline(__always)
  func find(_ key: UInt64, where matches: (Int32) -> Bool) -> Int32 {
    var index = Int(truncatingIfNeeded: key) & mask
    while true {
      let entry = entries[index]
      if entry.slot == 0 { return -1 }
      if entry.key == key {
        let slot = Int32(truncatingIfNeeded: entry.slot &- 1)
        if matches(slot) { return slot }
      }
      index = (index &+ 1) & mask
    }
  }

  /// Adds a slot under a key.
  @inline(__always)
  mutating func insert(_ key: UInt64, slot: Int32) {
    if count &* 4 >= (mask &+ 1) &* 3 { grow() }
    place(Entry(key: key, slot: UInt32(truncatingIfNeeded: slot) &+ 1))
    count &+= 1
  }

  /// Makes the entry of `old` under `key` stand for `new`.
  mutating func replace(_ key: UInt64, slot old: Int32, with new: Int32) {
    var index = Int(truncatingIfNeeded: key) & mask
    while entries[index].slot != 0 {
      if entries[index].key == key, entries[index].slot == UInt32(truncatingIfNeeded: old) &+ 1 {
        entries[index].slot = UInt32(truncatingIfNeeded: new) &+ 1
        return
      }
      index = (index &+ 1) & mask
    }
  }

  /// Takes out the entry of a slot under a key, if it is there.
  @inline(__always)
  mutating func remove(_ key: UInt64, slot: Int32) {
    var hole = Int(truncatingIfNeeded: key) & mask
    while true {
      let entry = entries[hole]
      if entry.slot == 0 { return }
      if entry.key == key, entry.slot == UInt32(truncatingIfNeeded: slot) &+ 1 { break }
      hole = (hole &+ 1) & mask
    }
    count &-= 1
    // Close the gap: move back every later entry of the run that may stand at the hole.
    var index = hole
    while true {
      index = (index &+ 1) & mask
      let entry = entries[index]
      if entry.slot == 0 { break }
      let home = Int(truncatingIfNeeded: entry.key) & mask
      if (index &- home) & mask >= (index &- hole) & mask {
        entries[hole] = entry
        hole = index
      }
    }
    entries[hole].slot = 0
  }

  @inline(__always)
  private mutating func place(_ entry: Entry) {
    var index = Int(truncatingIfNeeded: entry.key) & mask
    while entries[index].slot != 0 { index = (index &+ 1) & mask }
    entries[index] = entry
  }

  @inline(never)
  private mutating func grow() {
    let old = entries
    let oldSize = mask + 1
    let size = oldSize * 2
    entries = .allocate(capacity: size)
    entries.initialize(repeating: Entry(key: 0, slot: 0), count: size)
    mask = size - 1
    for index in 0..<oldSize where old[index].slot != 0 { place(old[index]) }
    old.deallocate()
  }
}
