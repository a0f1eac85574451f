import RecordedSessions
import Testing

@testable import SessionReplay

@Suite struct ReplayOrderTests {
  private static func words(_ order: ReplayOrder) -> [String] {
    order.actions.map { action in
      switch action.kind {
      case .open: "\(action.session) opens"
      case .step(let step): "\(action.session) step \(step)"
      case .close: "\(action.session) closes"
      case .refusedHandshake(let place): "refusal \(place)"
      }
    }
  }

  @Test func whatClientsDidStandsInTheOrderOfTheCaptureAcrossSessions() {
    var tape = Tape()
    let first = tape.session()
    tape.emit(first, .client, "a", "[]")
    let second = tape.session()
    tape.refusal(status: 400)
    tape.emit(second, .client, "b", "[]")
    tape.emit(first, .client, "c", "[]")
    tape.close(second, by: .client)
    #expect(
      Self.words(ReplayOrder(tape.recording)) == [
        "0 opens", "0 step 0", "1 opens", "refusal 0", "1 step 0", "0 step 1", "1 closes",
      ])
  }

  @Test func whatTheServerDidIsNoAction() {
    var tape = Tape()
    let session = tape.session()
    tape.call(session, "a", "[]", ack: "[]")
    tape.emit(session, .server, "b", "[]")
    tape.close(session, by: .server)
    let order = ReplayOrder(tape.recording)
    #expect(Self.words(order) == ["0 opens", "0 step 0"])
    #expect(order.stepCount == 1)
  }

  @Test func anActionKnowsHowLongItFollowedTheOneBefore() {
    var tape = Tape()
    let session = tape.session()
    tape.emit(session, .client, "a", "[]")
    tape.emit(session, .server, "b", "[]")
    tape.emit(session, .server, "c", "[]")
    tape.close(session, by: .client)
    let order = ReplayOrder(tape.recording)
    #expect(order.actions.map(\.gap) == [0, 10_000, 30_000])
    // Since what the server sent last.
    #expect(order.actions.last?.quiet == 10_000)
  }
}
