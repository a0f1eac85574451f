import CaptureFormat

/// Holds how long acks took against how long they took in the recording.
package struct LatencyComparison: Sendable {
  private struct Key: Hashable {
    var namespace: String
    var event: String
  }

  private var samples: [Key: (recorded: [Int], actual: [Int])] = [:]
  /// All that were measured, in microseconds.
  private var all: [Int] = []

  /// What the median of so many acks may be slower than allowed before it counts, in microseconds: below that it is
  /// the machine, not the server.
  package static func noise(of count: Int) -> Int { 5_000 + 20_000 / max(count, 1) }

  package init() {}

  /// How many acks were measured.
  package var count: Int { all.count }

  /// An ack came; durations are in microseconds.
  package mutating func ackCame(namespace: String, event: String, recorded: Int?, actual: Int) {
    all.append(actual)
    guard let recorded else { return }
    let key = Key(namespace: namespace, event: event)
    samples[key, default: ([], [])].recorded.append(recorded)
    samples[key, default: ([], [])].actual.append(actual)
  }

  package mutating func add(_ other: LatencyComparison) {
    all += other.all
    for (key, value) in other.samples {
      samples[key, default: ([], [])].recorded += value.recorded
      samples[key, default: ([], [])].actual += value.actual
    }
  }

  /// The duration within which that part of the acks came, 0 where none did.
  package func percentile(_ part: Double) -> Int { Self.percentile(part, of: all) }

  private static func percentile(_ part: Double, of durations: [Int]) -> Int {
    guard !durations.isEmpty else { return 0 }
    let sorted = durations.sorted()
    let rank = Int((part * Double(sorted.count)).rounded(.up))
    return sorted[min(max(rank - 1, 0), sorted.count - 1)]
  }

  /// What is slower than allowed: by event, the median against the recorded one; and the 99th percentile of all acks.
  package func differences(maximumRatio: Double?, maximumP99: Int?) -> [Difference] {
    var differences: [Difference] = []
    if let maximumRatio {
      for (key, value) in samples.sorted(by: {
        ($0.key.namespace, $0.key.event) < ($1.key.namespace, $1.key.event)
      }) {
        let recorded = Self.percentile(0.5, of: value.recorded)
        let actual = Self.percentile(0.5, of: value.actual)
        guard Double(actual) > Double(recorded) * maximumRatio + Double(Self.noise(of: value.actual.count))
        else { continue }
        let tenths = recorded > 0 ? actual * 10 / recorded : 0
        differences.append(
          Difference(
            .latencyRatio, namespace: key.namespace, event: key.event,
            words: "acks of '\(key.event)' took \(DurationText.words(microseconds: actual)), "
              + "\(tenths / 10).\(tenths % 10) times the recorded \(DurationText.words(microseconds: recorded)) "
              + "(medians of \(value.actual.count)); allowed are \(maximumRatio) times"))
      }
    }
    if let maximumP99, percentile(0.99) > maximumP99 {
      differences.append(
        Difference(
          .latencyP99,
          words: "the 99th percentile of all acks was \(DurationText.words(microseconds: percentile(0.99))); "
            + "allowed are \(DurationText.words(microseconds: maximumP99))"))
    }
    return differences
  }
}
