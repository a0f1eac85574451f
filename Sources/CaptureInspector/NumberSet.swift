/// A set of the small numbers that a proxy gives to connections and sessions, one bit each.
///
/// Numbers are given out one after another, so a million of them take about half a megabyte.
struct NumberSet {
  private var words: [Int: UInt64] = [:]
  private(set) var count = 0

  mutating func insert(_ number: Int) {
    let bit: UInt64 = 1 << UInt64(number & 63)
    let word = words[number >> 6, default: 0]
    if word & bit == 0 {
      words[number >> 6] = word | bit
      count += 1
    }
  }
}
