import RecordedSessions
import Testing

@testable import SessionReplay

@Suite struct PlayedSessionTests {
  private static func played(_ tape: Tape) -> PlayedSession {
    PlayedSession(
      place: 0, recorded: tape.recording.sessions[0],
      context: ComparisonContext(recording: tape.recording, rules: ComparisonRules()), wanted: [])
  }

  @Test func ackIdsAreCountedInEachNamespace() {
    var tape = Tape()
    _ = tape.session()
    let session = Self.played(tape)
    #expect(session.idSent(for: 1, namespace: "/") == 0)
    #expect(session.idSent(for: 2, namespace: "/chat") == 0)
    #expect(session.idSent(for: 3, namespace: "/") == 1)
    #expect(session.pendingCount == 3)
    #expect(session.ackCame(namespace: "/", id: "1")?.step == 3)
    #expect(session.ackCame(namespace: "/chat", id: "0")?.step == 2)
    // Once is enough, and what was never asked is no ack.
    #expect(session.ackCame(namespace: "/", id: "1") == nil)
    #expect(session.ackCame(namespace: "/", id: "7") == nil)
    #expect(session.pendingCount == 1)
  }

  @Test func namespacesWithoutARecordedCONNECTAreImplied() {
    for (eio, implied) in [(4, ["/", "/chat"]), (3, ["/chat"])] {
      var tape = Tape()
      let place = tape.session(eio: eio)
      tape.emit(place, .client, "a", "[]")
      tape.step(
        place, .client, .emit(RecordedEmit(event: "b", payload: Tape.payload("[]"))), namespace: "/chat")
      tape.step(place, .client, .connect(nil), namespace: "/news")
      tape.step(
        place, .client, .emit(RecordedEmit(event: "c", payload: Tape.payload("[]"))), namespace: "/news")
      #expect(Self.played(tape).impliedNamespaces == implied)
    }
  }

  @Test func aNamespaceIsJoinedOnceItsAnswerCame() {
    var tape = Tape()
    let place = tape.session()
    tape.step(place, .client, .connect(nil), namespace: "/chat")
    tape.step(place, .server, .connect(nil), namespace: "/chat")
    let session = Self.played(tape)
    #expect(session.hasJoined("/chat", before: 1))
    #expect(!session.hasJoined("/chat", before: 2))
    #expect(session.hasJoined("/", before: 2))
    var learned = LearnedValues()
    session.comparison.serverStepCame(
      ArrivedStep(namespace: "/chat", kind: .connect(nil)), learned: &learned)
    #expect(session.hasJoined("/chat", before: 2))
  }

  @Test func aCloseOfTheServerIsWaitedForUntilItComes() {
    var tape = Tape()
    let place = tape.session()
    tape.emit(place, .client, "a", "[]")
    tape.close(place, by: .server)
    let session = Self.played(tape)
    #expect(session.isSettled(before: 3))
    #expect(!session.isSettled(before: 4))
    session.status = .over
    #expect(session.isSettled(before: 4))
  }
}
