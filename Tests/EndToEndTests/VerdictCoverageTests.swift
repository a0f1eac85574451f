import AckCorrelation
import Foundation
import Testing

/// Which test brings each cause and finding (VERDICTS.md) about with a real peer, so that a new one gets its test too or
/// says why it has none.
@Suite struct VerdictCoverageTests {
  private enum Proof {
    /// The test of this name expects it, by its name or by another word.
    case test(String, word: String? = nil)
    case impossible(_ reason: String)
  }

  private static let nodeOnly =
    "only Socket.IO's own server, for Node.js, does that; recordings of it are played through the proxy instead"

  private static func proof(_ cause: Cause) -> Proof {
    switch cause {
    case .afterAckTimeout, .noHandlerOrNoReturn: .test("eachSilenceHasItsCause")
    case .afterPeerLeft: .test("anAckForAClientThatIsGone")
    case .exceptionEvent: .test("anExceptionWithItsCauseRejectsExactlyThatEmit")
    case .returnedEventObject: .test("anEventInPlaceOfAnAckIsAnAnswer")
    case .retried: .test("retriesAreOneEmitInSeveralAttempts")
    case .conditionalPath: .test("aHandlerThatAnswersAtOtherTimes")
    case .handlerRegisteredLate: .test("aHandlerThatWasNotThereYet")
    case .disconnectedBeforeAck: .test("leavingBeforeTheAckIsProved")
    case .overtakenByDisconnect: .test("aDisconnectInTheSameBurst")
    case .pingTimeout: .test("aClientThatAnswersNoHeartbeat")
    case .payloadTooLarge: .test("aMessageAboveTheServersLimit")
    case .namespaceNotConnected: .test("aNamespaceThatWasNeverJoined")
    case .invalidPacket: .test("aPacketThatNoParserTakes")
    case .pollBatchTooLarge: .test("moreThanSixteenPacketsInOnePost")
    case .sessionUnknown: .test("aServerThatWasStartedAnewKnowsNoSession")
    case .notDelivered: .test("emitsToAServerThatIsGoneAreNotDelivered")
    case .decodingStopped: .test("answersBehindAFrameThatIsNone")
    case .captureEnded: .test("theEndOfTheCaptureIsNoAnswer")
    // The capture leaves the cause unsaid, since it follows from the missing id.
    case .noAckRequested: .test("anEmitThatAsksForNoAck", word: "unconfirmed")
    }
  }

  private static func proof(_ finding: FindingKind) -> Proof {
    switch finding {
    case .sessionUnknown: .test("aServerThatWasStartedAnewKnowsNoSession")
    case .handshakeRefused, .versionMismatch: .test("aClientOfAnOlderRevisionIsRefused")
    case .namespaceRefused: .test("aRefusedNamespaceIsAFindingAndNothingElse")
    case .upgradeCompleted: .test("theCaptureCountsAsThePeersDo")
    case .upgradeAbandoned: .test("anUpgradeThatWasTriedAndGivenUp")
    case .pollOverlap: .impossible("python-engineio answers both polls, " + nodeOnly)
    case .recovered, .recoveryFailed: .impossible(nodeOnly)
    case .bufferedBurst: .test("emitsOfAnOfflineBufferComeInABurst")
    case .duplicateEmit: .test("oneIDUsedTwice")
    case .duplicateAck, .strayAck: .test("oneEmitAnsweredTwiceAndOneThatNobodyMade")
    case .retryGroup: .test("retriesAreOneEmitInSeveralAttempts")
    case .pingTimeout: .test("aClientThatAnswersNoHeartbeat")
    case .closedBecause: .test("aPacketThatNoParserTakes")
    case .massDisconnect: .test("aServerThatCrashesTakesAllWithIt")
    case .protocolError: .test("answersBehindAFrameThatIsNone")
    case .sentAfterClose: .test("anEmitBehindTheCloseOfItsOwnPeer")
    case .customParser: .test("aParserThatNobodyElseHas")
    case .listenerMissing: .test("aQuestionThatNobodyAnswersIsTheClients")
    case .tlsFailed: .test("aRefusedCertificateIsNoticedAndNextTimePassedThrough")
    case .stalledPeer:
      .impossible("no peer stalls on request for a second; the splice's tests do it with a socket")
    }
  }

  /// The sources of this target's tests, each test from its name to the next test.
  private static let bodies: [String: String] = {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    let files =
      (try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)) ?? []
    var bodies: [String: String] = [:]
    for file in files where file.pathExtension == "swift" {
      guard let source = try? String(contentsOf: file, encoding: .utf8) else { continue }
      for part in source.components(separatedBy: "@Test").dropFirst() {
        guard let name = part.components(separatedBy: "func ").dropFirst().first?.prefix(while: { $0 != "(" })
        else { continue }
        bodies[String(name), default: ""] += part
      }
    }
    return bodies
  }()

  private static func fault(_ proof: Proof, _ name: String) -> String? {
    guard case .test(let test, let word) = proof else { return nil }
    guard let body = bodies[test] else { return "\(name): there is no test \(test)" }
    return body.contains(word ?? name) ? nil : "\(name): \(test) expects nothing of that name"
  }

  @Test(arguments: Cause.allCases)
  func everyCauseHasATestWithARealPeer(_ cause: Cause) {
    #expect(Self.fault(Self.proof(cause), cause.rawValue) == nil)
  }

  @Test(arguments: FindingKind.allCases)
  func everyFindingHasATestWithARealPeerOrSaysWhyNot(_ finding: FindingKind) {
    #expect(Self.fault(Self.proof(finding), finding.rawValue) == nil)
  }
}
