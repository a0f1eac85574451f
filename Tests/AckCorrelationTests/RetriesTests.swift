import Testing

/// Attempts of one logical emit (PROTOCOL.md B.8).
@Suite struct RetriesTests {
  @Test func attemptsAtAConstantIntervalAreSuperseded() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "m" {"n":1}
      103 >> emit 1 "m" {"n":1}
      204 >> emit 2 "m" {"n":1}
      205 << ack 2
      400 >> emit 3 "m" {"n":2}
      401 << ack 3
      900 >> disconnect
      901 >> closed
      2000 -- end
      """,
      yields: """
        #4 client 0 "m" superseded retried inferred [5] next=#5/1 100.0ms ...
        #5 client 1 "m" superseded retried strong [6] next=#6/2 101.0ms ...
        ! retry_group s1 strong [4,5,6] namespace=/ event="m" attempts=3 acknowledged=1
        #4 client 0 "m" superseded retried strong [5] next=#5/1 897.0ms
        #5 client 1 "m" superseded retried strong [6] next=#6/2 797.0ms
        """)
  }

  @Test func aSingleRepetitionIsInferred() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "m" {"n":1}
      103 >> emit 1 "m" {"n":1}
      104 << ack 1
      900 -- end
      """,
      yields: """
        #4 client 0 "m" superseded retried inferred [5] next=#5/1 100.0ms ...
        ! retry_group s1 inferred [4,5] namespace=/ event="m" attempts=2 acknowledged=1
        #4 client 0 "m" superseded retried inferred [5] next=#5/1 897.0ms
        """)
  }

  @Test func anAttemptAnsweredLaterCountsAsAcknowledged() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "m" {"n":1}
      103 >> emit 1 "m" {"n":1}
      150 << ack 0
      160 << ack 1
      900 -- end
      """,
      yields: """
        #4 client 0 "m" superseded retried inferred [5] next=#5/1 100.0ms ...
        ! retry_group s1 inferred [4,5] namespace=/ event="m" attempts=2 acknowledged=2
        """)
  }

  @Test func anAttemptAfterAReconnectIsSuperseded() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "m" {"n":1}
      100 >> fin
      101 << fin
      101 << closed
      on s2 c2 ws
      220 << open
      221 >> connect
      222 << connect sid
      223 >> emit 1 "m" {"n":1}
      224 << ack 1
      900 -- end
      """,
      ackTimeout: 2000,
      yields: """
        #4 client 0 "m" unanswered disconnected_before_ack proved [5] ended_by=client how=fin 97.0ms ...
        #4 client 0 "m" superseded retried strong [11] next=#11/1 220.0ms
        ! retry_group s1 strong [4,11] namespace=/ event="m" attempts=2 acknowledged=1
        """)
  }

  @Test func anotherClientsFirstEmitIsNoAttempt() {
    expectStory(
      """
      on s1 c1 ws
      0 << open client=7
      1 >> connect
      2 << connect sid
      3 >> emit 0 "m" {"n":1}
      100 >> fin
      101 << closed
      on s2 c2 ws
      220 << open client=8
      221 >> connect
      222 << connect sid
      223 >> emit 1 "m" {"n":1}
      224 << ack 1
      20000 -- end
      """,
      ackTimeout: 2000,
      yields: """
        #4 client 0 "m" unanswered disconnected_before_ack proved [5] ended_by=client how=fin 97.0ms ...
        #4 client 0 "m" unanswered disconnected_before_ack proved [5] ended_by=client how=fin 97.0ms
        """)
  }

  @Test func theSameInOneBatchIsNoRetry() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "pay" {"amount":50}
      3 >> emit 1 "pay" {"amount":50}
      105 << ack 1
      900 -- end
      """,
      yields: """
        #4 client 0 "pay" overdue 300.0ms ...
        #4 client 0 "pay" unanswered conditional_path inferred 897.0ms
        """)
  }

  @Test func anotherEmitInBetweenBreaksTheRow() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "m" 1
      50 >> emit 1 "n" 1
      103 >> emit 2 "m" 1
      104 << ack 1
      900 -- end
      """,
      yields: """
        #4 client 0 "m" overdue 300.0ms ...
        #6 client 2 "m" overdue 300.0ms ...
        #4 client 0 "m" unanswered no_handler_or_no_return inferred 897.0ms
        #6 client 2 "m" unanswered no_handler_or_no_return inferred 797.0ms
        """)
  }

  @Test func anUnansweredSignalOfLifeIsNoRetry() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "alive"
      103 >> emit 1 "alive"
      203 >> emit 2 "alive"
      900 -- end
      """,
      yields: """
        #4 client 0 "alive" overdue 300.0ms ...
        #5 client 1 "alive" overdue 300.0ms ...
        #6 client 2 "alive" overdue 300.0ms ...
        #4 client 0 "alive" unanswered no_handler_or_no_return inferred 897.0ms
        #5 client 1 "alive" unanswered no_handler_or_no_return inferred 797.0ms
        #6 client 2 "alive" unanswered no_handler_or_no_return inferred 697.0ms
        """)
  }

  @Test func theSameAgainAfterItsAckIsNoRetry() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "echo" "same"
      4 << ack 0
      4.3 >> emit 1 "echo" "same"
      5 << ack 1
      900 -- end
      """,
      yields: """
        """)
  }

  @Test func threeInARowRightAfterTheirAcksLookLikeAMissingAckTimeout() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "echo" "same"
      4 << ack 0
      4.3 >> emit 1 "echo" "same"
      5 << ack 1
      5.2 >> emit 2 "echo" "same"
      6 << ack 2
      900 -- end
      """,
      yields: """
        ! retry_group s1 inferred [4,8] namespace=/ event="echo" attempts=3 acknowledged=3 resent_after_ack=true
        """)
  }

  @Test func oneLogicalEmitThatIsNeverAnsweredIsAGroupToo() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "m" {"n":1}
      103 >> emit 1 "m" {"n":1}
      203 >> emit 2 "m" {"n":1}
      2000 -- end
      """,
      yields: """
        #4 client 0 "m" superseded retried inferred [5] next=#5/1 100.0ms ...
        #5 client 1 "m" superseded retried strong [6] next=#6/2 100.0ms ...
        #6 client 2 "m" overdue 300.0ms ...
        ! retry_group s1 strong [4,5,6] namespace=/ event="m" attempts=3 acknowledged=0
        #4 client 0 "m" superseded retried strong [5] next=#5/1 1997.0ms
        #5 client 1 "m" superseded retried strong [6] next=#6/2 1897.0ms
        #6 client 2 "m" unanswered no_handler_or_no_return inferred 1797.0ms
        """)
  }
}
