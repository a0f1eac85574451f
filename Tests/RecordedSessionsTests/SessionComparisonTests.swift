import JSONText
import Testing

@testable import RecordedSessions

@Suite struct SessionComparisonTests {
  /// Seq 6: the client's `send` with id 0; 7: its ack; 8, 9: two events; 10: the client's `next`.
  private let lines =
    RecordedText.opening + [
      RecordedText.emit("client", "send", #"[{"text":"hi"}]"#, id: 0),
      RecordedText.ack("server", of: 6, id: 0, #"[{"ok":true}]"#),
      RecordedText.emit("server", "message", #"[{"text":"hi"}]"#),
      RecordedText.emit("server", "count", "[2]"),
      RecordedText.emit("client", "next", "[]"),
    ]

  private func comparison(_ lines: [String]? = nil) -> SessionComparison {
    let recording = RecordedText.recording(lines ?? self.lines)
    return SessionComparison(
      session: recording.sessions[0],
      context: ComparisonContext(recording: recording, rules: ComparisonRules()))
  }

  private func payload(_ text: String) -> RecordedPayload { RecordedPayload(text: Array(text.utf8)) }

  private func event(_ name: String, _ args: String, id: String? = nil) -> ArrivedStep {
    ArrivedStep(namespace: "/", kind: .emit(RecordedEmit(event: name, payload: payload(args), id: id)))
  }

  private func ack(_ args: String, of emit: Int = 2) -> ArrivedStep {
    ArrivedStep(namespace: "/", kind: .ack(RecordedAck(id: "5", emit: emit, payload: payload(args))))
  }

  private let welcome = ArrivedStep(
    namespace: "/", kind: .connect(RecordedPayload(text: Array(#"{"sid":"Q9rT21"}"#.utf8))))

  /// Plays these arrivals behind the `send`, closes the window before `next`, and ends.
  private func play(_ arrivals: [ArrivedStep], lines: [String]? = nil) -> [Difference] {
    var comparison = comparison(lines)
    var learned = LearnedValues()
    comparison.serverStepCame(welcome, learned: &learned)
    comparison.clientStepTaken(2)
    for arrival in arrivals { comparison.serverStepCame(arrival, learned: &learned) }
    comparison.windowClosed(before: 10, learned: &learned)
    comparison.clientStepTaken(6)
    comparison.ended(stillOpen: true, learned: &learned)
    return comparison.differences
  }

  @Test func anotherOrderWithinAWindowIsTheSame() {
    let differences = play([
      event("count", "[2]"), event("message", #"[{"text":"hi"}]"#), ack(#"[{"ok":true}]"#),
    ])
    #expect(differences.isEmpty)
  }

  @Test func whereRecordsAreMissingNothingIsUnexpected() {
    let arrivals = [
      ack(#"[{"ok":true}]"#), event("message", #"[{"text":"hi"}]"#), event("count", "[2]"),
      event("typing", "[]"),
    ]
    #expect(play(arrivals).map(\.kind) == [.eventUnexpected])
    // The ack's line is damaged.
    var damaged = lines
    damaged[5] = #""type":oh dear"#
    #expect(play(arrivals, lines: damaged).isEmpty)
    // What there is a record of is expected all the same.
    #expect(play([], lines: damaged).map(\.kind) == [.eventMissing, .eventMissing])
  }

  @Test func aLostAckIsMissing() {
    let differences = play([event("message", #"[{"text":"hi"}]"#), event("count", "[2]")])
    #expect(differences.map(\.kind) == [.ackMissing])
    #expect(differences.first?.words == "no ack of 'send' (seq 6) came")
    #expect(differences.first?.seq == 7)
  }

  @Test func anExceptionInsteadOfAnAckIsCalledThat() {
    let differences = play([
      event("exception", #"[{"message":"no"}]"#), event("message", #"[{"text":"hi"}]"#),
      event("count", "[2]"),
    ])
    #expect(differences.map(\.kind) == [.exceptionInsteadOfAck])
    #expect(differences.first?.actual == #"[{"message":"no"}]"#)
  }

  @Test func aChangedAckShowsWhere() {
    let differences = play([
      ack(#"[{"ok":false}]"#), event("message", #"[{"text":"hi"}]"#), event("count", "[2]"),
    ])
    #expect(differences.map(\.kind) == [.ackChanged])
    #expect(differences.first?.places.map(\.path.description) == ["$.ok"])
  }

  /// Seq 6: the client's `ask_me`; 7: the server's `question` with an id; 8: the client's answer; 9: the ack of `ask_me`.
  @Test func anAckBeforeItsCauseIsSaid() {
    let lines =
      RecordedText.opening + [
        RecordedText.emit("client", "ask_me", "[]", id: 0),
        RecordedText.emit("server", "question", "[1]", id: 3),
        RecordedText.ack("client", of: 7, id: 3, "[2]"), RecordedText.ack("server", of: 6, id: 0, "[3]"),
      ]
    func kinds(_ arrivals: [ArrivedStep]) -> [Difference.Kind] {
      var comparison = comparison(lines)
      var learned = LearnedValues()
      comparison.serverStepCame(welcome, learned: &learned)
      comparison.clientStepTaken(2)
      for arrival in arrivals { comparison.serverStepCame(arrival, learned: &learned) }
      comparison.ended(stillOpen: true, learned: &learned)
      return comparison.differences.map(\.kind)
    }
    #expect(kinds([event("question", "[1]", id: "8"), ack("[3]")]).isEmpty)
    #expect(kinds([ack("[3]"), event("question", "[1]", id: "8")]) == [.orderOfCause])
  }

  @Test func whatCannotBeToldApartTeachesNothingForSure() {
    let lines =
      RecordedText.opening + [
        RecordedText.emit("client", "send", "[]"),
        RecordedText.emit("server", "message", #"[{"id":"3f2a9c4e01","text":"hi"}]"#),
        RecordedText.emit("server", "message", #"[{"id":"77aa01bd02","text":"hi"}]"#),
      ]
    var comparison = comparison(lines)
    var learned = LearnedValues()
    comparison.serverStepCame(welcome, learned: &learned)
    comparison.serverStepCame(event("message", #"[{"id":"5555aaaa03","text":"hi"}]"#), learned: &learned)
    #expect(learned.value(for: .string("3f2a9c4e01")) == .string("5555aaaa03"))
    #expect(!learned.isSure(of: .string("3f2a9c4e01")))
    learned.learn(.string("3f2a9c4e01"), .string("6666bbbb04"))
    #expect(learned.isSure(of: .string("3f2a9c4e01")))
    learned.learn(.string("3f2a9c4e01"), .string("7777cccc05"), isWeak: true)
    #expect(learned.value(for: .string("3f2a9c4e01")) == .string("6666bbbb04"))
  }

  @Test func aChangedEventIsOneDifference() {
    let differences = play([
      ack(#"[{"ok":true}]"#), event("message", #"[{"text":"ho"}]"#), event("count", "[2]"),
    ])
    #expect(differences.map(\.kind) == [.eventChanged])
    #expect(differences.first?.seq == 8)
  }

  @Test func aChangedEventNeedsNoWaiting() {
    var comparison = comparison()
    var learned = LearnedValues()
    comparison.serverStepCame(welcome, learned: &learned)
    comparison.clientStepTaken(2)
    for arrival in [ack(#"[{"ok":true}]"#), event("message", #"[{"text":"ho"}]"#)] {
      comparison.serverStepCame(arrival, learned: &learned)
    }
    let unsettled = comparison.firstUnsettled(before: 10)
    #expect(unsettled == 5)
    comparison.serverStepCame(event("count", "[2]"), learned: &learned)
    let isSettled = comparison.isSettled(before: 10)
    #expect(isSettled)
  }

  @Test func aMissingEventAndAnExtraOneAreTwo() {
    let differences = play([
      ack(#"[{"ok":true}]"#), event("message", #"[{"text":"hi"}]"#), event("surprise", "[1]"),
    ])
    #expect(differences.map(\.kind) == [.eventMissing, .eventUnexpected])
    #expect(differences.last?.event == "surprise")
    #expect(differences.last?.seq == 6)
  }

  @Test func anExtraCopyOfAnEventIsExtra() {
    let message = event("message", #"[{"text":"hi"}]"#)
    let differences = play([ack(#"[{"ok":true}]"#), message, message, event("count", "[2]")])
    #expect(differences.map(\.kind) == [.eventUnexpected])
  }

  @Test func aCloseThatWasNotRecordedSaysWhatIsLeft() {
    var comparison = comparison()
    var learned = LearnedValues()
    comparison.serverStepCame(welcome, learned: &learned)
    comparison.clientStepTaken(2)
    comparison.serverClosed(manner: .frame, code: 1011, reason: "oops", isPlayedOut: false, learned: &learned)
    #expect(comparison.differences.map(\.kind) == [.closeUnexpected])
    #expect(comparison.differences.first?.words.contains("with code 1011 (oops)") == true)
    #expect(comparison.differences.first?.words.contains("1 steps of the client were not played") == true)
  }

  @Test func aRecordedCloseThatDoesNotComeIsMissing() {
    let close =
      #""type":"control","conn":1,"session":1,"from":"server","transport":"websocket","opcode":"close","code":1008"#
    let differences = play(
      [ack(#"[{"ok":true}]"#), event("message", #"[{"text":"hi"}]"#), event("count", "[2]")],
      lines: lines + [close])
    #expect(differences.map(\.kind) == [.closeMissing])
  }

  @Test func aRefusedNamespaceShowsTheRefusal() {
    var comparison = comparison()
    var learned = LearnedValues()
    let refusal = ArrivedStep(namespace: "/", kind: .connectError(payload(#"{"message":"no"}"#)))
    comparison.serverStepCame(refusal, learned: &learned)
    #expect(comparison.differences.map(\.kind) == [.connectRefused])
    #expect(comparison.differences.first?.actual == #"{"message":"no"}"#)
  }
}
