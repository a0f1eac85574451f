import Testing

@testable import LoadBench

@Suite("Latency buckets")
struct LatencyBucketsTests {
  private static let shares = [0.001, 0.5, 0.9, 0.99, 0.999, 1]

  @Test(arguments: [1, 2, 3, 10, 1000, 20_000])
  func percentilesAreThoseOfANaiveModelWithinABucket(count: Int) {
    let seed = UInt64.random(in: .min ... .max)
    var random = SeededGenerator(seed: seed)
    var buckets = LatencyBuckets()
    var model: [Int64] = []
    for _ in 0..<count {
      // Over all magnitudes, from nanoseconds to minutes.
      let value = Int64(random.next() >> 1) >> Int64.random(in: 27...62, using: &random)
      buckets.record(value)
      model.append(value)
    }
    model.sort()
    #expect(buckets.count == count)
    #expect(buckets.maximum == model[count - 1])
    for share in Self.shares {
      let rank = max(1, Int((Double(count) * share).rounded(.up)))
      let exact = model[rank - 1]
      let told = buckets.percentile(share) ?? -1
      #expect(
        told >= exact && Double(told) <= Double(exact) * 1.008, "seed \(seed), share \(share): \(exact)")
    }
  }

  @Test func smallValuesAreExact() {
    var buckets = LatencyBuckets()
    for value in Int64(0)..<256 { buckets.record(value) }
    for share in [0.25, 0.5, 1] { #expect(buckets.percentile(share) == Int64(256 * share) - 1) }
  }

  @Test func withoutValuesThereIsNoPercentile() {
    #expect(LatencyBuckets().percentile(0.5) == nil)
  }

  @Test func negativeValuesCountAsZero() {
    var buckets = LatencyBuckets()
    buckets.record(-5)
    #expect(buckets.percentile(1) == 0)
  }

  @Test func theLargestValueThereIsFits() {
    var buckets = LatencyBuckets()
    buckets.record(.max)
    #expect(buckets.percentile(0.5) == .max)
  }
}

/// SplitMix64.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }
}
