import Testing

/// Findings that are passed on as they are told.
@Suite struct ConnectionFindingsTests {
  @Test func handshakeRefusals() {
    expectStory(
      """
      on s- c1 polling
      0 << refuse-handshake 403 4 origin not allowed
      on s- c2 polling
      1 << refuse-handshake 400 5 Unsupported protocol version
      on s- c3 ws
      2 << version
      on s- c4 polling
      3 << unknown
      """,
      yields: """
        ! handshake_refused c1 proved [1] status=403 code=4 message=origin not allowed
        ! handshake_refused c2 proved [2] status=400 code=5 message=Unsupported protocol version
        ! version_mismatch c2 proved [2]
        ! version_mismatch c3 proved [3]
        ! session_unknown c4 proved [4]
        """)
  }

  @Test func brokenRulesNameThePeer() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> breaks reserved bit
      4 << frame 1002
      5 << closed
      """,
      yields: """
        ! protocol_error s1 c1 proved [4] from=client rule=reserved bit
        """)
  }

  @Test func dataBehindACloseIsSaidOnce() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> frame
      4 >> after-close 4
      5 >> after-close 4
      """,
      yields: """
        ! sent_after_close s1 c1 strong [4,5] from=client
        """)
  }

  @Test func customParsersAreSaid() {
    expectStory(
      """
      on s1 c1 ws
      0 << custom
      """,
      yields: """
        ! custom_parser s1 c1 inferred [1]
        """)
  }

  @Test func stalledPeersAreSaid() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      5000 >> stalled 3000
      """,
      yields: """
        ! stalled_peer s1 c1 proved [4] peer=client duration_us=2000000
        """)
  }
}
