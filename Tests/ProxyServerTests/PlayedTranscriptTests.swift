import NIOPosix
import RecordedTranscripts
import Testing

/// Recorded sessions of real servers and clients, played through a running proxy, against the truth. One at a time: they
/// share the loop.
@Suite(.serialized) struct PlayedTranscriptTests {
  private static let loop = MultiThreadedEventLoopGroup(numberOfThreads: 1)

  @Test(arguments: RecordedScenario.all, [true, false])
  func theProxysCaptureTellsTheTruth(_ scenario: RecordedScenario, splicesDirectly: Bool) async throws {
    let account = try CaptureAccount(
      lines: try await TranscriptPlayer.capture(
        of: scenario, splicesDirectly: splicesDirectly, loop: Self.loop))
    #expect(account.emits == scenario.truth.emits, "\(scenario.id)")
    #expect(scenario.truth.contradictions(account.findings).isEmpty, "\(scenario.id)")
  }
}
