/// Latencies counted in buckets that are 1/32 of their values wide: percentiles within 3 % in bounded memory.
package struct LatencyCounts: Sendable {
  /// Bounds, in microseconds, of the bars that a row shows: below the first, between two, above the last.
  static let barBounds = [
    100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000,
  ]

  private var buckets: [UInt32] = []
  package private(set) var count = 0
  package private(set) var maximum = 0
  private var minimum = Int.max
  /// How many fell into each bar.
  package private(set) var bars = [Int](repeating: 0, count: barBounds.count + 1)

  /// Takes a sample, in microseconds; a negative one counts as 0.
  mutating func sampleTaken(_ microseconds: Int) {
    let value = max(0, microseconds)
    count &+= 1
    maximum = max(maximum, value)
    minimum = min(minimum, value)
    let bucket = Self.bucket(of: value)
    if bucket >= buckets.count {
      buckets.append(contentsOf: repeatElement(0, count: bucket + 1 - buckets.count))
    }
    buckets[bucket] &+= 1
    bars[Self.barBounds.firstIndex { value < $0 } ?? Self.barBounds.count] &+= 1
  }

  /// Takes over what was counted elsewhere.
  mutating func add(_ other: LatencyCounts) {
    count &+= other.count
    maximum = max(maximum, other.maximum)
    minimum = min(minimum, other.minimum)
    if other.buckets.count > buckets.count {
      buckets.append(contentsOf: repeatElement(0, count: other.buckets.count - buckets.count))
    }
    for (bucket, number) in other.buckets.enumerated() { buckets[bucket] &+= number }
    for (bar, number) in other.bars.enumerated() { bars[bar] &+= number }
  }

  /// The sample that `percent` of 100 do not exceed (nearest rank), or nil without samples.
  package func percentile(_ percent: Int) -> Int? {
    guard count > 0 else { return nil }
    let rank = max(1, (count * percent + 99) / 100)
    var seen = 0
    for (index, bucket) in buckets.enumerated() {
      seen += Int(bucket)
      if seen >= rank { return max(min(Self.middle(of: index), maximum), minimum) }
    }
    return maximum
  }

  /// Values below 64 have a bucket each; above, each power of two is cut into 32.
  private static func bucket(of value: Int) -> Int {
    if value < 64 { return value }
    let exponent = Int.bitWidth - 1 - value.leadingZeroBitCount
    return 64 + (exponent - 6) * 32 + (value >> (exponent - 5)) & 31
  }

  private static func middle(of bucket: Int) -> Int {
    if bucket < 64 { return bucket }
    let exponent = 6 + (bucket - 64) / 32
    let width = 1 << (exponent - 5)
    return (1 << exponent) + (bucket - 64) % 32 * width + width / 2
  }
}
