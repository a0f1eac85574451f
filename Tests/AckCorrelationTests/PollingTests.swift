import Testing

/// Long-polling sessions (PROTOCOL.md A.4, A.7, A.9).
@Suite struct PollingTests {
  @Test func anUnknownSessionEndsItsEmits() {
    expectStory(
      """
      on s1 c1 polling
      0 << open ping=25000/20000 polling
      1 >> post
      1 >> connect
      2 << answer 200 packets=1
      3 << connect sid
      4 >> post
      4 >> emit 0 "send" 1
      5 << answer 200 packets=1
      60000 >> post
      60000 >> emit 1 "send" 2
      60001 << answer 400 code=1 packets=1
      60002 -- end
      """,
      ackTimeout: 90000,
      yields: """
        ! session_unknown s1 c1 proved [11]
        #7 client 0 "send" unanswered session_unknown proved [11] 59997.0ms
        #10 client 1 "send" unanswered session_unknown proved [11] 1.0ms
        """)
  }

  @Test func anUnknownSessionRightAfterAGoodHandshakeMeansNoAffinity() {
    expectStory(
      """
      on s1 c1 polling
      0 << open polling
      on s1 c2 polling
      1 >> post
      1 >> connect
      2 << answer 400 code=1 packets=1
      900 -- end
      """,
      yields: """
        ! session_unknown s1 c2 proved [4] no_affinity=true
        """)
  }

  @Test func aPollThatTheClientCutOffSaysWhoEndedTheSession() {
    expectStory(
      """
      on s1 c1 polling
      0 << open ping=25000/20000 polling
      1 >> post
      1 >> connect
      2 << answer 200 packets=1
      3 << connect sid
      on s1 c2 polling
      4 >> get
      on s1 c1 polling
      5 >> post
      5 >> emit 0 "slow" 1
      6 << answer 200 packets=1
      on s1 c2 polling
      40 >> reset
      on s1 c3 polling
      140 >> get
      141 << answer 400 code=1 packets=0
      900 -- end
      """,
      yields: """
        ! session_unknown s1 c3 proved [12]
        #8 client 0 "slow" unanswered disconnected_before_ack proved [10] ended_by=client how=reset 35.0ms ...
        #8 client 0 "slow" unanswered disconnected_before_ack proved [10] ended_by=client how=reset 35.0ms
        """)
  }

  @Test func aSessionThatGoesOnWasNotCutOff() {
    expectStory(
      """
      on s1 c1 polling
      0 << open ping=25000/20000 polling
      1 >> post
      1 >> connect
      2 << answer 200 packets=1
      3 << connect sid
      on s1 c2 polling
      4 >> get
      5 >> emit 0 "slow" 1
      40 >> reset
      on s1 c3 polling
      140 >> get
      141 << answer 200 packets=0
      141 << ack 0
      900 -- end
      """,
      yields: """
        """)
  }

  @Test func aCloseThatTheServerSentOutranksItsErrorAnswer() {
    expectStory(
      """
      on s1 c1 polling
      0 << open ping=25000/20000 polling
      1 >> post
      1 >> connect
      2 << answer 200 packets=1
      3 << connect sid
      4 >> post
      4 >> emit 0 "slow" 1
      5 << answer 200 packets=1
      on s1 c2 polling
      6 >> get
      50 << answer 200 packets=0
      50 << disconnect
      50 << packet close
      on s1 c1 polling
      60 >> post
      60 >> packet close
      61 << answer 400 code=1 packets=1
      900 -- end
      """,
      yields: """
        ! session_unknown s1 c1 proved [15]
        #7 client 0 "slow" unanswered disconnected_before_ack proved [11] ended_by=server how=disconnect_packet 46.0ms
        """)
  }

  @Test func aPostOfManyPacketsIsDroppedByAPythonServer() {
    expectStory(
      """
      on s1 c1 polling
      0 << open python polling
      1 >> post
      1 >> connect
      2 << answer 200 packets=1
      3 << connect sid
      4 >> post
      4 >> emit 0 "send" 0
      4 >> emit 1 "send" 1
      5 << answer 200 packets=19
      6 >> post
      6 >> emit 2 "send" 2
      7 << answer 200 packets=1
      8 << ack 2
      900 >> post
      900 >> packet close
      901 << answer 200 packets=1
      2000 -- end
      """,
      yields: """
        #7 client 0 "send" overdue 300.0ms ...
        #8 client 1 "send" overdue 300.0ms ...
        #7 client 0 "send" unanswered poll_batch_too_large inferred [15] 896.0ms
        #8 client 1 "send" unanswered poll_batch_too_large inferred [15] 896.0ms
        """)
  }

  @Test func aPostOfManyPacketsIsNoTroubleForAJavaScriptServer() {
    expectStory(
      """
      on s1 c1 polling
      0 << open javascript polling
      1 >> post
      1 >> connect
      2 << answer 200 packets=1
      3 << connect sid
      4 >> post
      4 >> emit 0 "send" 0
      4 >> emit 1 "send" 1
      5 << answer 200 packets=19
      8 << ack 1
      2000 -- end
      """,
      yields: """
        #7 client 0 "send" overdue 300.0ms ...
        #7 client 0 "send" unanswered conditional_path inferred 1996.0ms
        """)
  }

  @Test func twoPollsAtOnceOverlap() {
    expectStory(
      """
      on s1 c1 polling
      0 << open ping=25000/20000 polling
      1 >> post
      1 >> connect
      2 << answer 200 packets=1
      3 << connect sid
      on s1 c2 polling
      4 >> get
      on s1 c3 polling
      5 >> get
      6 << answer 400 packets=0
      on s1 c2 polling
      6 << answer 200 packets=0
      6 << packet close
      900 -- end
      """,
      yields: """
        ! poll_overlap s1 c3 proved [7,8]
        """)
  }

  @Test func aFrozenPollingClientTimesOut() {
    expectStory(
      """
      on s1 c1 polling
      0 << open ping=300/250 polling
      1 >> post
      1 >> connect
      2 << answer 200 packets=1
      3 << connect sid
      4 >> post
      4 >> emit 0 "slow" 1
      5 << answer 200 packets=1
      300 << packet ping
      1057 >> post
      1057 >> packet close
      1058 << answer 400 code=1 packets=1
      1059 -- end
      """,
      ackTimeout: 5000,
      yields: """
        ! ping_timeout s1 proved [9,11] silent=client
        ! session_unknown s1 c1 proved [12]
        #7 client 0 "slow" unanswered ping_timeout proved [9,11] silent=client 1053.0ms
        """)
  }

  @Test func anUpgradeIsCompleted() {
    expectStory(
      """
      on s1 c1 polling
      0 << open ping=25000/20000 polling
      1 >> post
      1 >> connect
      2 << answer 200 packets=1
      3 << connect sid
      on s1 c2 ws
      4 >> attach
      5 >> packet probe-ping
      6 << packet probe-pong
      7 >> packet upgrade
      900 -- end
      """,
      yields: """
        ! upgrade_completed s1 c2 proved [9]
        """)
  }

  @Test func anUpgradeIsAbandonedOnceTheSessionGoesOnWithoutIt() {
    expectStory(
      """
      on s1 c1 polling
      0 << open ping=25000/20000 polling
      1 >> post
      1 >> connect
      2 << answer 200 packets=1
      3 << connect sid
      on s1 c2 ws
      4 >> attach
      5 >> packet probe-ping
      6 << packet probe-pong
      10006 << frame
      10007 << closed
      on s1 c1 polling
      10020 >> get
      10900 -- end
      """,
      yields: """
        ! upgrade_abandoned s1 proved [9,11]
        """)
  }

  @Test func anUpgradeCutShortByGoodbyeIsNotAbandoned() {
    expectStory(
      """
      on s1 c1 polling
      0 << open ping=25000/20000 polling
      1 >> post
      1 >> connect
      2 << answer 200 packets=1
      3 << connect sid
      on s1 c2 ws
      4 >> attach
      5 >> packet probe-ping
      6 >> frame
      7 >> closed
      on s1 c1 polling
      7 >> post
      7 >> packet close
      8 << answer 200 packets=1
      900 -- end
      """,
      yields: """
        """)
  }

  @Test func aVanishedPollingClientIsGivenUp() {
    expectStory(
      """
      on s1 c1 polling
      0 << open ping=25000/20000 polling
      1 >> post
      1 >> connect
      2 << answer 200 packets=1
      3 << connect sid
      4 >> post
      4 >> emit 0 "slow" 1
      5 << answer 200 packets=1
      120000 -- tick
      240000 -- tick
      360000 -- tick
      """,
      ackTimeout: 90000,
      yields: """
        #7 client 0 "slow" overdue 90000.0ms ...
        ! ping_timeout s1 proved [1] silent=client
        #7 client 0 "slow" unanswered ping_timeout proved [1] silent=client 119996.0ms ...
        #7 client 0 "slow" unanswered ping_timeout proved [1] silent=client 119996.0ms
        """)
  }

  @Test func anUpgradeRefusedForAnUnknownSessionDoesNotEndIt() {
    expectStory(
      """
      on s1 c1 polling
      0 << open ping=25000/20000 polling
      1 >> post
      1 >> connect
      2 << answer 200 packets=1
      3 << connect sid
      4 >> post
      4 >> emit 0 "slow" 1
      5 << answer 200 packets=1
      on s1 c2 polling
      6 << unknown upgrade
      on s1 c3 polling
      7 >> get
      1000 << answer 200 packets=0
      1000 << ack 0
      1200 -- end
      """,
      ackTimeout: 500,
      yields: """
        ! session_unknown s1 c2 proved [9] no_affinity=true
        #7 client 0 "slow" overdue 500.0ms ...
        #7 client 0 "slow" late after_ack_timeout proved [12] 996.0ms
        """)
  }

  @Test func bytesFailToArriveAfterTheLegWasReportedClosed() {
    expectStory(
      """
      on s1 c1 polling
      0 << open ping=25000/20000 polling
      1 >> post
      1 >> connect
      2 << answer 200 packets=1
      3 << connect sid
      4 >> post
      4 >> emit 0 "send" 1
      5 << reset
      5 >> undelivered 6
      900 -- end
      """,
      yields: """
        #7 client 0 "send" unanswered not_delivered proved [9] 1.0ms
        """)
  }
}
