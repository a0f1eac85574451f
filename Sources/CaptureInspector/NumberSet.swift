/// A set of the small numbers that a proxy gives to connections, sessions and records, one bit each.
///
/// Numbers are given out one after another, so a million of them take about half a megabyte.
struct NumberSet {
  private var words: [Int: UInt64] = [:]
  private(set) var count = 0

  func forEach(_ body: (Int) -> Void) {
    for (place, word) in words {
      var rest = word
      while rest != 0 {
        body(place << 6 | rest.trailingZeroBitCount)
        rest &= rest &- 1
      }
    }
  }

  func contains(_ number: Int) -> Bool {
    guard let word = words[number >> 6] else { return false }
    return word & (1 << UInt64(number & 63)) != 0
  }

  mutating func remove(_ number: Int) {
    let bit: UInt64 = 1 << UInt64(number & 63)
    guard let word = words[number >> 6], word & bit != 0 else { return }
    words[number >> 6] = word & ~bit
    count -= 1
  }

  mutating func insert(_ number: Int) {
    let bit: UInt64 = 1 << UInt64(number & 63)
    let word = words[number >> 6, default: 0]
    if word & bit == 0 {
      words[number >> 6] = word | bit
      count += 1
    }
  }
}
