import Testing

/// Clients that come back (PROTOCOL.md B.7).
@Suite struct ReconnectsTests {
  @Test func continuingIDsRightAfterConnectAreAnOfflineBuffer() {
    expectStory(
      """
      on s1 c1 ws
      0 << open
      1 >> connect
      2 << connect sid
      3 >> emit 0 "echo" 0
      4 << ack 0
      60 >> fin
      61 << closed
      on s2 c2 ws
      200 << open
      201 >> connect
      202 << connect sid
      203 >> emit 1 "echo" "b1"
      203 >> emit - "note" "b2"
      203 >> emit 2 "echo" "b3"
      204 << ack 1
      204 << ack 2
      900 -- end
      """,
      yields: """
        ! buffered_burst s2 inferred [11,12,13] namespace=/ emits=3 resumed_from=1
        """)
  }

  @Test func aGapInTheIDsMakesOneEmitAnOfflineBuffer() {
    expectStory(
      """
      on s1 c1 ws
      0 << open
      1 >> connect
      2 << connect sid
      3 >> emit 0 "echo" 0
      4 << ack 0
      60 >> fin
      61 << closed
      on s2 c2 ws
      200 << open
      201 >> connect
      202 << connect sid
      203 >> emit 2 "echo" "stays"
      204 << ack 2
      900 -- end
      """,
      yields: """
        ! buffered_burst s2 inferred [11] namespace=/ emits=1 resumed_from=1
        """)
  }

  @Test func oneEmitInTheConnectHandlerIsNoBuffer() {
    expectStory(
      """
      on s1 c1 ws
      0 << open
      1 >> connect
      2 << connect sid
      3 >> emit 0 "echo" 0
      4 << ack 0
      60 >> fin
      61 << closed
      on s2 c2 ws
      200 << open
      201 >> connect
      202 << connect sid
      203 >> emit 1 "echo" "hello"
      204 << ack 1
      900 -- end
      """,
      yields: """
        """)
  }

  @Test func whatAClientAlwaysSendsAfterConnectIsNoBuffer() {
    expectStory(
      """
      on s1 c1 ws
      0 << open
      1 >> connect
      2 << connect sid
      3 >> emit 0 "join" 1
      3 >> emit 1 "load" 1
      4 << ack 0
      4 << ack 1
      60 >> fin
      61 << closed
      on s2 c2 ws
      200 << open
      201 >> connect
      202 << connect sid
      203 >> emit 2 "join" 1
      203 >> emit 3 "load" 1
      204 << ack 2
      204 << ack 3
      900 -- end
      """,
      yields: """
        """)
  }

  @Test func laterEmitsAreNoBuffer() {
    expectStory(
      """
      on s1 c1 ws
      0 << open
      1 >> connect
      2 << connect sid
      3 >> emit 0 "echo" 0
      4 << ack 0
      60 >> fin
      61 << closed
      on s2 c2 ws
      200 << open
      201 >> connect
      202 << connect sid
      400 >> emit 1 "echo" "b1"
      400 >> emit 2 "echo" "b3"
      401 << ack 1
      401 << ack 2
      900 -- end
      """,
      yields: """
        """)
  }

  @Test func aClientWithFreshIDsIsAnother() {
    expectStory(
      """
      on s1 c1 ws
      0 << open
      1 >> connect
      2 << connect sid
      3 >> emit 0 "echo" 0
      4 << ack 0
      60 >> fin
      61 << closed
      on s2 c2 ws
      200 << open
      201 >> connect
      202 << connect sid
      203 >> emit 0 "echo" "b1"
      203 >> emit 1 "echo" "b3"
      204 << ack 0
      204 << ack 1
      900 -- end
      """,
      yields: """
        """)
  }

  @Test func anEmitWaitsOnlySoLongForItsClient() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "m" {"n":1}
      100 >> fin
      101 << closed
      20000 -- tick
      """,
      yields: """
        #4 client 0 "m" unanswered disconnected_before_ack proved [5] ended_by=client how=fin 97.0ms ...
        #4 client 0 "m" unanswered disconnected_before_ack proved [5] ended_by=client how=fin 97.0ms
        """)
  }
}
