import JSONText
import RecordedTranscripts
import Testing

/// What a capture says of emits that are not decided yet (VERDICTS.md, *Verdicts*).
@Suite struct OpenVerdictTests {
  @Test(arguments: RecordedScenario.all)
  func anUndecidedEmitIsPendingOrOverdueAndADecidedOneIsDecidedOnce(_ scenario: RecordedScenario) throws {
    var decided: Set<Int> = []
    for line in scenario.capture() {
      let record = try JSONValue(parsing: line)
      guard record["type"]?.string == "verdict", let emit = record["emit"]?.integer else { continue }
      let verdict = record["verdict"]?.string ?? ""
      #expect(!decided.contains(emit), "\(line)")
      if record["final"]?.boolean == true {
        decided.insert(emit)
        #expect(verdict != "pending" && verdict != "overdue", "\(line)")
      } else {
        #expect(verdict == "pending" || verdict == "overdue", "\(line)")
      }
    }
  }
}
