import Testing

@testable import CaptureInspector

@Suite struct LatencyHistogramTests {
  @Test func fewSamplesAreExact() {
    var histogram = LatencyHistogram()
    #expect(histogram.percentile(50) == nil)
    for value in (1...100).reversed() { histogram.sampleTaken(value * 1_000_003) }
    #expect(histogram.percentile(50) == 50 * 1_000_003)
    #expect(histogram.percentile(90) == 90 * 1_000_003)
    #expect(histogram.percentile(99) == 99 * 1_000_003)
    #expect(histogram.maximum == 100 * 1_000_003)
  }

  @Test func manySamplesAreWithinOnePercentOfTheSortedTruth() {
    for seed in [1, 7, 20_261_123] as [UInt64] {
      var state = seed
      var histogram = LatencyHistogram()
      var all: [Int] = []
      for _ in 0..<20_000 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let value = Int(state >> 33) >> Int((state >> 5) % 31)
        histogram.sampleTaken(value)
        all.append(value)
      }
      all.sort()
      for percent in [1, 50, 90, 99, 100] {
        let truth = Double(all[max(1, (all.count * percent + 99) / 100) - 1])
        let found = Double(histogram.percentile(percent) ?? -1)
        #expect(abs(found - truth) <= truth * 0.01, "seed \(seed), p\(percent): \(found) for \(truth)")
      }
      #expect(histogram.maximum == all.last)
    }
  }

  @Test func extremesDoNotTrap() {
    var histogram = LatencyHistogram()
    for _ in 0..<600 {
      histogram.sampleTaken(.max)
      histogram.sampleTaken(.min)
    }
    #expect(histogram.maximum == .max && histogram.percentile(1) == 0)
    #expect((histogram.percentile(99) ?? 0) > .max / 100 * 99)
  }

  @Test func aSampleCanBeTakenBack() {
    for count in [10, 2_000] {
      var histogram = LatencyHistogram()
      for value in 0..<count { histogram.sampleTaken(value) }
      histogram.sampleTakenBack(3)
      #expect(histogram.count == count - 1)
    }
  }
}
