import CaptureFormat
import Foundation
import JSONText
import Testing

@testable import LiveView

@Suite struct TrafficModelTests {
  static let size = ScreenSize(columns: 130, rows: 24)

  static func model(_ lines: String, limits: TrafficModel.Limits = TrafficModel.Limits()) -> ScreenModel {
    var model = ScreenFixture.model(size, limits: limits)
    ScreenFixture.feed(lines, to: &model)
    model.now = ScreenFixture.now
    return model
  }

  @Test func anAnsweredEmitLeavesTheBoard() {
    let model = Self.model(ScreenFixture.emit(1) + ScreenFixture.emit(2) + ScreenFixture.ack(3, of: 1))
    #expect(model.keys(of: .board) == [2])
    #expect(model.traffic.counts.pending == 1)
    #expect(model.traffic.counts.acknowledged == 1)
  }

  @Test func aLateAckTakesItsEmitAwayWithTheVerdict() {
    let late = 6_000_000
    var model = Self.model(ScreenFixture.emit(1) + ScreenFixture.ack(2, of: 1, at: 6, latency: late))
    #expect(model.traffic.counts.pending == 1)
    ScreenFixture.feed(
      ScreenFixture.verdict(3, of: 1, "late", "after_ack_timeout", at: 6, age: late), to: &model)
    #expect(model.keys(of: .board) == [])
    #expect(model.traffic.counts.pending == 0 && model.traffic.counts.late == 1)
    #expect(model.traffic.events.rows[0].latencies.maximum == late)
  }

  @Test func anAnswerThatReachedNobodyStays() {
    let model = Self.model(
      ScreenFixture.emit(1) + ScreenFixture.ack(2, of: 1)
        + ScreenFixture.verdict(3, of: 1, "late", "after_peer_left"))
    #expect(model.keys(of: .board) == [1])
    #expect(model.traffic.counts.acknowledged == 0 && model.traffic.counts.late == 1)
    #expect(model.traffic.counts.pending == 0)
    #expect(model.traffic.events.rows[0].acknowledged == 0)
  }

  @Test(arguments: ["unanswered", "rejected", "superseded", "answered_by_event"])
  func aBadVerdictStaysUntilCleared(_ verdict: String) {
    var model = Self.model(ScreenFixture.emit(1) + ScreenFixture.verdict(2, of: 1, verdict, "why"))
    #expect(model.boardRows.map { $0.note?.verdict } == [verdict])
    #expect(model.traffic.counts.pending == 0 && model.traffic.counts.endedBadly == 1)
    ScreenFixture.press(.character("c"), on: &model)
    #expect(model.boardRows.isEmpty)
    #expect(model.traffic.counts.endedBadly == 1)
  }

  @Test func anOpenVerdictEndsNothing() {
    let model = Self.model(
      ScreenFixture.emit(1)
        + ScreenFixture.verdict(2, of: 1, "unanswered", "disconnected_before_ack", isFinal: false))
    #expect(model.traffic.counts.pending == 1)
    #expect(
      model.boardRows.map { $0.verdict(at: model.now, ackTimeout: model.traffic.ackTimeout) } == ["overdue"])
  }

  @Test func agesTickUntilTheVerdict() {
    var model = Self.model(ScreenFixture.emit(1, at: 2))
    #expect(model.boardRows[0].age(at: model.now) == 10_000_000)
    model.now.microseconds += 1_500_000
    #expect(model.boardRows[0].age(at: model.now) == 11_500_000)
    ScreenFixture.feed(
      ScreenFixture.verdict(2, of: 1, "unanswered", "x", at: 14, age: 12_000_000), to: &model)
    model.now.microseconds += 9_000_000
    #expect(model.boardRows[0].age(at: model.now) == 12_000_000)
  }

  @Test func anEmitWithoutAnIdIsNotOnTheBoard() {
    let model = Self.model(ScreenFixture.emit(1, id: nil))
    #expect(model.boardRows.isEmpty)
    #expect(model.traffic.counts.unconfirmed == 1 && model.traffic.counts.emits == 1)
  }

  @Test func aVerdictWhoseEmitIsNotOnRecordIsShownAllTheSame() {
    let model = Self.model(ScreenFixture.verdict(9, of: 1, "unanswered", "conditional_path", age: 5))
    #expect(model.keys(of: .board) == [1])
    #expect(ScreenFixture.text(model).contains("conditional_path"))
  }

  @Test func whatFindsNoRoomIsCountedExactly() {
    var model = Self.model(ScreenFixture.emit(1) + ScreenFixture.emit(2))
    var skipped = SkippedRecords()
    for line in [
      ScreenFixture.ack(3, of: 1), ScreenFixture.emit(4), ScreenFixture.emit(5), ScreenFixture.ack(6, of: 4),
    ] {
      #expect(ScreenFixture.skip(line, &skipped))
    }
    let news = skipped.take(elapsed: 0)
    model.traffic.recordsSkipped(news, at: ScreenFixture.now)
    model.traffic.skippedEmitsSettled(news)
    #expect(model.keys(of: .board) == [2])
    #expect(model.traffic.counts.pending == 2, "one is listed, one was skipped just now")
    #expect(model.traffic.counts.emits == 4 && model.traffic.counts.acks == 2)
    #expect(ScreenFixture.text(model).contains("1 more wait, not listed"))
  }

  @Test func rowsAreSampledAndCountsAreNot() {
    var model = Self.model("")
    ScreenFixture.feed(ScreenFixture.emit(1, id: nil) + ScreenFixture.emit(2), to: &model, isSampled: false)
    ScreenFixture.feed(ScreenFixture.emit(3, id: nil), to: &model)
    #expect(model.keys(of: .stream) == [3])
    #expect(model.traffic.counts.emits == 3)
    #expect(model.keys(of: .board) == [2])
  }

  @Test func memoryIsBoundedAndWaitingEmitsOutliveTheHistory() {
    var limits = TrafficModel.Limits()
    limits.history = 1 << 20
    limits.ended = 8
    limits.open = 16
    limits.stream = 32
    var model = Self.model(ScreenFixture.emit(1, event: "oldest", args: #"["keep me"]"#), limits: limits)
    let filler = #"["\#(String(repeating: "x", count: 4000))"]"#
    for seq in 2..<2000 { ScreenFixture.feed(ScreenFixture.emit(seq, id: nil, args: filler), to: &model) }
    #expect(model.traffic.history.withLine(of: 1) { _ in true } == nil)
    #expect((model.traffic.history.oldestSeq ?? 0) > 1)
    #expect(model.keys(of: .stream).count <= 32)
    #expect(ScreenFixture.text(model).contains("oldest"))
    model.detail = .emit(1)
    #expect(ScreenView.closeLines(model).contains { $0.plain.contains("keep me") })
    model.detail = nil
    for seq in 2000..<2100 {
      ScreenFixture.feed(
        ScreenFixture.emit(seq * 2) + ScreenFixture.verdict(seq * 2 + 1, of: seq * 2, "unanswered", "x"),
        to: &model)
    }
    #expect(model.traffic.ended.count <= 8)
    #expect(model.traffic.counts.endedBadly == 100)
    for seq in 5000..<5100 { ScreenFixture.feed(ScreenFixture.emit(seq), to: &model) }
    #expect(model.traffic.open.count == 16)
    #expect(model.traffic.counts.pending == 101)
    #expect(ScreenFixture.text(model).contains("85 more wait, not listed"))
  }

  @Test func whatIsOverdueHasItsRowBeforeWhatIsYoung() {
    var limits = TrafficModel.Limits()
    limits.open = 16
    var model = Self.model("", limits: limits)
    for seq in 1...40 { ScreenFixture.feed(ScreenFixture.emit(seq, at: seq / 10), to: &model) }
    ScreenFixture.feed(
      ScreenFixture.verdict(50, of: 30, "overdue", at: 6, age: 5_000_000, isFinal: false), to: &model)
    #expect(model.keys(of: .board).contains(30))
    #expect(model.traffic.counts.pending == 40)
    #expect(ScreenFixture.text(model).contains("25 more wait, not listed"))
    // Those that gave way count as before.
    for seq in 1...40 where seq != 30 {
      ScreenFixture.feed(ScreenFixture.ack(100 + seq, of: seq, at: 6), to: &model)
    }
    #expect(model.keys(of: .board) == [30])
    #expect(model.traffic.events.rows[0].acknowledged == 39)
    #expect(model.traffic.connections[1]?.pending == 1)
  }

  @Test func endedEmitsBeyondTheListAreCounted() {
    var limits = TrafficModel.Limits()
    limits.ended = 8
    var model = Self.model("", limits: limits)
    for seq in stride(from: 1, to: 41, by: 2) {
      ScreenFixture.feed(
        ScreenFixture.emit(seq) + ScreenFixture.verdict(seq + 1, of: seq, "unanswered", "x"), to: &model)
    }
    #expect(ScreenFixture.text(model).contains("1 Unacknowledged 20"))
    #expect(ScreenFixture.text(model).contains("12 more ended, not listed"))
    ScreenFixture.press(.character("c"), on: &model)
    ScreenFixture.press(.up, on: &model)
    #expect(ScreenFixture.text(model).contains("1 Unacknowledged 0"))
    #expect(ScreenFixture.text(model).contains("20 cleared"))
  }

  @Test func anAckOfAnEmitThatFoundNoRowCountsAllTheSame() {
    var limits = TrafficModel.Limits()
    limits.open = 1
    let model = Self.model(
      ScreenFixture.emit(1, event: "first") + ScreenFixture.emit(2) + ScreenFixture.ack(3, of: 2),
      limits: limits)
    #expect(model.keys(of: .board) == [1])
    #expect(model.traffic.counts.pending == 1)
    #expect(model.traffic.events.rows.map(\.acknowledged) == [0, 1])
    #expect(model.traffic.connections[1]?.pending == 1)
  }

  @Test(arguments: ["demo.jsonl", "chat-with-acks.jsonl", "chat-without-acks.jsonl"])
  func theScreenCountsWhatTheCaptureItselfCounted(_ name: String) throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("captures")
    let text = try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
    let model = Self.model(text)
    let end = try JSONValue(parsing: String(try #require(text.split(separator: "\n").last)))
    let counts = model.traffic.counts
    #expect(model.traffic.hasEnded)
    #expect(end["emits"]?.integer == counts.emits)
    #expect(end["acks"]?.integer == counts.acks)
    #expect(end["connections"]?.integer == counts.connections)
    #expect(end["sessions"]?.integer == counts.sessions)
    for (verdict, count) in [
      ("acknowledged", counts.acknowledged), ("late", counts.late), ("rejected", counts.rejected),
      ("answered_by_event", counts.answeredByEvent), ("superseded", counts.superseded),
      ("unanswered", counts.unanswered), ("unconfirmed", counts.unconfirmed),
    ] {
      #expect(end["verdicts"]?[verdict]?.integer ?? 0 == count, "\(verdict)")
    }
    #expect(counts.pending == 0 && model.traffic.open.isEmpty)
    #expect(model.traffic.events.rows.reduce(0) { $0 + $1.emits } == counts.emits)
    #expect(model.traffic.events.rows.reduce(0) { $0 + $1.withoutAck } == counts.endedBadly)
    // Those that ended badly, and those whose answer reached nobody.
    #expect(
      model.boardRows.count >= counts.endedBadly && model.boardRows.count <= counts.endedBadly + counts.late)
  }

  @Test func namesThatDifferAnywhereHaveRowsOfTheirOwn() {
    // Lengths around those that are told by a few numbers; one byte differs, at each place.
    var names: [(namespace: String, event: String, from: CaptureRecord.Peer)] = []
    for length in 0..<40 {
      names.append(("/", String(repeating: "a", count: length), .client))
      for place in 0..<length {
        let event =
          String(repeating: "a", count: place) + "b" + String(repeating: "a", count: length - place - 1)
        names.append(("/", event, .client))
      }
    }
    for event in ["", "a", "send", "a longer name than most"] {
      names += [("x", event, .client), ("/a", event, .client), ("/", event, .server), ("x", event, .server)]
    }
    var events = EventRows()
    for _ in 0..<2 {
      for (index, name) in names.enumerated() {
        let (namespace, event) = (Array("\"\(name.namespace)\"".utf8), Array("\"\(name.event)\"".utf8))
        let place = namespace.withUnsafeBytes { namespace in
          event.withUnsafeBytes { events.place(namespace: namespace, event: $0, from: name.from) }
        }
        #expect(place == index, "\(name)")
      }
    }
  }

  @Test func inventedEventNamesShareARow() {
    var events = EventRows(limit: 3)
    for number in 0..<10 {
      let name = Array("\"e\(number)\"".utf8)
      name.withUnsafeBytes { name in
        Array("\"/\"".utf8).withUnsafeBytes { _ = events.place(namespace: $0, event: name, from: .client) }
      }
    }
    #expect(events.rows.count == 4)
  }

  @Test func closedConnectionsAreForgottenFirst() {
    var rows = ConnectionRows(limit: 16)
    for number in 1...16 {
      rows.update(number, at: ScreenFixture.now) { if number % 2 == 0 { $0.closed = ScreenFixture.now } }
    }
    rows.update(17, at: ScreenFixture.now) { _ in }
    #expect(rows[1] != nil && rows[2] == nil && rows[4] == nil && rows[6] != nil && rows[17] != nil)
    #expect(rows.forgotten == 2)
  }

  @Test func ratesAreOfWholeSecondsAndForgetAfterAMinute() {
    var rates = RateHistory()
    for second in [100, 100, 101, 103] { rates.messagePassed(second: second, isFromServer: false) }
    rates.messagePassed(second: 103, isFromServer: true)
    #expect(rates.history(isFromServer: false, now: 104, length: 4) == [2, 1, 0, 1])
    #expect(rates.history(isFromServer: true, now: 104, length: 2) == [0, 1])
    rates.messagePassed(second: 500, isFromServer: false)
    #expect(rates.history(isFromServer: false, now: 501, length: 60).reduce(0, +) == 1)
    #expect(rates.history(isFromServer: false, now: 104, length: 4) == [0, 0, 0, 0])
  }

  @Test func noPercentileIsBelowEverySample() {
    var counts = LatencyCounts()
    for sample in [3_001_000, 8_004_000] { counts.sampleTaken(sample) }
    #expect(counts.percentile(1) == 3_001_000)
    var both = LatencyCounts()
    both.add(counts)
    #expect((both.percentile(50) ?? 0) >= 3_001_000 && (both.percentile(99) ?? 0) <= 8_004_000)
  }

  @Test func percentilesAreWithinThreePercent() {
    var latencies = LatencyCounts()
    for value in 1...10_000 { latencies.sampleTaken(value * 100) }
    for (percent, exact) in [(50, 500_000), (99, 990_000), (100, 1_000_000)] {
      let value = latencies.percentile(percent) ?? 0
      #expect(abs(value - exact) * 100 <= exact * 3, "p\(percent) is \(value)")
    }
    #expect(latencies.bars.reduce(0, +) == 10_000)
    #expect(LatencyCounts().percentile(50) == nil)
  }

  @Test(arguments: [
    "\u{202E}", "\u{9B}", "\u{7F}", "\u{2028}", "\\u001b[2J", "\\n", "\\r", "\\u0007", "\\u202e", "\u{200F}",
    "漢👩‍👩‍👧",
  ])
  func nothingFromTheWireReachesTheScreenRaw(_ text: String) {
    let types = [
      "packet", "verdict", "finding", "open", "close", "session", "undecodable", "gap", "message", "capture",
    ]
    var lines: [String] = []
    for type in types {
      for socket in ["event", "connect_error", "ack"] {
        lines.append(
          #"{"type":"\#(type)","seq":\#(lines.count),"ts":"2026-11-23T10:00:02Z","conn":3,"session":1,"from":"client","socket":"\#(socket)","namespace":"/\#(text)","id":1,"#
            + #""event":"a\#(text)","args":["\#(text)",{"\#(text)":1}],"data":{"m":"\#(text)"},"emit":0,"verdict":"\#(text)","cause":"\#(text)","certainty":"\#(text)","#
            + #""final":true,"finding":"\#(text)","reason":"\#(text)","by":"\#(text)","sid":"\#(text)","client":"\#(text)","upstream":"\#(text)","listen":"\#(text)","text":"\#(text)"}"#
        )
      }
    }
    for size in [ScreenFixture.sizes[0], ScreenFixture.sizes[2]] {
      var model = ScreenFixture.model(size, captureName: text)
      ScreenFixture.feed(lines.joined(separator: "\n"), to: &model)
      for pane in ["1", "2", "3", "4"] {
        ScreenFixture.press(.character(Character(pane)), on: &model)
        ScreenViewTests.expectWhole(ScreenView.grid(model, palette: .plain))
      }
      for seq in lines.indices {
        model.detail = EmitStory.subject(of: seq, in: model.traffic)
        ScreenViewTests.expectWhole(ScreenView.grid(model, palette: .plain))
      }
    }
  }
}
