import Testing

/// Joining, leaving, refusing and recovering namespaces (PROTOCOL.md B.3, B.9).
@Suite struct NamespacesTests {
  @Test func anEmitOnANamespaceNeverJoinedClosesTheConnection() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit /chat 1 "hi" 1
      4 << frame
      5 << closed
      """,
      yields: """
        ! closed_because s1 c1 strong [4,5] reason=namespace_not_connected event="hi"
        #4 client /chat 1 "hi" unanswered namespace_not_connected strong [5] 1.0ms
        """)
  }

  @Test func aServerThatIgnoresItLeavesItUnanswered() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit /chat 1 "hi" 1
      4 >> emit 2 "hi" 1
      5 << ack 2
      900 -- end
      """,
      yields: """
        #4 client /chat 1 "hi" unanswered namespace_not_connected strong 897.0ms
        """)
  }

  @Test func anEmitOnANamespaceLeftHasNoHandler() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> connect /chat
      4 << connect /chat sid
      5 >> disconnect /chat
      50 >> emit /chat 1 "echo" 2
      51 << frame
      52 << closed
      """,
      yields: """
        ! closed_because s1 c1 strong [7,8] reason=namespace_not_connected event="echo"
        #7 client /chat 1 "echo" unanswered namespace_not_connected strong [6] 0.0ms
        """)
  }

  @Test func anEmitAheadOfARefusalFoundNoNamespace() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> connect /admin
      3 >> emit /admin 0 "hi" 1
      4 << refuse /admin {"message":"not authorised"}
      700 >> frame
      701 << closed
      """,
      yields: """
        ! namespace_refused s1 proved [6] namespace=/admin message=not authorised
        #5 client /admin 0 "hi" unanswered namespace_not_connected strong 697.0ms
        """)
  }

  @Test func anEmitAheadOfTheConnectReplyMayBeAnswered() {
    expectStory(
      """
      on s1 c1 ws
      0 << open
      1 >> connect
      1 >> emit 0 "hi" 1
      2 << connect sid
      3 << ack 0
      900 -- end
      """,
      yields: """
        """)
  }

  @Test func revisionThreeConnectsTheDefaultNamespaceByItself() {
    expectStory(
      """
      on s1 c1 ws
      0 << open eio3
      1 >> emit 0 "hi" 1
      900 -- end
      """,
      yields: """
        #2 client 0 "hi" overdue 300.0ms ...
        #2 client 0 "hi" unanswered no_handler_or_no_return inferred 899.0ms
        """)
  }

  @Test func aConnectReplyWithoutSidIsAnotherRevision() {
    expectStory(
      """
      on s1 c1 ws
      0 << open
      1 << connect
      900 -- end
      """,
      yields: """
        ! version_mismatch s1 strong [2] client_revision=4 server_revision=3
        """)
  }

  @Test func aRecoveryReplaysMissedEvents() {
    expectStory(
      """
      on s1 c1 ws
      0 << open
      1 >> connect
      2 << connect sid pid=P1
      3 << emit - "news" 1,"o1"
      50 >> fin
      51 << fin
      51 << closed
      on s2 c2 ws
      200 << open
      201 >> connect pid=P1
      202 << emit - "news" 2,"o2"
      202 << emit - "news" 3,"o3"
      202 << connect sid pid=P1
      900 -- end
      """,
      yields: """
        ! recovered s2 proved [9,12] namespace=/ resumed_from=1 replayed=2
        """)
  }

  @Test func aRecoveryFailsWithAnotherPid() {
    expectStory(
      """
      on s1 c1 ws
      0 << open
      1 >> connect pid=P1
      2 << connect sid pid=P2
      900 -- end
      """,
      yields: """
        ! recovery_failed s1 proved [2,3] namespace=/
        """)
  }

  @Test func anEmitAfterTheServersDisconnectFindsNoNamespace() {
    expectStory(
      """
      on s1 c1 ws
      0 << open
      1 >> connect
      2 << connect sid
      2 << disconnect
      3 >> emit 0 "echo" "hello"
      3 >> frame
      4 << frame
      5 << closed
      """,
      yields: """
        #5 client 0 "echo" unanswered namespace_not_connected strong [4] 0.0ms
        """)
  }
}
