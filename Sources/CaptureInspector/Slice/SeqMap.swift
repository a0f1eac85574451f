/// Which `seq` a record of one capture has in another: pages of small arrays, because numbers rise by one.
struct SeqMap {
  private var pages: [Int: [UInt32]] = [:]

  private static let pageBits = 6

  /// The new number, or nil where none was set.
  subscript(old: Int) -> Int? {
    guard let new = pages[old >> Self.pageBits]?[old & (1 << Self.pageBits - 1)], new > 0 else { return nil }
    return Int(new)
  }

  /// Sets a number; one above 2³² is not kept.
  mutating func set(_ new: Int, for old: Int) {
    pages[old >> Self.pageBits, default: Array(repeating: 0, count: 1 << Self.pageBits)][
      old & (1 << Self.pageBits - 1)] = UInt32(exactly: new) ?? 0
  }
}
