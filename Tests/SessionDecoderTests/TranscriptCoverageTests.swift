import AckCorrelation
import RecordedTranscripts
import Testing

/// Which verdicts and findings (VERDICTS.md) the recordings hold, so that a new one is recorded too or says why not.
@Suite struct TranscriptCoverageTests {
  /// Causes that no recording has, and why.
  private static let unrecorded: [Cause: String] = [
    .pollBatchTooLarge:
      "a client that sends so much at once was not among those recorded; end-to-end instead",
    .sessionUnknown: "recorded as a finding only; end-to-end with a server that was started anew",
    .decodingStopped: "no library sends frames that cannot be read; end-to-end with one made by hand",
    .captureEnded: "recordings end when their peers are done; end-to-end with a proxy that is stopped",
  ]

  /// Findings that no recording has, and why.
  private static let unrecordedFindings: [FindingKind: String] = [
    .upgradeAbandoned: "nothing stood between the recorded peers that blocks WebSocket; end-to-end instead",
    .pollOverlap: "no library polls twice at once; by the correlator's own tests",
    .duplicateAck: "libraries send the first answer only; end-to-end with one sent twice by hand",
    .customParser: "end-to-end with a parser made for it",
    .stalledPeer: "a recording has no backpressure; by the splice's tests",
    .tlsFailed: "recordings begin behind TLS; end-to-end instead",
  ]

  @Test func everyCauseIsRecordedOrSaysWhyNot() {
    let recorded = Set(
      RecordedScenario.all.flatMap(\.truth.verdicts).compactMap {
        $0.split(separator: " ").last.map(String.init)
      })
    for cause in Cause.allCases {
      #expect(recorded.contains(cause.rawValue) != (Self.unrecorded[cause] != nil), "\(cause)")
    }
  }

  @Test func everyVerdictIsRecorded() {
    let recorded = Set(
      RecordedScenario.all.flatMap(\.truth.verdicts).compactMap {
        $0.split(separator: " ").first.map(String.init)
      })
    #expect(recorded == Set(Verdict.allCases.filter(\.isFinal).map(\.rawValue)))
  }

  @Test func everyFindingIsRecordedOrSaysWhyNot() {
    let recorded = Set(RecordedScenario.all.flatMap(\.truth.required))
    for finding in FindingKind.allCases {
      #expect(
        recorded.contains(finding.rawValue) != (Self.unrecordedFindings[finding] != nil), "\(finding)")
    }
  }
}
