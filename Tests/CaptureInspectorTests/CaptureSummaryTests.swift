import CaptureFormat
import JSONText
import Testing

@testable import CaptureInspector

/// A capture written line by line, for one test.
struct CaptureScript {
  private(set) var text = ""
  private(set) var seq = 0

  init(ackTimeout: Int = 5_000_000) {
    add("capture", at: 0, "\"schema\":\"ackscope.capture/1\",\"ack_timeout_us\":\(ackTimeout)")
  }

  /// Appends a record and returns its number.
  @discardableResult
  mutating func add(_ type: String, at microseconds: Int, _ members: String = "") -> Int {
    seq += 1
    var sink = ByteSink()
    sink.append(timestamp: CaptureTimestamp(microseconds: 1_795_428_000_000_000 + Int64(microseconds)))
    let time = String(decoding: sink.bytes, as: UTF8.self)
    text +=
      "{\"type\":\"\(type)\",\"seq\":\(seq),\"ts\":\"\(time)\"\(members.isEmpty ? "" : "," + members)}\n"
    return seq
  }

  mutating func emit(_ event: String, id: Int?, at time: Int, from: String = "client", conn: Int = 1) -> Int {
    add(
      "packet", at: time,
      "\"conn\":\(conn),\"session\":1,\"from\":\"\(from)\",\"transport\":\"websocket\",\"socket\":\"event\",\"namespace\":\"/\","
        + (id.map { "\"id\":\($0)," } ?? "") + "\"event\":\"\(event)\",\"args\":[1]")
  }

  mutating func ack(_ emit: Int, latency: Int, at time: Int) {
    add(
      "packet", at: time,
      "\"conn\":1,\"session\":1,\"from\":\"server\",\"socket\":\"ack\",\"namespace\":\"/\",\"id\":1,\"args\":[],\"ack_of\":\(emit),"
        + "\"latency_us\":\(latency)")
  }

  mutating func verdict(_ emit: Int, _ verdict: String, _ cause: String?, at time: Int, final: Bool = true) {
    add(
      "verdict", at: time,
      "\"conn\":1,\"session\":1,\"emit\":\(emit),\"event\":\"e\",\"namespace\":\"/\",\"id\":1,\"verdict\":\"\(verdict)\","
        + (cause.map { "\"cause\":\"\($0)\"," } ?? "")
        + "\"certainty\":\"proved\",\"evidence\":[],\"age_us\":9000000,\"final\":\(final)")
  }

  mutating func append(_ raw: String) { text += raw }

  /// The script's summary, read in pieces of an odd size.
  func summary(filter: String? = nil, limits: CaptureSummary.Limits = .init()) throws -> CaptureSummary {
    var summary = CaptureSummary(filter: try filter.map { try CaptureFilter(parsing: $0) }, limits: limits)
    var reader = CaptureReader()
    summary.captureOpened(path: "test.jsonl")
    let bytes = Array(text.utf8)
    for start in stride(from: 0, to: bytes.count, by: 1009) {
      try bytes[start..<min(bytes.count, start + 1009)].withUnsafeBytes { piece in
        try reader.bytesArrived(piece) { item in
          switch item {
          case .record(let record): summary.recordRead(record)
          case .damage(let damage): summary.damageFound(damage)
          }
        }
      }
    }
    summary.captureEnded(torn: try reader.ended())
    return summary
  }
}

extension CaptureSummary {
  var verdictWords: String { tally.verdicts.map { "\($0.name) \($0.count)" }.joined(separator: ", ") }
}

@Suite struct CaptureSummaryTests {
  @Test func anAckWithinTheTimeoutNeedsNoVerdictRecord() throws {
    var script = CaptureScript(ackTimeout: 1_000)
    script.ack(script.emit("e", id: 1, at: 0), latency: 1_000, at: 1_000)
    let summary = try script.summary()
    #expect(summary.verdictWords == "acknowledged 1")
    #expect(summary.emits == 1 && summary.acks == 1 && summary.packets == 2 && summary.unresolvedCount == 0)
  }

  @Test func aLateAckIsLateOnceItsVerdictComesAndAlsoWithoutIt() throws {
    for hasVerdict in [true, false] {
      var script = CaptureScript(ackTimeout: 1_000)
      let emit = script.emit("e", id: 1, at: 0)
      script.ack(emit, latency: 1_001, at: 1_001)
      if hasVerdict { script.verdict(emit, "late", "after_ack_timeout", at: 1_001) }
      let summary = try script.summary()
      #expect(summary.verdictWords == "late 1")
      #expect(summary.tally.causes.map(\.name) == ["after_ack_timeout"])
      #expect(summary.acks == 1 && summary.events.rows[0].latencies.maximum == 1_001)
    }
  }

  @Test func anAckInTimeIsCorrectedByTheVerdictBehindIt() throws {
    for isVerdictFirst in [true, false] {
      var script = CaptureScript()
      let emit = script.emit("e", id: 1, at: 0)
      if isVerdictFirst { script.verdict(emit, "late", "after_peer_left", at: 500) }
      script.ack(emit, latency: 500, at: 500)
      if !isVerdictFirst { script.verdict(emit, "late", "after_peer_left", at: 500) }
      let summary = try script.summary()
      #expect(summary.verdictWords == "late 1")
      #expect(summary.emits == 1 && summary.acks == 1 && summary.packets == 2)
      #expect(summary.events.rows[0].latencies.count == 1 && summary.events.rows[0].acknowledged == 0)
    }
  }

  @Test func anEmitWithoutIdIsUnconfirmed() throws {
    var script = CaptureScript()
    _ = script.emit("e", id: nil, at: 0)
    let summary = try script.summary()
    #expect(summary.verdictWords == "unconfirmed 1")
    #expect(summary.tally.causes.map(\.name) == ["no_ack_requested"])
    #expect(summary.unresolvedCount == 0)
  }

  @Test func whatIsOpenAtTheEndOfACutCaptureIsPendingOrOverdueAsOfItsLastRecord() throws {
    var script = CaptureScript(ackTimeout: 1_000_000)
    let old = script.emit("old", id: 1, at: 0)
    let marked = script.emit("marked", id: 2, at: 900_000)
    script.verdict(marked, "overdue", nil, at: 950_000, final: false)
    _ = script.emit("young", id: 3, at: 1_500_000)
    let summary = try script.summary()
    #expect(summary.verdictWords == "pending 1, overdue 2")
    #expect(summary.unresolved.map(\.seq) == [old, marked, marked + 2])
    #expect(summary.unresolved.map(\.age) == [1_500_000, 600_000, 0])
    #expect(summary.notes.contains { $0.contains("no end record") && $0.contains("3 emits were still open") })
  }

  @Test func anOverdueEmitMayStillBeAnswered() throws {
    var script = CaptureScript()
    let emit = script.emit("e", id: 1, at: 0)
    script.verdict(emit, "overdue", nil, at: 5_000_000, final: false)
    script.ack(emit, latency: 6_000_000, at: 6_000_000)
    script.verdict(emit, "late", "after_ack_timeout", at: 6_000_000)
    #expect(try script.summary().verdictWords == "late 1")
  }

  @Test func rowsAreKeyedByNamespacePeerAndName() throws {
    var script = CaptureScript()
    for from in ["client", "server", "client"] { _ = script.emit("e", id: nil, at: 0, from: from) }
    _ = script.emit("f", id: nil, at: 0)
    let summary = try script.summary()
    #expect(summary.shownRows.map(\.emits) == [2, 1, 1])
  }

  @Test func distinctNamesBeyondTheLimitShareARow() throws {
    var limits = CaptureSummary.Limits()
    limits.events = 3
    limits.unresolved = 2
    var script = CaptureScript()
    for number in 0..<100 { _ = script.emit("e\(number % 50)", id: number, at: number) }
    let summary = try script.summary(limits: limits)
    #expect(summary.events.rows.count == 4)
    #expect(summary.emits == 100 && summary.events.rows.map(\.emits).reduce(0, +) == 100)
    #expect(summary.unresolved.count == 2 && summary.unresolvedCount == 100)
    #expect(summary.notes.contains { $0.contains("more than 3 distinct events") })
    #expect(summary.notes.contains { $0.contains("only 2 of 100") })
  }

  @Test func overlongNamesShareARow() throws {
    var script = CaptureScript()
    for letter in ["a", "b", "c"] { _ = script.emit(String(repeating: letter, count: 5_000), id: nil, at: 0) }
    let summary = try script.summary()
    #expect(summary.events.rows.count == 1 && summary.events.rows[0].emits == 3)
    #expect(summary.notes.contains { $0.contains("names above 1 KiB") })
  }

  @Test func manyDistinctEventsKeepTheirOwnRows() throws {
    var script = CaptureScript()
    for number in 0..<3_000 { _ = script.emit("event \(number % 1_000)", id: nil, at: number) }
    let rows = try script.summary().shownRows
    #expect(rows.count == 1_000 && rows.allSatisfy { $0.emits == 3 })
  }

  @Test func theCapturesOwnFaultsAreSaidInOneLineEach() throws {
    var script = CaptureScript()
    script.append(
      "{\"type\":\"gap\",\"seq\":5,\"ts\":\"2026-11-23T10:00:00Z\",\"lost\":3,\"reason\":\"disk \\u001b[1m\"}\n"
    )
    script.append("not json\n")
    script.append(
      "{\"type\":\"end\",\"seq\":6,\"ts\":\"2026-11-23T10:00:00Z\",\"connections\":1,\"verdicts\":{\"late\":2}}\nhalf"
    )
    let summary = try script.summary()
    #expect(summary.hasTornTail)
    #expect(
      summary.notes == [
        "test.jsonl: seq jumps from 1 to 5: records are missing or out of order",
        "test.jsonl: gap at seq 5: 3 records could not be written (disk \\u001b[1m)",
        "test.jsonl: line 3, byte 203: damaged record skipped: unexpected character in JSON",
        "test.jsonl: its end record says connections 1, but counted are 0",
        "test.jsonl: its end record says emits late 2, but counted are 0",
        "test.jsonl: the last line is torn: 4 bytes without a line break, dropped",
      ])
  }

  @Test func aVerdictAboutAnEmitOutsideTheCaptureStillCounts() throws {
    var script = CaptureScript()
    script.verdict(99, "unanswered", "disconnected_before_ack", at: 0)
    let summary = try script.summary()
    #expect(summary.verdictWords == "unanswered 1" && summary.emits == 0 && summary.unresolvedCount == 1)
    #expect(summary.notes.contains { $0.contains("(seq 99) that is not in the capture") })
  }

  @Test func aFilterOnStateLetsAnEmitThroughWithItsAck() throws {
    var script = CaptureScript(ackTimeout: 1_000)
    script.ack(script.emit("fast", id: 1, at: 0), latency: 10, at: 10)
    let slow = script.emit("slow", id: 2, at: 10)
    script.ack(slow, latency: 5_000, at: 5_010)
    script.verdict(slow, "late", "after_ack_timeout", at: 5_010)
    let summary = try script.summary(filter: "~lat >1ms")
    #expect(
      summary.emits == 1 && summary.acks == 1 && summary.packets == 2 && summary.verdictWords == "late 1")
    #expect(try script.summary(filter: "~ev fast & ~v acknowledged").emits == 1)
  }
}
