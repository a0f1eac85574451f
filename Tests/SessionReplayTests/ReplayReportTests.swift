import JSONText
import RecordedSessions
import Testing

@testable import SessionReplay

/// The reports for people, for programs and for CI.
@Suite struct ReplayReportTests {
  private static func report(
    _ differences: [Difference], copies: Int = 1, plan: ReplayPlan = ReplayPlan(), latency: Int? = nil
  ) -> ReplayReport {
    var tape = Tape()
    let session = tape.session()
    tape.call(session, "say", "[]", ack: "[]")
    _ = tape.session()
    let outcomes = (1...copies).map { number in
      var outcome = CopyOutcome(number: number)
      outcome.differences = differences
      outcome.sessions = 2
      outcome.emits = 1
      if let latency {
        outcome.latencies.ackCame(namespace: "/", event: "say", recorded: 1_000, actual: latency)
      }
      return outcome
    }
    return ReplayReport(
      recording: tape.recording, plan: plan, outcomes: outcomes, duration: .milliseconds(1500))
  }

  private static func text(_ write: (inout ByteSink) -> Void) -> String {
    var sink = ByteSink(capacity: 1024)
    write(&sink)
    return String(decoding: sink.bytes, as: UTF8.self)
  }

  private static let lost = Difference(
    .ackMissing, session: 1, seq: 3, event: "say", words: "no ack of 'say' <&\"> \u{1}came", expected: "[]")

  @Test func withoutDifferencesItIsTheSame() {
    let report = Self.report([])
    #expect(report.isSame)
    #expect(Self.text { ReplayText(report).write(to: &$0) }.hasSuffix("same as recorded\n"))
    let xml = Self.text { JUnitText(report, name: "chat.jsonl").write(to: &$0) }
    #expect(xml.contains(#"<testsuites name="ackscope replay" tests="2" failures="0" time="1.500">"#))
    #expect(!xml.contains("<failure"))
  }

  @Test func aFailedSessionIsAFailedCaseAndTheOthersAreNot() {
    let xml = Self.text { JUnitText(Self.report([Self.lost, Self.lost]), name: "a&b").write(to: &$0) }
    #expect(xml.contains(#"tests="2" failures="1""#))
    #expect(xml.components("<failure") == 1)
    #expect(xml.contains(#"classname="a&amp;b""#))
    #expect(xml.contains("no ack of 'say' &lt;&amp;&quot;&gt; \u{FFFD}came (and 1 more)"))
  }

  @Test func eachCopyIsASuite() {
    let xml = Self.text { JUnitText(Self.report([Self.lost], copies: 3), name: "c").write(to: &$0) }
    #expect(xml.components("<testsuite ") == 3)
    #expect(xml.contains(#"tests="6" failures="3""#) && xml.contains("copy 3"))
  }

  @Test func aLimitOfLatencyIsACaseOfItsOwn() {
    var plan = ReplayPlan()
    plan.maximumLatencyRatio = 2
    let fast = Self.report([], plan: plan, latency: 1_500)
    #expect(fast.isSame)
    #expect(Self.text { JUnitText(fast, name: "c").write(to: &$0) }.contains(#"tests="3" failures="0""#))
    let slow = Self.report([], plan: plan, latency: 90_000)
    #expect(!slow.isSame && slow.slow.map(\.kind) == [.latencyRatio])
    #expect(Self.text { JUnitText(slow, name: "c").write(to: &$0) }.contains(#"tests="3" failures="1""#))
    #expect(Self.text { ReplayText(slow).write(to: &$0) }.contains("90.0 times the recorded"))
  }

  @Test func programsGetEachDifferenceWithItsCopy() throws {
    let json = ReplayJSON(Self.report([Self.lost], copies: 2)).value
    #expect(json["same"]?.boolean == false && json["copies"]?.integer == 2 && json["emits"]?.integer == 2)
    let differences = try #require(json["differences"]?.array)
    #expect(differences.map { $0["copy"]?.integer } == [1, 2])
    #expect(differences.allSatisfy { $0["kind"]?.string == "ack_missing" && $0["seq"]?.integer == 3 })
  }

  @Test func atFullSpeedItIsSaidThatEventsAreNotCompared() {
    var plan = ReplayPlan()
    plan.pace = .max
    #expect(Self.report([], plan: plan).notes.contains { $0.contains("events are not") })
    #expect(Self.report([]).notes.isEmpty)
  }
}

extension String {
  /// How often a text occurs.
  fileprivate func components(_ part: String) -> Int {
    var count = 0
    var rest = Substring(self)
    while let found = rest.firstRange(of: part) {
      count += 1
      rest = rest[found.upperBound...]
    }
    return count
  }
}

@Suite struct RefusalWordsTests {
  @Test func ofAPageForPeopleTheTitleIsEnough() {
    #expect(
      ReplayCopy.said(
        "<!DOCTYPE HTML>\n<html><head>\n<title>Error\n response</title></head><body>long</body>")
        == ": Error response")
    #expect(ReplayCopy.said(#"{"code":1,"message":"Session ID unknown"}"#).hasSuffix(#"unknown"}"#))
    #expect(ReplayCopy.said(" \n ") == "")
  }
}
