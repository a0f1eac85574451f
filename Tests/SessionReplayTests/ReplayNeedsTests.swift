import RecordedSessions
import Testing

@testable import SessionReplay

/// What a client's step waits for at full speed.
@Suite struct ReplayNeedsTests {
  private typealias Source = ReplayNeeds.Source

  @Test func aStepNeedsTheStepThatMadeItsIdUp() {
    var tape = Tape()
    let anna = tape.session()
    let ben = tape.session()
    let created = tape.call(anna, "create_room", #"["tea"]"#, ack: #"[{"id":"8f14e45f"}]"#)
    let joined = tape.emit(ben, .client, "join", #"[{"room":"8f14e45f"}]"#)
    let plain = tape.emit(ben, .client, "wave", #"["everybody"]"#)
    let needs = ReplayNeeds(tape.recording, binds: [])
    #expect(needs[ben, joined] == [Source(session: anna, step: created.ack)])
    #expect(needs[ben, plain].isEmpty)
    #expect(needs.wanted(of: anna) == [created.ack])
    #expect(needs.wanted(of: ben).isEmpty)
  }

  @Test func whatAClientSaidFirstIsNoNeed() {
    var tape = Tape()
    let session = tape.session()
    tape.call(session, "hello", #"["8f14e45f"]"#, ack: #"["8f14e45f"]"#)
    let again = tape.emit(session, .client, "again", #"["8f14e45f"]"#)
    #expect(ReplayNeeds(tape.recording, binds: [])[session, again].isEmpty)
  }

  @Test func aShortIdIsANeedByRuleOnly() throws {
    var tape = Tape()
    let session = tape.session()
    let created = tape.call(session, "create_room", "[]", ack: #"[{"id":7}]"#)
    let joined = tape.emit(session, .client, "join", #"[{"room":7}]"#)
    #expect(ReplayNeeds(tape.recording, binds: [])[session, joined].isEmpty)
    let rule = try BindRule(parsing: "room = ack of create_room $.id")
    #expect(
      ReplayNeeds(tape.recording, binds: [rule])[session, joined]
        == [Source(session: session, step: created.ack)])
  }

  @Test func anAckIsNamedByTheEmitThatItAnswers() {
    var tape = Tape()
    let session = tape.session()
    let call = tape.call(session, "create_room", "[]", ack: "[]")
    let event = tape.emit(session, .server, "joined", "[]")
    let recorded = tape.recording.sessions[session]
    #expect(ReplayNeeds.subject(of: recorded.steps[call.ack], in: recorded) == .ack(event: "create_room"))
    #expect(ReplayNeeds.subject(of: recorded.steps[event], in: recorded) == .emit(event: "joined"))
  }
}
