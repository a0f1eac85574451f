/// Latencies counted in buckets whose width grows with their value, in memory that does not grow with their number.
///
/// Values are nanoseconds. Below 256 each has its own bucket; above, a bucket is 1/128 of its power of two wide, so
/// that a percentile is off by less than 0.8 %. The largest is exact.
struct LatencyBuckets {
  private var counts: [UInt32] = []
  private(set) var count = 0
  /// The largest value; 0 without any.
  private(set) var maximum: Int64 = 0

  /// Counts a latency; a negative one counts as 0.
  mutating func record(_ nanoseconds: Int64) {
    let value = max(0, nanoseconds)
    let bucket = Self.bucket(of: value)
    if bucket >= counts.count {
      counts.append(contentsOf: repeatElement(0, count: bucket + 1 - counts.count))
    }
    counts[bucket] &+= 1
    count += 1
    maximum = max(maximum, value)
  }

  /// The value that `share` of all values (0.999 for p99.9) do not exceed, by nearest rank; nil without values.
  func percentile(_ share: Double) -> Int64? {
    guard count > 0 else { return nil }
    let rank = min(max(Int((Double(count) * share).rounded(.up)), 1), count)
    var seen = 0
    for (bucket, number) in counts.enumerated() where number > 0 {
      seen += Int(number)
      if seen >= rank { return min(Self.upperBound(of: bucket), maximum) }
    }
    return maximum
  }

  private static func bucket(of value: Int64) -> Int {
    if value < 256 { return Int(value) }
    let exponent = 63 - value.leadingZeroBitCount
    return 256 + (exponent - 8) * 128 + Int(value >> Int64(exponent - 7)) & 127
  }

  /// The largest value that falls into a bucket.
  private static func upperBound(of bucket: Int) -> Int64 {
    if bucket < 256 { return Int64(bucket) }
    let exponent = Int64(8 + (bucket - 256) / 128)
    let width = Int64(1) << (exponent - 7)
    return (Int64(1) << exponent) + Int64((bucket - 256) % 128) * width + (width - 1)
  }
}
