import Testing
import WebSocketFrames

/// What becomes known does not depend on how the bytes were cut.
@Suite struct SplitLawTests {
  private func expectTheSame(_ script: ByteScript, _ note: String = "") {
    let bytes = script.bytes
    let whole = script.events([bytes])
    #expect(script.events(bytes.map { [$0] }) == whole, "byte by byte \(note)")
    for cut in 1..<max(bytes.count, 1) {
      let halves = script.events([Array(bytes[..<cut]), Array(bytes[cut...])])
      if halves != whole { Issue.record("cut at \(cut) \(note): \(halves), not \(whole)") }
    }
  }

  @Test func theCorpusReachesEveryFaultOfAPeer() {
    let found = Set(ByteScript.corpus.flatMap { $0.events([$0.bytes]) }.compactMap { $0.violation?.reason })
    // The window is exceeded in the vectors; nothing on the wire makes memory run out.
    let elsewhere: Set<WebSocketViolation.Reason> = [.windowExceeded, .decoderOutOfMemory]
    #expect(found.union(elsewhere) == Set(WebSocketViolation.Reason.allCases))
  }

  @Test(arguments: ByteScript.corpus) func scriptsByHandMeanTheSameAtEverySplit(_ script: ByteScript) {
    expectTheSame(script)
  }

  @Test(arguments: VectorTests.ofFrames) func vectorsMeanTheSameAtEverySplit(_ vector: VectorTests.Vector) {
    expectTheSame(vector.script)
  }

  @Test(arguments: 0..<150 as Range<UInt64>) func randomTrafficMeansTheSameAtEverySplit(_ seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let traffic = RandomTraffic(&random, messages: 4, largest: 60)
    expectTheSame(traffic.script, "seed \(seed)")
  }

  @Test(arguments: 0..<400 as Range<UInt64>) func damagedTrafficMeansTheSameAtEverySplit(_ seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var script = RandomTraffic(&random, messages: 4, largest: 60).script
    for _ in 0...random.below(3) where !script.bytes.isEmpty {
      let place = random.below(script.bytes.count)
      switch random.below(4) {
      case 0: script.bytes.remove(at: place)
      case 1: script.bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: place)
      default: script.bytes[place] ^= 1 << UInt8(random.below(8))
      }
    }
    expectTheSame(script, "seed \(seed)")
  }

  @Test(arguments: 0..<200 as Range<UInt64>) func noiseMeansTheSameAtEverySplit(_ seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let script = ByteScript(
      name: "noise", bytes: random.bytes(random.below(80)), masking: random.oneIn(2) ? .required : .forbidden,
      compression: random.oneIn(2) ? nil : DeflateParameters())
    expectTheSame(script, "seed \(seed)")
  }
}
