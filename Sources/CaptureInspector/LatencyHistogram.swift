/// Latencies in microseconds, summarised in bounded memory.
///
/// Up to `exactLimit` samples are kept and every percentile is exact; then they are counted in buckets that are 1/128
/// of their values wide, so that a percentile is off by less than 1 %. The maximum is exact always.
struct LatencyHistogram {
  /// How many samples are kept one by one.
  static let exactLimit = 512

  private var exact: [Int] = []
  private var buckets: [UInt32] = []
  private(set) var count = 0
  /// The largest sample; 0 without any.
  private(set) var maximum = 0

  /// Takes a sample; a negative one counts as 0, since clocks of a capture do not run backwards.
  mutating func sampleTaken(_ microseconds: Int) {
    let value = max(0, microseconds)
    count += 1
    maximum = max(maximum, value)
    if buckets.isEmpty && exact.count < Self.exactLimit {
      exact.append(value)
      return
    }
    if !exact.isEmpty {
      for earlier in exact { add(earlier) }
      exact = []
    }
    add(value)
  }

  /// Takes a sample back that was taken before; the maximum stays.
  mutating func sampleTakenBack(_ microseconds: Int) {
    let value = max(0, microseconds)
    if let place = exact.lastIndex(of: value) {
      exact.remove(at: place)
      count -= 1
    } else if case let bucket = Self.bucket(of: value), bucket < buckets.count, buckets[bucket] > 0 {
      buckets[bucket] -= 1
      count -= 1
    }
  }

  /// The smallest sample that `percent` of 100 samples do not exceed (nearest rank), or nil without samples.
  func percentile(_ percent: Int) -> Int? {
    guard count > 0 else { return nil }
    let rank = max(1, (count * percent + 99) / 100)
    if buckets.isEmpty { return exact.sorted()[rank - 1] }
    var seen = 0
    for (index, bucket) in buckets.enumerated() {
      seen += Int(bucket)
      if seen >= rank { return min(Self.middle(of: index), maximum) }
    }
    return maximum
  }

  private mutating func add(_ value: Int) {
    let index = Self.bucket(of: value)
    if index >= buckets.count {
      buckets.append(contentsOf: repeatElement(0, count: index + 1 - buckets.count))
    }
    buckets[index] &+= 1
  }

  /// Values below 256 have a bucket each; above, each power of two is cut into 128.
  private static func bucket(of value: Int) -> Int {
    if value < 256 { return value }
    let exponent = Int.bitWidth - 1 - value.leadingZeroBitCount
    return 256 + (exponent - 8) * 128 + (value >> (exponent - 7)) & 127
  }

  private static func middle(of bucket: Int) -> Int {
    if bucket < 256 { return bucket }
    let exponent = 8 + (bucket - 256) / 128
    let width = 1 << (exponent - 7)
    return (1 << exponent) + (bucket - 256) % 128 * width + width / 2
  }
}
