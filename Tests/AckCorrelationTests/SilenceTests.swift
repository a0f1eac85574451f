import Testing

/// Emits that nobody answers on a connection that lives (VERDICTS.md `no_handler_or_no_return` and its kin).
@Suite struct SilenceTests {
  @Test func neverAnsweredOnAHealthyConnectionMeansNoHandlerOrNoReturn() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "send" {"text":"hi"}
      700 >> disconnect
      700 >> frame
      701 << frame
      702 << closed
      """,
      yields: """
        #4 client 0 "send" overdue 300.0ms ...
        #4 client 0 "send" unanswered no_handler_or_no_return inferred 697.0ms
        """)
  }

  @Test func answeredAtOtherTimesMeansAConditionalPath() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "save" 1
      4 << ack 0
      50 >> emit 1 "save" 2
      100 >> emit 2 "save" 3
      101 << ack 2
      700 >> disconnect
      701 >> frame
      702 >> closed
      """,
      yields: """
        #6 client 1 "save" overdue 300.0ms ...
        #6 client 1 "save" unanswered conditional_path inferred 650.0ms
        """)
  }

  @Test func answersInAnotherSessionCountForClientEmits() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "save" 1
      4 << ack 0
      5 >> frame
      5 >> closed
      on s2 c2 ws
      6 << open
      7 >> connect
      8 << connect sid
      9 >> emit 0 "save" 1
      900 -- end
      """,
      yields: """
        #11 client 0 "save" overdue 300.0ms ...
        #11 client 0 "save" unanswered conditional_path inferred 891.0ms
        """)
  }

  @Test func onlyTheFirstEmitsUnansweredMeansALateHandler() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "load" 1
      3 >> emit 1 "load" 2
      350 >> emit 2 "load" 3
      351 << ack 2
      700 >> disconnect
      701 >> frame
      702 >> closed
      """,
      yields: """
        #4 client 0 "load" overdue 300.0ms ...
        #5 client 1 "load" overdue 300.0ms ...
        #4 client 0 "load" unanswered handler_registered_late inferred 697.0ms
        #5 client 1 "load" unanswered handler_registered_late inferred 697.0ms
        """)
  }

  @Test func anAnswerBeforeRulesOutALateHandler() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "login" 1
      4 << ack 0
      5 >> emit 1 "load" 2
      350 >> emit 2 "load" 3
      351 << ack 2
      900 -- end
      """,
      yields: """
        #6 client 1 "load" overdue 300.0ms ...
        #6 client 1 "load" unanswered conditional_path inferred 895.0ms
        """)
  }

  @Test func aClientThatNeverAnswersHasNoListener() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 << emit 0 "ask" 1
      3 << emit 1 "ask" 2
      700 >> frame
      701 << frame
      702 << closed
      """,
      yields: """
        #4 server 0 "ask" overdue 300.0ms ...
        #5 server 1 "ask" overdue 300.0ms ...
        ! listener_missing s1 c1 inferred [4] namespace=/ event="ask"
        #4 server 0 "ask" unanswered no_handler_or_no_return inferred 697.0ms
        #5 server 1 "ask" unanswered no_handler_or_no_return inferred 697.0ms
        """)
  }

  @Test func aClientThatAnsweredOnceHasAListener() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 << emit 0 "ask" 1
      4 >> ack 0
      5 << emit 1 "ask" 2
      700 >> frame
      701 << frame
      702 << closed
      """,
      yields: """
        #6 server 1 "ask" overdue 300.0ms ...
        #6 server 1 "ask" unanswered conditional_path inferred 695.0ms
        """)
  }

  @Test func captureEndsBeforeTheTimeout() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "send" 1
      100 -- end
      """,
      yields: """
        #4 client 0 "send" unanswered capture_ended proved 97.0ms
        """)
  }

  @Test func sessionsFromBeforeTheCaptureAreUnverified() {
    expectStory(
      """
      on s1 c1 ws
      0 << open midway
      1 << ack 4
      2 >> emit 5 "send" 1
      900 -- end
      """,
      yields: """
        #3 client 5 "send" overdue unverified 300.0ms ...
        #3 client 5 "send" unanswered no_handler_or_no_return inferred unverified 898.0ms
        """)
  }

  @Test func unreadableAnswersStopJudging() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "send" 1
      4 << undecodable
      5 >> emit 1 "send" 2
      6 << emit 0 "ask" 1
      7 >> ack 0
      900 -- end
      """,
      yields: """
        #4 client 0 "send" unanswered decoding_stopped proved [5] unverified 1.0ms
        #6 client 1 "send" unanswered decoding_stopped proved [5] unverified 0.0ms
        """)
  }

  @Test func signaturesInSessionsFromBeforeTheCaptureAreOnlyInferred() {
    expectStory(
      """
      on s1 c1 ws
      0 << open midway
      1 >> emit 3 "pay" 1
      2 << emit - "exception" {"cause":{"pattern":"pay","data":1}}
      900 -- end
      """,
      yields: """
        #2 client 3 "pay" rejected exception_event inferred [3] unverified 1.0ms ...
        #2 client 3 "pay" rejected exception_event inferred [3] unverified 899.0ms
        """)
  }
}
