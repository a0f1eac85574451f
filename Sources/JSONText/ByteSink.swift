/// A growable run of bytes that encoders append to.
///
/// It exists because records are built from many short pieces: one bounds check per piece, no reference
/// counting and no exclusivity check in between, which neither `[UInt8]` nor `ByteBuffer` gives.
/// The bytes keep their storage over `removeAll()`, so that a busy writer stops allocating.
package struct ByteSink: ~Copyable {
  private var base: UnsafeMutablePointer<UInt8>
  private var capacity: Int
  /// How many bytes were appended since the start or the last `removeAll()`.
  package private(set) var count = 0

  package init(capacity: Int = 256) {
    self.capacity = max(capacity, 16)
    base = .allocate(capacity: self.capacity)
  }

  deinit { base.deallocate() }

  /// The bytes so far; valid until the next mutation.
  package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

  /// Forgets the bytes; gives storage above `keeping` back, so that one huge record does not stay resident.
  package mutating func removeAll(keeping limit: Int = 1 << 20) {
    count = 0
    if capacity > limit {
      base.deallocate()
      capacity = max(limit, 16)
      base = .allocate(capacity: capacity)
    }
  }

  /// Forgets everything behind the first `newCount` bytes.
  package mutating func truncate(to newCount: Int) {
    if newCount < count { count = max(newCount, 0) }
  }

  @inline(__always)
  package mutating func append(_ byte: UInt8) {
    reserve(1)
    base[count] = byte
    count += 1
  }

  @inline(__always)
  package mutating func append(_ source: UnsafeRawBufferPointer) {
    guard let start = source.baseAddress, source.count > 0 else { return }
    reserve(source.count)
    UnsafeMutableRawPointer(base + count).copyMemory(from: start, byteCount: source.count)
    count += source.count
  }

  /// Records are made of dozens of short words, for which a call of `memcpy` costs more than the copy.
  @inline(__always)
  package mutating func append(_ text: StaticString) {
    reserve(text.utf8CodeUnitCount)
    place(text)
  }

  /// Appends `,"name":`.
  @inline(__always)
  package mutating func append(memberNamed name: StaticString) {
    reserve(name.utf8CodeUnitCount &+ 4)
    base[count] = 0x2C
    base[count &+ 1] = 0x22
    count &+= 2
    place(name)
    base[count] = 0x22
    base[count &+ 1] = 0x3A
    count &+= 2
  }

  /// Copies a text for which there is room.
  @inline(__always)
  private mutating func place(_ text: StaticString) {
    let size = text.utf8CodeUnitCount
    let target = UnsafeMutableRawPointer(base + count)
    let source = UnsafeRawPointer(text.utf8Start)
    count &+= size
    // Two words that may overlap cover every length between one and two of them.
    if size > 16 {
      target.copyMemory(from: source, byteCount: size)
    } else if size >= 8 {
      let last = source.loadUnaligned(fromByteOffset: size &- 8, as: UInt64.self)
      target.storeBytes(of: source.loadUnaligned(as: UInt64.self), as: UInt64.self)
      target.storeBytes(of: last, toByteOffset: size &- 8, as: UInt64.self)
    } else if size >= 4 {
      let last = source.loadUnaligned(fromByteOffset: size &- 4, as: UInt32.self)
      target.storeBytes(of: source.loadUnaligned(as: UInt32.self), as: UInt32.self)
      target.storeBytes(of: last, toByteOffset: size &- 4, as: UInt32.self)
    } else {
      for index in 0..<size {
        target.storeBytes(
          of: source.load(fromByteOffset: index, as: UInt8.self), toByteOffset: index, as: UInt8.self)
      }
    }
  }

  package mutating func append(_ text: String) {
    var text = text
    text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
  }

  package mutating func append(_ source: [UInt8]) {
    source.withUnsafeBytes { append($0) }
  }

  /// Appends a whole number in decimal.
  package mutating func append(decimal number: UInt64) {
    reserve(20)
    var digits = 1
    var limit: UInt64 = 10
    while number >= limit {
      digits &+= 1
      let (next, isAboveAll) = limit.multipliedReportingOverflow(by: 10)
      if isAboveAll { break }
      limit = next
    }
    var rest = number
    var index = count &+ digits
    repeat {
      index &-= 1
      let quotient = rest / 10
      base[index] = 0x30 &+ UInt8(truncatingIfNeeded: rest &- quotient &* 10)
      rest = quotient
    } while rest != 0
    count &+= digits
  }

  package mutating func append(decimal number: Int) {
    if number < 0 { append(0x2D) }
    append(decimal: UInt64(number.magnitude))
  }

  /// Lends writable room for `size` bytes behind the end; `body` returns how many of them it filled.
  @inline(__always)
  package mutating func append<Failure: Error>(
    atMost size: Int, _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
  ) throws(Failure) {
    reserve(size)
    let filled = try body(UnsafeMutableRawBufferPointer(start: base + count, count: size))
    precondition(filled >= 0 && filled <= size, "a writer filled more than the room it was lent")
    count += filled
  }

  /// Replaces bytes already appended, from `offset` on.
  package mutating func overwrite(at offset: Int, with byte: UInt8) {
    precondition(offset >= 0 && offset < count)
    base[offset] = byte
  }

  @inline(__always)
  private mutating func reserve(_ more: Int) {
    if capacity - count < more { grow(to: count + more) }
  }

  @inline(never)
  private mutating func grow(to needed: Int) {
    let larger = max(needed, capacity * 2)
    let moved = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
    moved.update(from: base, count: count)
    base.deallocate()
    base = moved
    capacity = larger
  }
}
