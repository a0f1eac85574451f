import Testing

import AckCorrelation

/// What is given up when a limit is reached.
@Suite struct LimitsTests {
  @Test func tooManyOpenEmitsGiveUpTheOldest() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "m" 1
      4 >> emit 1 "m" 2
      5 >> emit 2 "m" 3
      6 << ack 0
      7 << ack 2
      900 -- end
      """,
      limits: .twoOpenEmits,
      yields: """
        #4 client 0 "m" unanswered capture_ended proved evicted 2.0ms
        ! stray_ack s1 c1 proved [4,7] namespace=/ id=0 emit=4
        #5 client 1 "m" overdue 300.0ms ...
        #5 client 1 "m" unanswered conditional_path inferred 896.0ms
        """)
  }

  @Test func namesBeyondTheLimitStillPair() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "one" 1
      4 >> emit 1 "two" 2
      5 >> emit /new 0 "three" 2
      6 << ack 1
      7 << ack 0
      900 -- end
      """,
      limits: .twoNames,
      yields: """
        #6 client /new 0 "three" unanswered namespace_not_connected strong 895.0ms
        """)
  }

  @Test func sessionsBeyondTheLimitGiveUpTheQuietest() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "m" 1
      on s2 c2 ws
      4 << open
      5 >> connect
      6 << connect sid
      on s3 c3 ws
      7 << open
      8 >> connect
      9 << connect sid
      900 -- end
      """,
      limits: .twoSessions,
      yields: """
        #4 client 0 "m" unanswered capture_ended proved evicted 4.0ms
        """)
  }
}

extension CorrelationLimits {
  /// At most two open emits in all.
  static var twoOpenEmits: Self { Self { $0.pendingEmits = 2 } }
  /// Two names: the default namespace is one of them.
  static var twoNames: Self { Self { $0.names = 2 } }
  static var twoSessions: Self { Self { $0.sessions = 2 } }
  /// Arguments above eight bytes are compared by their hash.
  static var smallArguments: Self { Self { $0.argumentBytes = 8 } }

  private init(_ change: (inout Self) -> Void) {
    self.init()
    change(&self)
  }
}
