import Testing

import AckCorrelation

/// NestJS: exceptions and returned event objects (PROTOCOL.md D).
@Suite struct ExceptionsTests {
  @Test func anExceptionThatNamesItsCauseRejectsStrongly() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "guarded" {"t":1}
      4 << emit - "exception" {"status":"error","message":"Forbidden resource","cause":{"pattern":"guarded","data":{"t":1.0}}}
      900 -- end
      """,
      yields: """
        #4 client 0 "guarded" rejected exception_event strong [5] 1.0ms ...
        #4 client 0 "guarded" rejected exception_event strong [5] 897.0ms
        """)
  }

  @Test func severalArgumentsAreNamedAsAnArray() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "move" 1,{"b":2,"a":1}
      4 << emit - "exception" {"cause":{"pattern":"move","data":[1,{"a":1,"b":2}]}}
      900 -- end
      """,
      yields: """
        #4 client 0 "move" rejected exception_event strong [5] 1.0ms ...
        #4 client 0 "move" rejected exception_event strong [5] 897.0ms
        """)
  }

  @Test func noArgumentIsNamedByNoData() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "boom"
      4 << emit - "exception" {"cause":{"pattern":"boom"}}
      900 -- end
      """,
      yields: """
        #4 client 0 "boom" rejected exception_event strong [5] 1.0ms ...
        #4 client 0 "boom" rejected exception_event strong [5] 897.0ms
        """)
  }

  @Test func anExceptionWithoutACauseRejectsTheNearest() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "slow" 1
      3 >> emit 1 "boom" 1
      4 << emit - "exception" {"code":42}
      100 << ack 0
      900 -- end
      """,
      yields: """
        #5 client 1 "boom" overdue 300.0ms ...
        #5 client 1 "boom" rejected exception_event inferred [6] 897.0ms
        """)
  }

  @Test func anAckShowsThatTheExceptionWasForTheOther() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "slow" 1
      3 >> emit 1 "boom" 1
      4 << emit - "exception" {"code":42}
      100 << ack 1
      900 -- end
      """,
      yields: """
        #4 client 0 "slow" overdue 300.0ms ...
        #4 client 0 "slow" rejected exception_event inferred [6] 897.0ms
        """)
  }

  @Test func equalEmitsWaitForTheAckThatTellsThemApart() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "pay" {"amount":50}
      3 >> emit 1 "pay" {"amount":50}
      4 << emit - "exception" {"cause":{"pattern":"pay","data":{"amount":50}}}
      100 << ack 0
      900 -- end
      """,
      yields: """
        #5 client 1 "pay" rejected exception_event strong [6] 897.0ms
        """)
  }

  @Test func equalEmitsThatStayAlikeAreOnlyInferred() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "pay" {"amount":50}
      3 >> emit 1 "pay" {"amount":50}
      4 << emit - "exception" {"cause":{"pattern":"pay","data":{"amount":50}}}
      900 -- end
      """,
      yields: """
        #4 client 0 "pay" overdue 300.0ms ...
        #5 client 1 "pay" overdue 300.0ms ...
        #4 client 0 "pay" unanswered no_handler_or_no_return inferred 897.0ms
        #5 client 1 "pay" rejected exception_event inferred [6] 897.0ms
        """)
  }

  @Test func asManyExceptionsAsEqualEmitsRejectAll() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "pay" {"amount":50}
      3 >> emit 1 "pay" {"amount":50}
      4 << emit - "exception" {"cause":{"pattern":"pay","data":{"amount":50}}}
      5 << emit - "exception" {"cause":{"pattern":"pay","data":{"amount":50}}}
      900 -- end
      """,
      yields: """
        #5 client 1 "pay" rejected exception_event strong [6] 2.0ms ...
        #4 client 0 "pay" rejected exception_event strong [6] 2.0ms ...
        #4 client 0 "pay" rejected exception_event strong [6] 897.0ms
        #5 client 1 "pay" rejected exception_event strong [7] 897.0ms
        """)
  }

  @Test func anExceptionForAnEmitWithoutAnIDIsNotPinnedOnAnother() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "noret" {"t":1}
      4 >> emit - "wsex" {"t":2}
      5 << emit - "exception" {"cause":{"pattern":"wsex","data":{"t":2}}}
      900 -- end
      """,
      yields: """
        #4 client 0 "noret" overdue 300.0ms ...
        #4 client 0 "noret" unanswered no_handler_or_no_return inferred 897.0ms
        """)
  }

  @Test func anExceptionNearerToAnEmitWithoutAnIDIsNotPinnedOnAnother() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "noret" {"t":1}
      4 >> emit - "wsex" {"t":2}
      5 << emit - "exception" {"code":42}
      900 -- end
      """,
      yields: """
        #4 client 0 "noret" overdue 300.0ms ...
        #4 client 0 "noret" unanswered no_handler_or_no_return inferred 897.0ms
        """)
  }

  @Test func anEqualEmitWithoutAnIDMakesTheExceptionAmbiguous() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "wsex" {"t":2}
      4 >> emit - "wsex" {"t":2}
      5 << emit - "exception" {"cause":{"pattern":"wsex","data":{"t":2}}}
      900 -- end
      """,
      yields: """
        #4 client 0 "wsex" overdue 300.0ms ...
        #4 client 0 "wsex" unanswered no_handler_or_no_return inferred 897.0ms
        """)
  }

  @Test func anExceptionOnAnotherNamespaceIsAnothers() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> connect /chat
      4 << connect /chat sid
      5 >> emit 0 "boom" 1
      6 << emit /chat - "exception" {"cause":{"pattern":"boom","data":1}}
      900 -- end
      """,
      yields: """
        #6 client 0 "boom" overdue 300.0ms ...
        #6 client 0 "boom" unanswered no_handler_or_no_return inferred 895.0ms
        """)
  }

  @Test func longArgumentsAreMatchedByTheirHash() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "boom" "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
      4 << emit - "exception" {"cause":{"pattern":"boom","data":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}}
      900 -- end
      """,
      limits: .smallArguments,
      yields: """
        #4 client 0 "boom" rejected exception_event strong [5] 1.0ms ...
        #4 client 0 "boom" rejected exception_event strong [5] 897.0ms
        """)
  }

  @Test func anEventInsteadOfAnAckIsInferred() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "domainEvent" {"t":1}
      4 << emit - "message.created" null
      900 -- end
      """,
      yields: """
        #4 client 0 "domainEvent" overdue 300.0ms ...
        #4 client 0 "domainEvent" answered_by_event returned_event_object inferred [5] 897.0ms
        """)
  }

  @Test func severalEventsOfOneNameInsteadOfAnAck() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "obsEvents" {"t":1}
      4 << emit - "progress" 1
      5 << emit - "progress" 2
      900 -- end
      """,
      yields: """
        #4 client 0 "obsEvents" overdue 300.0ms ...
        #4 client 0 "obsEvents" answered_by_event returned_event_object inferred [5] 897.0ms
        """)
  }

  @Test func aMessagePassedOnIsNoAnswer() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "send_message" {"text":"hello"}
      4 << emit - "receive_message" {"from":"ann","text":"hello"}
      900 -- end
      """,
      yields: """
        #4 client 0 "send_message" overdue 300.0ms ...
        #4 client 0 "send_message" unanswered no_handler_or_no_return inferred 897.0ms
        """)
  }

  @Test func anEventThatCameAtOtherTimesIsNoAnswer() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 << emit - "news" 1
      4 >> emit 0 "send" {"n":1}
      5 << emit - "news" 2
      900 -- end
      """,
      yields: """
        #5 client 0 "send" overdue 300.0ms ...
        #5 client 0 "send" unanswered no_handler_or_no_return inferred 896.0ms
        """)
  }

  @Test func aBroadcastIsNoAnswer() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      on s2 c2 ws
      2 << open
      2 >> connect
      2 << connect sid
      on s1 c1
      3 >> emit 0 "send" {"n":1}
      4 << emit - "sent" 1
      on s2 c2
      4 << emit - "sent" 1
      900 -- end
      """,
      yields: """
        #7 client 0 "send" overdue 300.0ms ...
        #7 client 0 "send" unanswered no_handler_or_no_return inferred 897.0ms
        """)
  }

  @Test func anEventOfAnEventThatIsAcknowledgedIsNoAnswer() {
    expectStory(
      """
      on s1 c1 ws
      0 << open ping=25000/20000 max=1000000 javascript
      1 >> connect
      2 << connect sid
      3 >> emit 0 "send" {"n":1}
      4 << ack 0
      5 >> emit 1 "send" {"n":2}
      6 << emit - "sent" 1
      900 -- end
      """,
      yields: """
        #6 client 1 "send" overdue 300.0ms ...
        #6 client 1 "send" unanswered conditional_path inferred 895.0ms
        """)
  }

  @Test func aPythonServerReturnsNoEventObjects() {
    expectStory(
      """
      on s1 c1 ws
      0 << open python
      1 >> connect
      2 << connect sid
      3 >> emit 0 "send" {"n":1}
      4 << emit - "sent" 1
      900 -- end
      """,
      yields: """
        #4 client 0 "send" overdue 300.0ms ...
        #4 client 0 "send" unanswered no_handler_or_no_return inferred 897.0ms
        """)
  }
}
