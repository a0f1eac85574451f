import Testing

/// Emits that were open when something ended (VERDICTS.md `disconnected_before_ack` and what is more telling).
@Suite struct EndsTests {
  @Test func clientFinBeforeTheAckSaysWhoEndedItAndHow() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "slow" 1
      3 >> emit 1 "slow" 2
      100 >> fin
      110 << closed
      """,
      yields: """
        #4 client 0 "slow" unanswered disconnected_before_ack proved [6] ended_by=client how=fin 97.0ms
        #5 client 1 "slow" unanswered disconnected_before_ack proved [6] ended_by=client how=fin 97.0ms
        """)
  }

  @Test func clientResetBeforeTheAckSaysWhoEndedItAndHow() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "slow" 1
      3 >> emit 1 "slow" 2
      100 >> reset
      110 << closed
      """,
      yields: """
        #4 client 0 "slow" unanswered disconnected_before_ack proved [6] ended_by=client how=reset 97.0ms
        #5 client 1 "slow" unanswered disconnected_before_ack proved [6] ended_by=client how=reset 97.0ms
        """)
  }

  @Test func serverResetBeforeTheAckSaysWhoEndedItAndHow() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "slow" 1
      3 >> emit 1 "slow" 2
      100 << reset
      110 << closed
      """,
      yields: """
        #4 client 0 "slow" unanswered disconnected_before_ack proved [6] ended_by=server how=reset 97.0ms
        #5 client 1 "slow" unanswered disconnected_before_ack proved [6] ended_by=server how=reset 97.0ms
        """)
  }

  @Test func serverCloseFrameBeforeTheAckSaysWhoEndedItAndHow() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "slow" 1
      3 >> emit 1 "slow" 2
      100 << frame
      110 << closed
      """,
      yields: """
        #4 client 0 "slow" unanswered disconnected_before_ack proved [6] ended_by=server how=close_frame 97.0ms
        #5 client 1 "slow" unanswered disconnected_before_ack proved [6] ended_by=server how=close_frame 97.0ms
        """)
  }

  @Test func serverDisconnectBeforeTheAckSaysWhoEndedItAndHow() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "slow" 1
      3 >> emit 1 "slow" 2
      100 << disconnect
      110 << closed
      """,
      yields: """
        #4 client 0 "slow" unanswered disconnected_before_ack proved [6] ended_by=server how=disconnect_packet 97.0ms
        #5 client 1 "slow" unanswered disconnected_before_ack proved [6] ended_by=server how=disconnect_packet 97.0ms
        """)
  }

  @Test func serverClosePacketBeforeTheAckSaysWhoEndedItAndHow() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "slow" 1
      3 >> emit 1 "slow" 2
      100 << packet close
      110 << closed
      """,
      yields: """
        #4 client 0 "slow" unanswered disconnected_before_ack proved [6] ended_by=server how=close_packet 97.0ms
        #5 client 1 "slow" unanswered disconnected_before_ack proved [6] ended_by=server how=close_packet 97.0ms
        """)
  }

  @Test func theProxysOwnEndIsSaidToBeIts() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "slow" 1
      100 -- fin proxy
      100 -- closed
      """,
      yields: """
        #4 client 0 "slow" unanswered disconnected_before_ack proved [5] ended_by=proxy how=fin 97.0ms
        """)
  }

  @Test func disconnectOfANamespaceEndsOnlyItsEmits() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> connect /chat
      4 << connect /chat sid
      5 >> emit 0 "slow" 1
      5 >> emit /chat 0 "slow" 1
      6 << disconnect /chat
      100 << ack 0
      900 -- end
      """,
      yields: """
        #7 client /chat 0 "slow" unanswered disconnected_before_ack proved [8] ended_by=server how=disconnect_packet 1.0ms
        """)
  }

  @Test func emitAndDisconnectInOneBurst() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      33 >> emit 0 "bye"
      33 >> disconnect
      33 >> frame
      34 << frame
      35 << closed
      """,
      yields: """
        #4 client 0 "bye" unanswered overtaken_by_disconnect inferred [5] ended_by=client how=disconnect_packet 0.0ms
        """)
  }

  @Test func emitAndDisconnectInTwoPollsIsNoBurst() {
    expectStory(
      """
      on s1 c1 polling
      0 << open ping=25000/20000 javascript polling
      1 >> post
      1 >> connect
      2 << answer 200 packets=1
      on s1 c2 polling
      2 >> get
      3 << answer 200 packets=0
      3 << connect sid
      on s1 c1 polling
      33 >> post
      33 >> emit 0 "bye"
      34 << answer 200 packets=1
      34.5 >> post
      34.5 >> disconnect
      35 << answer 200 packets=1
      900 -- end
      """,
      yields: """
        #9 client 0 "bye" unanswered disconnected_before_ack proved [12] ended_by=client how=disconnect_packet 1.5ms
        """)
  }

  @Test func aSilentClientTimesOut() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=300/250
      1 >> connect
      2 << connect sid
      65 >> emit 0 "slow" 1
      300 << packet ping
      555 << frame
      560 << closed
      20000 -- tick
      """,
      ackTimeout: 5000,
      yields: """
        ! ping_timeout s1 c1 proved [5,6] silent=client
        #4 client 0 "slow" unanswered ping_timeout proved [5,6] silent=client 490.0ms ...
        #4 client 0 "slow" unanswered ping_timeout proved [5,6] silent=client 490.0ms
        """)
  }

  /// python-engineio tells an interval below a second as 0.
  @Test func aPingThatWasSeenCanGoUnansweredWhateverTheInterval() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=0/250
      1 >> connect
      2 << connect sid
      65 >> emit 0 "slow" 1
      300 << packet ping
      555 << frame
      560 << closed
      20000 -- tick
      """,
      ackTimeout: 5000,
      yields: """
        ! ping_timeout s1 c1 proved [5,6] silent=client
        #4 client 0 "slow" unanswered ping_timeout proved [5,6] silent=client 490.0ms ...
        #4 client 0 "slow" unanswered ping_timeout proved [5,6] silent=client 490.0ms
        """)
  }

  @Test func withoutAnIntervalNobodyIsBlamedForNoPing() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=0/250
      1 >> connect
      2 << connect sid
      91 >> emit 0 "slow" 1
      558 >> frame
      560 << closed
      20000 -- tick
      """,
      ackTimeout: 5000,
      yields: """
        #4 client 0 "slow" unanswered disconnected_before_ack proved [5] ended_by=client how=close_frame 467.0ms ...
        #4 client 0 "slow" unanswered disconnected_before_ack proved [5] ended_by=client how=close_frame 467.0ms
        """)
  }

  @Test func aSilentServerTimesOut() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=300/250
      1 >> connect
      2 << connect sid
      91 >> emit 0 "slow" 1
      558 >> frame
      560 << closed
      20000 -- tick
      """,
      ackTimeout: 5000,
      yields: """
        ! ping_timeout s1 c1 proved [1,5] silent=server
        #4 client 0 "slow" unanswered ping_timeout proved [1,5] silent=server 467.0ms ...
        #4 client 0 "slow" unanswered ping_timeout proved [1,5] silent=server 467.0ms
        """)
  }

  @Test func inRevisionThreeTheClientPings() {
    expectStory(
      """
      on s1 c1 ws
      0 << open eio3 ping=300/250
      1 << connect
      91 >> emit 0 "slow" 1
      300 >> packet ping
      560 >> frame
      561 << closed
      20000 -- tick
      """,
      ackTimeout: 5000,
      yields: """
        ! ping_timeout s1 c1 proved [4,5] silent=server
        #3 client 0 "slow" unanswered ping_timeout proved [4,5] silent=server 469.0ms ...
        #3 client 0 "slow" unanswered ping_timeout proved [4,5] silent=server 469.0ms
        """)
  }

  @Test func anEmitOverdueBeforeTheHeartbeatStoppedIsAnotherStory() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=300/250
      1 >> connect
      2 << connect sid
      3 >> emit 0 "send" 1
      300 << packet ping
      301 >> packet pong
      600 << packet ping
      601 >> packet pong
      900 << packet ping
      1155 << frame
      1160 << closed
      20000 -- tick
      """,
      yields: """
        #4 client 0 "send" overdue 300.0ms ...
        ! ping_timeout s1 c1 proved [9,10] silent=client
        #4 client 0 "send" unanswered no_handler_or_no_return inferred 1152.0ms ...
        #4 client 0 "send" unanswered no_handler_or_no_return inferred 1152.0ms
        """)
  }

  @Test func aMessageAboveTheLimitClosesWith1009() {
    expectStory(
      """
      on s1 c1 ws
      0 << open max=1500
      1 >> connect
      2 << connect sid
      3 >> emit 0 bytes=20 "echo" 1
      4 >> emit 1 bytes=2000 "echo" "aaa"
      5 << frame 1009
      6 << closed
      """,
      yields: """
        ! closed_because s1 c1 strong [5,6] reason=payload_too_large event="echo"
        #4 client 0 "echo" unanswered disconnected_before_ack proved [6] ended_by=server how=close_frame 2.0ms
        #5 client 1 "echo" unanswered payload_too_large proved [6] 1.0ms
        """)
  }

  @Test func aPostAboveTheLimitIsRefusedWith413() {
    expectStory(
      """
      on s1 c1 polling
      0 << open max=1500 polling
      1 >> post
      1 >> connect
      2 << answer 200 packets=1
      2.5 << connect sid
      3 >> post
      3 >> emit 0 bytes=2000 "echo" "aaa"
      4 << answer 413 packets=1
      900 -- end
      """,
      yields: """
        ! closed_because s1 c1 proved [6,8] reason=payload_too_large
        #7 client 0 "echo" unanswered payload_too_large proved [8] 1.0ms
        """)
  }

  @Test func aRefusedPacketClosesTheConnection() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "echo" 1
      94 >> emit 1 refusal=malformed_json
      95 << frame
      96 << closed
      """,
      yields: """
        ! closed_because s1 c1 strong [5,6] reason=malformed_json
        #4 client 0 "echo" unanswered disconnected_before_ack proved [6] ended_by=server how=close_frame 92.0ms
        #5 client 1  unanswered invalid_packet strong [6] 1.0ms
        """)
  }

  @Test func aRefusedPacketThatIsForgivenIsAnswered() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 refusal=reserved_name "disconnect" 1
      4 << ack 0
      900 -- end
      """,
      yields: """
        """)
  }

  @Test func aPingFromARevisionFourClientClosesTheConnection() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> packet ping
      4 << frame
      5 << closed
      """,
      yields: """
        ! closed_because s1 c1 strong [4,5] reason=unexpected_packet
        """)
  }

  @Test func bytesToAPeerThatOnlySendsNoMoreAreUndeliveredByInference() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 << fin
      4 >> emit 0 "send" 1
      5 >> closed
      """,
      yields: """
        #5 client 0 "send" unanswered not_delivered inferred [4] 0.0ms
        """)
  }

  @Test func undeliveredBytesAreProved() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 << reset
      4 >> emit 0 "send" 1
      4 >> emit - "note" 1
      5 >> closed
      """,
      yields: """
        #5 client 0 "send" unanswered not_delivered proved [4] 0.0ms
        """)
  }

  @Test func aPostThatFoundNoServerIsNotDelivered() {
    expectStory(
      """
      on s1 c1 polling
      0 << open polling
      1 >> post
      1 >> connect
      2 << answer 200 packets=1
      3 << connect sid
      4 >> post
      4 >> emit 0 "send" 1
      5 >> undelivered 6
      900 -- end
      """,
      yields: """
        #7 client 0 "send" unanswered not_delivered proved [8] 1.0ms
        """)
  }

  @Test func anEmitBehindTheOwnCloseFrameIsIgnored() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> frame 1000
      3 >> emit 0 "echo" 1
      4 << frame 1000
      5 << closed
      20000 -- end
      """,
      yields: """
        ! sent_after_close s1 c1 strong [4,5] from=client
        #5 client 0 "echo" unanswered disconnected_before_ack proved [4] ended_by=client how=close_frame 0.0ms
        """)
  }

  @Test func manySessionsEndedByTheServerAtOnce() {
    expectStory(
      """
      on s1 c1 ws
      0 << open
      on s2 c2 ws
      0 << open
      on s3 c3 ws
      0 << open
      on s4 c4 ws
      0 << open
      100 << frame
      on s3 c3
      100 << frame
      on s2 c2
      101 << reset
      on s1 c1
      102 << frame
      900 -- end
      """,
      yields: """
        ! mass_disconnect inferred [5,6,7,8] sessions=4
        """)
  }

  @Test func aFewSessionsEndedTogetherAreNoMassDisconnect() {
    expectStory(
      """
      on s1 c1 ws
      0 << open
      on s2 c2 ws
      0 << open
      on s3 c3 ws
      0 << open
      100 << frame
      on s2 c2
      101 << reset
      on s1 c1
      102 << frame
      900 -- end
      """,
      yields: """
        """)
  }

  @Test func aTextPacketBetweenAttachmentsIsRefused() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 refusal=broken_attachments "bin" {"_placeholder":true,"num":0}
      4 << frame
      5 << closed
      """,
      yields: """
        ! closed_because s1 c1 strong [4,5] reason=broken_attachments event="bin"
        #4 client 0 "bin" unanswered invalid_packet strong [5] 1.0ms
        """)
  }
}
