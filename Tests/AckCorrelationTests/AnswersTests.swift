import Testing

/// Acks and what they answer (VERDICTS.md `acknowledged`, `late`, `unconfirmed`; PROTOCOL.md B.5).
@Suite struct AnswersTests {
  @Test func ackWithinTheTimeoutYieldsNoOutcome() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "send" {"text":"hi"}
      303 << ack 0
      9000 -- end
      """,
      yields: """
        """)
  }

  @Test func ackAfterTheTimeoutIsLate() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "send" {"text":"hi"}
      800 << ack 0
      9000 -- end
      """,
      yields: """
        #4 client 0 "send" overdue 300.0ms ...
        #4 client 0 "send" late after_ack_timeout proved [5] 797.0ms
        """)
  }

  @Test func ackToAPeerThatLeftIsLate() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "send" {"text":"hi"}
      50 >> reset
      90 << ack 0
      91 << closed
      """,
      yields: """
        #4 client 0 "send" late after_peer_left proved [6,5] 87.0ms
        """)
  }

  @Test func ackBehindTheAnswerersOwnDisconnectIsLate() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "kick" {"text":"hi"}
      50 << disconnect
      51 << ack 0
      60 << closed
      """,
      yields: """
        #4 client 0 "kick" late after_peer_left strong [6,5] 48.0ms
        """)
  }

  @Test func ackBehindADisconnectThatLeavesOtherNamespacesIsLateByInference() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      1 >> connect /chat
      2 << connect sid
      2 << connect /chat sid
      3 >> emit 0 "kick" {"text":"hi"}
      50 << disconnect
      51 << ack 0
      """,
      yields: """
        #6 client 0 "kick" late after_peer_left inferred [8,7] 48.0ms
        """)
  }

  @Test func ackBehindTheAnswerersOwnCloseFrameIsLate() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "send" {"text":"hi"}
      50 << frame
      51 << ack 0
      """,
      yields: """
        #4 client 0 "send" late after_peer_left strong [6,5] 48.0ms
        """)
  }

  @Test func ackToAnEmitThatWasGivenUpNamesItAndChangesNothing() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "send" {"text":"hi"}
      50 << disconnect
      900 << ack 0
      """,
      yields: """
        #4 client 0 "send" unanswered disconnected_before_ack proved [5] ended_by=server how=disconnect_packet 47.0ms
        ! stray_ack s1 c1 proved [4,6] namespace=/ id=0 emit=4
        """)
  }

  @Test func ackBehindTheAskersDisconnectIsLate() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "send" {"text":"hi"}
      50 >> disconnect
      51 << ack 0
      52 >> frame
      53 << frame
      54 << closed
      """,
      yields: """
        #4 client 0 "send" late after_peer_left proved [6,5] 48.0ms
        """)
  }

  @Test func ackFromTheSamePeerDoesNotMatch() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "send" {"text":"hi"}
      4 >> ack 0
      5 << ack 0
      9 -- end
      """,
      yields: """
        ! stray_ack s1 c1 proved [5] namespace=/ id=0
        """)
  }

  @Test func bothPeersMayUseOneIDAtOnce() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "send" 1
      3 << emit 0 "ask" 2
      4 << ack 0
      5 >> ack 0
      900 -- end
      """,
      yields: """
        """)
  }

  @Test func oneIDMayBeOpenInSeveralNamespacesAndSessions() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> connect /chat
      4 << connect /chat sid
      5 >> emit 0 "send" 1
      5 >> emit /chat 0 "send" 1
      on s2 c2 ws
      6 << open
      7 >> connect
      8 << connect sid
      9 >> emit 0 "send" 1
      10 << ack 0
      on s1 c1
      11 << ack /chat 0
      11 << ack 0
      900 -- end
      """,
      yields: """
        """)
  }

  @Test func idsAreComparedAsNumbers() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 007 "send" 1
      4 << ack 7
      5 >> emit 123456789012345678901234567890 "send" 2
      6 << ack 0123456789012345678901234567890
      900 -- end
      """,
      yields: """
        """)
  }

  @Test func acksMatchOverBothTransports() {
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
      3 << emit 0 "ask" 1
      on s1 c3 ws
      4 >> attach
      5 >> packet probe-ping
      6 << packet probe-pong
      7 >> packet upgrade
      8 >> ack 0
      900 -- end
      """,
      yields: """
        ! upgrade_completed s1 c3 proved [12]
        """)
  }

  @Test func emitWithoutAnIDIsOnlyCounted() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit - "note" 1
      4 << emit - "news" 1
      900 -- end
      """,
      yields: """
        """)
  }

  @Test func secondAckIsADuplicate() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 5 "send" 1
      4 << ack 5
      5 << ack 5
      900 -- end
      """,
      yields: """
        ! duplicate_ack s1 c1 proved [4,6] namespace=/ id=5
        """)
  }

  @Test func ackForAnIDNobodyUsedIsStray() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 << ack 5
      900 -- end
      """,
      yields: """
        ! stray_ack s1 c1 proved [4] namespace=/ id=5
        """)
  }

  @Test func ackOnTheWrongNamespaceIsStray() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> connect /chat
      4 << connect /chat sid
      5 << emit /chat 0 "ask" 1
      6 >> ack 0
      700 >> frame
      701 << frame
      702 << closed
      """,
      yields: """
        ! stray_ack s1 c1 proved [7] namespace=/ id=0
        #6 server /chat 0 "ask" overdue 300.0ms ...
        ! listener_missing s1 c1 inferred [6] namespace=/chat event="ask"
        #6 server /chat 0 "ask" unanswered no_handler_or_no_return inferred 695.0ms
        """)
  }

  @Test func sameIDTwiceIsADuplicateEmitAndBothAreAnswered() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "echo" "x"
      4 << ack 0
      5 >> emit 0 "echo" "x"
      6 << ack 0
      7 >> emit 0 "echo" "x"
      8 >> emit 0 "echo" "x"
      9 << ack 0
      10 << ack 0
      900 -- end
      """,
      yields: """
        ! duplicate_emit s1 c1 proved [4,6] namespace=/ id=0
        ! duplicate_emit s1 c1 proved [6,8] namespace=/ id=0
        ! duplicate_emit s1 c1 proved [8,9] namespace=/ id=0
        """)
  }

  @Test func lowerIDsThatWereNeverUsedAreFine() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 << emit 40 "ask" 1
      4 << emit 7 "ask" 1
      5 >> ack 7
      6 >> ack 40
      900 -- end
      """,
      yields: """
        """)
  }
}
