import Testing

@testable import WebSocketFrames

@Suite struct UTF8ValidatorTests {
  private func isValid(_ pieces: [[UInt8]]) -> Bool {
    var text = UTF8Validator()
    for piece in pieces where piece.withUnsafeBytes({ text.receive($0) }) != nil { return false }
    return text.isComplete
  }

  @Test func allSequencesOfTwoBytesAreJudgedAsTheStandardLibraryJudgesThem() {
    for first in UInt8.min...255 {
      for second in UInt8.min...255 {
        let bytes = [first, second]
        #expect(isValid([bytes]) == (String(validating: bytes, as: UTF8.self) != nil))
        #expect(isValid([[first], [second]]) == isValid([bytes]))
      }
    }
  }

  @Test(arguments: [1, 2, 3] as [UInt64]) func mutatedTextIsJudgedAsTheStandardLibraryJudgesIt(_ seed: UInt64)
  {
    var random = SplitMix64(seed: seed)
    let pool: [Unicode.Scalar] = [
      "a", "\u{7F}", "\u{80}", "\u{7FF}", "\u{800}", "\u{D7FF}", "\u{E000}", "\u{FFFF}", "\u{10000}",
      "\u{10FFFF}",
    ]
    for _ in 0..<3000 {
      var text = String(repeating: "b", count: random.below(40))
      for _ in 0..<random.below(12) { text.unicodeScalars.append(pool[random.below(pool.count)]) }
      text += String(repeating: "c", count: random.below(40))
      var bytes = Array(text.utf8)
      if !bytes.isEmpty, !random.oneIn(4) {
        bytes[random.below(bytes.count)] = UInt8(truncatingIfNeeded: random.next())
      }
      let expected = String(validating: bytes, as: UTF8.self) != nil
      #expect(isValid([bytes]) == expected, "seed \(seed): \(bytes)")
      #expect(isValid(bytes.map { [$0] }) == expected, "seed \(seed): \(bytes)")
    }
  }
}
