import RecordedTranscripts
import Testing

/// Recorded sessions of real servers and clients, told by the decoder and correlator, against the truth.
@Suite struct TranscriptTests {
  @Test(arguments: RecordedScenario.all)
  func everyEmitGetsTheVerdictOfItsTruth(_ scenario: RecordedScenario) throws {
    let account = try CaptureAccount(lines: scenario.capture())
    #expect(account.emits == scenario.truth.emits, "\(scenario.id)")
  }

  @Test(arguments: RecordedScenario.all)
  func theFindingsAreThoseOfTheTruth(_ scenario: RecordedScenario) throws {
    let account = try CaptureAccount(lines: scenario.capture())
    #expect(scenario.truth.contradictions(account.findings).isEmpty, "\(scenario.id)")
  }

  @Test func theRecordingsAreThere() {
    #expect(RecordedScenario.all.count == 118)
  }
}
