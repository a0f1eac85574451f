import Testing
import WebSocketFrames

/// What an independent encoder wrote is what the stream reads.
@Suite struct RandomTrafficTests {
  private func expectDecoded(_ traffic: RandomTraffic, _ random: inout SplitMix64, _ seed: UInt64) {
    let bytes = traffic.script.bytes
    var pieces: [[UInt8]] = []
    var start = 0
    let largest = [1, 3, 20, 1500, 65536, bytes.count + 1][random.below(6)]
    while start < bytes.count {
      let end = min(start + 1 + random.below(largest), bytes.count)
      pieces.append(Array(bytes[start..<end]))
      start = end
    }
    let found = traffic.script.events(pieces)
    guard found != traffic.expected else { return }
    let place = zip(found, traffic.expected).prefix { $0 == $1 }.count
    Issue.record(
      """
      seed \(seed), event \(place) of \(traffic.expected.count), got \(found.count): \
      \(String(describing: found.dropFirst(place).first).prefix(400)), \
      not \(String(describing: traffic.expected.dropFirst(place).first).prefix(400))
      """)
  }

  @Test(arguments: 0..<300 as Range<UInt64>) func smallMessagesAreReadAsWritten(_ seed: UInt64) {
    var random = SplitMix64(seed: seed)
    expectDecoded(RandomTraffic(&random, messages: 20, largest: 300), &random, seed)
  }

  @Test(arguments: 0..<24 as Range<UInt64>) func largeMessagesAreReadAsWritten(_ seed: UInt64) {
    var random = SplitMix64(seed: seed)
    expectDecoded(RandomTraffic(&random, messages: 5, largest: 90_000), &random, seed)
  }
}
