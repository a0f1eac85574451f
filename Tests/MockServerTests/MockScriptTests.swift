import JSONText
import RecordedSessions
import Testing

@testable import MockServer

@Suite struct MockScriptTests {
  private func script(loops: Bool = false, strict: Bool = false, _ record: (inout Tape) -> Void) -> MockScript
  {
    var tape = Tape()
    record(&tape)
    return MockScript(tape.recording, loops: loops, isStrict: strict)
  }

  // MARK: emits

  @Test func anEmitGetsTheAckOfTheOneThatItIs() {
    var script = script { tape in
      let session = tape.session()
      tape.emit(session, "say", #"["a"]"#, id: 0, ack: "[1]")
      tape.emit(session, "say", #"["b"]"#, id: 1, ack: "[2]")
    }
    let client = script.join()
    #expect(script.emit(client, "say", #"["b"]"#, id: 7) == ["1: ack 7 [2] +10"])
    #expect(script.emit(client, "say", #"["a"]"#, id: 8) == ["1: ack 8 [1] +10"])
    #expect(script.answered == 3 && script.unanswered == 0)
  }

  @Test func theMostSimilarAnswersFirstThenTheFirst() {
    var script = script { tape in
      let session = tape.session()
      tape.emit(session, "move", #"[{"x":1,"y":1,"who":"ann"}]"#, id: 0, ack: "[1]")
      tape.emit(session, "move", #"[{"x":5,"y":9,"who":"ann"}]"#, id: 1, ack: "[2]")
      tape.emit(session, "move", #"[{"x":2,"y":3,"who":"ben"}]"#, id: 2, ack: "[3]")
    }
    let client = script.join()
    #expect(script.emit(client, "move", #"[{"x":2,"y":4,"who":"ben"}]"#, id: 0) == ["1: ack 0 [3] +10"])
    #expect(script.emit(client, "move", #"[{"x":7,"y":7,"who":"cleo"}]"#, id: 1) == ["1: ack 1 [1] +10"])
  }

  @Test func whatNobodyAnsweredNobodyAnswers() {
    var script = script { tape in
      let session = tape.session()
      tape.emit(session, "lost", "[]", id: 0)
    }
    let client = script.join()
    #expect(script.emit(client, "lost", "[]", id: 0) == [])
    #expect(script.unanswered == 0)
  }

  @Test func whatWasNotRecordedIsComplainedOf() {
    var script = script { tape in
      let session = tape.session()
      tape.emit(session, "note", "[]")
    }
    let client = script.join()
    #expect(script.emit(client, "other", "[]", id: 0) == ["no answer"])
    #expect(script.emit(client, "note", "[]", id: 1) == ["no answer"], "it asks for an ack now")
    #expect(script.unanswered == 2)
  }

  @Test func recordedEmitsAnswerAgainUnlessStrict() {
    for strict in [false, true] {
      var script = script(strict: strict) { tape in
        let session = tape.session()
        tape.emit(session, "say", #"["a"]"#, id: 0, ack: "[1]")
      }
      let client = script.join()
      _ = script.emit(client, "say", #"["a"]"#, id: 0)
      #expect(script.emit(client, "say", #"["a"]"#, id: 1) == (strict ? ["no answer"] : ["1: ack 1 [1] +10"]))
    }
  }

  @Test func whatTheClientSaysOtherwiseComesBackToIt() {
    var script = script { tape in
      let session = tape.session()
      tape.emit(session, "say", #"[{"text":"hello"}]"#, id: 0, ack: #"[{"echo":"hello"}]"#)
      tape.event(session, "said", #"[{"text":"hello","n":1}]"#)
    }
    let client = script.join()
    #expect(
      script.emit(client, "say", #"[{"text":"good day"}]"#, id: 0) == [
        #"1: ack 0 [{"echo":"good day"}] +10"#, #"1: said [{"text":"good day","n":1}] +20"#,
      ])
  }

  // MARK: what follows

  @Test func eventsComeWithTheirCauseAndAtTheirTime() {
    var script = script { tape in
      let session = tape.session()
      tape.event(session, "welcome", "[]")
      tape.emit(session, "a", "[]")
      tape.pause(milliseconds: 5_000)
      tape.event(session, "later", "[]")
    }
    let (client, opened) = script.sessionOpened(.plain)
    #expect(script.words(opened) == [])
    let joined = script.connectArrived(client, "/", nil)
    #expect(script.words(joined) == ["1: connect / +10", "1: welcome [] +20"])
    #expect(script.emit(client, "a", "[]") == ["1: later [] +5010"])
  }

  @Test func anothersEmitIsTheCauseWhereItSharesValues() {
    var script = script { tape in
      let ann = tape.session(auth: #"{"user":"ann"}"#)
      let ben = tape.session(auth: #"{"user":"ben"}"#)
      tape.pause(milliseconds: 3_000)
      tape.emit(ann, "say", #"[{"text":"hello"}]"#, id: 0, ack: "[]")
      tape.event(ben, "said", #"[{"text":"hello"}]"#)
    }
    let ben = script.join(auth: #"{"user":"ben"}"#)
    let ann = script.join(auth: #"{"user":"ann"}"#)
    #expect(
      script.emit(ann, "say", #"[{"text":"hello"}]"#, id: 3) == [
        "\(ann): ack 3 [] +10", #"\#(ben): said [{"text":"hello"}] +20"#,
      ])
  }

  @Test func anAckOfTheClientIsACauseToo() {
    var tape = Tape()
    let session = tape.session()
    tape.event(session, "ask", "[]", id: 5)
    tape.clientAck(session, #"["yes, gladly"]"#)
    tape.event(session, "thanks", #"["yes, gladly"]"#)
    var script = MockScript(tape.recording, loops: false, isStrict: false)
    let client = script.join()
    let response = script.ackArrived(
      client, of: StepPlace(session: 0, step: 2), Tape.payload(#"["not now"]"#))
    #expect(script.words(response) == [#"1: thanks ["not now"] +10"#])
  }

  @Test func whatCameAtOneMomentComesInItsOrder() {
    var script = script { tape in
      let session = tape.session()
      tape.disconnectBeforeAck(session, "kick")
    }
    let client = script.join()
    #expect(script.emit(client, "kick", "[]", id: 0) == ["1: disconnect / +10", "1: ack 0 [] +10"])
  }

  @Test func theRecordedCloseIsPlayed() {
    var script = script { tape in
      let session = tape.session()
      tape.emit(session, "quit", "[]")
      tape.closed(session, code: 4000)
    }
    let client = script.join()
    #expect(script.emit(client, "quit", "[]") == ["1: close 4000 +10"])
  }

  // MARK: sessions

  @Test func aClientPlaysTheSessionThatItLooksLike() {
    var script = script { tape in
      let one = tape.session(query: [("room", "1")])
      tape.emit(one, "who", "[]", id: 0, ack: #"["one"]"#)
      let two = tape.session(query: [("room", "2")])
      tape.emit(two, "who", "[]", id: 0, ack: #"["two"]"#)
    }
    let second = script.join(
      MockHandshake(eio: 4, isWebSocket: true, path: "/socket.io", query: [("room", "2")]))
    #expect(script.emit(second, "who", "[]", id: 0) == [#"1: ack 0 ["two"] +10"#])
    let first = script.join(
      MockHandshake(eio: 4, isWebSocket: true, path: "/socket.io/", query: [("room", "1")]))
    #expect(script.emit(first, "who", "[]", id: 0) == [#"2: ack 0 ["one"] +10"#])
  }

  @Test func aClientIsKnownByWhatItEmits() {
    var script = script { tape in
      for name in ["ann", "ben"] {
        let session = tape.session()
        tape.emit(session, "name", #"["\#(name)"]"#, id: 0, ack: #"["hi \#(name)"]"#)
        tape.emit(session, "who", "[]", id: 1, ack: #"["\#(name)"]"#)
      }
    }
    let ben = script.join()
    #expect(script.emit(ben, "name", #"["ben"]"#, id: 0) == [#"1: ack 0 ["hi ben"] +10"#])
    #expect(script.emit(ben, "who", "[]", id: 1) == [#"1: ack 1 ["ben"] +10"#])
    let ann = script.join()
    #expect(script.emit(ann, "name", #"["ann"]"#, id: 0) == [#"2: ack 0 ["hi ann"] +10"#])
  }

  @Test func sessionsRunOutUnlessTheyLoop() {
    for (loops, strict) in [(false, false), (true, false), (false, true)] {
      var script = script(loops: loops, strict: strict) { tape in tape.session() }
      _ = script.join()
      #expect((script.refusal(of: .plain) == nil) == !strict)
      guard !strict else { continue }
      #expect((script.sessionOpened(.plain).response.complaint == nil) == loops)
    }
  }

  @Test func recordedRefusalsComeInTheirOrder() {
    var script = script { tape in
      tape.refusal(eio: 3, status: 400, code: 5, message: "Unsupported protocol version")
      tape.session()
    }
    let old = MockHandshake(eio: 3, isWebSocket: false, path: "/socket.io/", query: [])
    #expect(script.refusal(of: .plain) == nil)
    #expect(script.refusal(of: old)?.code == 5)
    script.refusalGiven(to: old)
    #expect(script.refusal(of: old) == nil, "it was refused once")
    #expect(
      script.refusal(of: MockHandshake(eio: 4, isWebSocket: true, path: "/x", query: []))?.status == 404)
  }

  // MARK: namespaces

  @Test func refusedNamespacesAreRefusedAgainAndUnknownOnesToo() {
    var script = script { tape in
      let session = tape.session()
      tape.connect(session, "/admin", refused: #"{"message":"not allowed"}"#)
    }
    let client = script.join()
    #expect(
      script.words(script.connectArrived(client, "/admin", nil))
        == [#"1: refuse /admin {"message":"not allowed"} +10"#])
    #expect(
      script.words(script.connectArrived(client, "/new", nil))
        == [#"1: refuse /new {"message":"Invalid namespace"} +0"#, "no answer"])
  }
}
