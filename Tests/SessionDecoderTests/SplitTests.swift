import JSONText
import RecordedTranscripts
import Testing

/// However the network cuts a stream, the capture is the same.
@Suite struct SplitTests {
  @Test(arguments: RecordedScenario.all)
  func bytesOneByOneGiveTheSameCapture(_ scenario: RecordedScenario) {
    expectSame(scenario, "byte by byte") { bytes in bytes.map { [$0] } }
  }

  @Test(arguments: RecordedScenario.all)
  func cutsAtRandomPlacesGiveTheSameCapture(_ scenario: RecordedScenario) {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SplitMix64(seed: seed)
    expectSame(scenario, "seed \(seed)") { bytes in
      var pieces: [[UInt8]] = []
      var rest = bytes[...]
      while !rest.isEmpty {
        let count = Int.random(in: 1...min(rest.count, 40), using: &random)
        pieces.append(Array(rest.prefix(count)))
        rest = rest.dropFirst(count)
      }
      return pieces
    }
  }

  private func expectSame(_ scenario: RecordedScenario, _ how: String, cut: @escaping ([UInt8]) -> [[UInt8]])
  {
    let whole = CaptureStory(lines: scenario.capture())
    let pieces = CaptureStory(lines: scenario.capture(cut: cut))
    #expect(whole.traffic == pieces.traffic, "\(scenario.id), \(how)")
    #expect(whole.conclusions == pieces.conclusions, "\(scenario.id), \(how)")
  }
}

/// A capture without the moments and numbers of its records.
///
/// What is concluded from several packets is written behind all of them where they came in one read, and between them
/// where they did not; so conclusions are told apart from what they are drawn from, and name it by its place there.
private struct CaptureStory {
  private(set) var traffic: [String] = []
  private(set) var conclusions: [String] = []
  private var places: [Int: Int] = [:]

  init(lines: [String]) {
    let records = lines.compactMap { try? JSONValue(parsing: $0) }
    for record in records where !Self.isConclusion(record) {
      places[record["seq"]?.integer ?? -1] = places.count
    }
    for record in records {
      if Self.isConclusion(record) {
        conclusions.append(story(record))
      } else {
        traffic.append(story(record))
      }
    }
    conclusions.sort()
  }

  private static func isConclusion(_ record: JSONValue) -> Bool {
    record["type"]?.string == "verdict" || record["type"]?.string == "finding"
  }

  private func story(_ record: JSONValue) -> String {
    guard case .object(let members) = record else { return "" }
    return members.map { name, value in
      switch name {
      case "seq", "ts": ""
      case "ack_of", "emit", "next", "evidence": "\(name)=\(place(of: value))"
      default: "\(name)=\(value.text)"
      }
    }.joined(separator: " ")
  }

  private func place(of value: JSONValue) -> String {
    (value.array ?? [value]).map { "\($0.integer.flatMap { places[$0] } ?? -1)" }.joined(separator: ",")
  }
}

/// A generator that gives the same numbers for the same seed (S. Vigna, SplitMix64).
struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }
}
