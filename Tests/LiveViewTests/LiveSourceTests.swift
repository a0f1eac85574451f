import CaptureFormat
import Testing

@testable import LiveView

/// Records on their way from the traffic to the screen.
@Suite struct LiveSourceTests {
  static func write(_ text: String, to store: LiveStore) {
    Array(text.utf8).withUnsafeBytes { store.recordsWritten($0, notes: ScreenFixture.notes($0)) }
  }

  private static func begin() throws -> (LiveStore, LiveSource, ScreenModel) {
    let store = LiveStore(pipe: try #require(NoticePipe()))
    return (
      store, LiveSource(store: store) { $0 > 1 }, ScreenFixture.model(ScreenSize(columns: 130, rows: 24))
    )
  }

  @Test func recordsReachTheModel() throws {
    let (store, source, begun) = try Self.begin()
    var model = begun
    Self.write(ScreenFixture.emit(1) + ScreenFixture.emit(2), to: store)
    Self.write(ScreenFixture.ack(3, of: 1), to: store)
    #expect(source.deliver(to: &model, elapsed: 0, wall: ScreenFixture.now))
    #expect(model.keys(of: .board) == [2])
    #expect(model.now == ScreenFixture.now)
    #expect(source.pause(model) == 100, "an age ticks")
  }

  @Test func countsAreExactWhateverFindsNoRoom() throws {
    let (store, source, begun) = try Self.begin()
    var model = begun
    // More than the store holds, before the screen takes any of it.
    let filler = #"["\#(String(repeating: "x", count: 8000))"]"#
    var seq = 0
    for _ in 0..<1500 {
      seq += 2
      Self.write(ScreenFixture.emit(seq, args: filler) + ScreenFixture.ack(seq + 1, of: seq), to: store)
    }
    Self.write(
      ScreenFixture.emit(9001, args: filler) + ScreenFixture.verdict(9002, of: 2, "unanswered"), to: store)
    _ = source.deliver(to: &model, elapsed: 0, wall: ScreenFixture.now)
    #expect(model.traffic.counts.emits == 1501)
    #expect(model.traffic.counts.acks == 1500)
    #expect(model.traffic.counts.records == 3002)
    #expect(model.traffic.history.withLine(of: 9001) { _ in true } == nil, "it found no room")
    #expect(model.traffic.open.isEmpty, "what was answered is not shown as waiting")
  }

  @Test func whatIsCountedOnlyCountsAsWhatIsRead() throws {
    // The same records, once through a store that is full and once read as a whole.
    let filler = #"["\#(String(repeating: "x", count: 8000))"]"#
    let before = ScreenFixture.emit(1, event: "first") + ScreenFixture.emit(2, event: "first", conn: 2)
    var flood = ScreenFixture.ack(3, of: 1, latency: 70)
    for seq in stride(from: 10, to: 90, by: 4) {
      let peer = seq % 8 == 2 ? "client" : "server"
      let event = (seq % 3 == 0 ? "send" : "typing") + (peer == "server" ? "_to_client" : "")
      flood += ScreenFixture.emit(seq, id: seq, event: event, conn: seq % 5, from: peer)
      flood += ScreenFixture.emit(seq + 1, id: nil, event: event, conn: seq % 5, from: peer)
      if seq % 20 != 2 { flood += ScreenFixture.ack(seq + 2, of: seq, latency: seq * 100) }
      // Late, refused, no event: read as a whole whatever happens.
      if seq % 20 == 2 { flood += ScreenFixture.ack(seq + 2, of: seq, latency: 9_000_000) }
      if seq % 20 == 2 {
        flood += ScreenFixture.verdict(
          seq + 3, of: seq, "late", "after_ack_timeout", age: 9_000_000, event: event, conn: seq % 5)
      }
    }
    let (store, source, begun) = try Self.begin()
    var model = begun
    Self.write(before, to: store)
    for seq in 100..<1148 { Self.write(ScreenFixture.emit(seq, id: nil, args: filler), to: store) }
    Self.write(flood, to: store)
    _ = source.deliver(to: &model, elapsed: 0, wall: ScreenFixture.now)
    var whole = begun
    ScreenFixture.feed(before, to: &whole)
    for seq in 100..<1148 { ScreenFixture.feed(ScreenFixture.emit(seq, id: nil, args: filler), to: &whole) }
    ScreenFixture.feed(flood, to: &whole)

    let (some, all) = (model.traffic, whole.traffic)
    #expect(some.skippedPackets > 50)
    #expect(some.counts == all.counts)
    #expect(some.open.keys.sorted() == all.open.keys.sorted())
    #expect(some.latencies.count == all.latencies.count)
    #expect(some.latencies.percentile(50) == all.latencies.percentile(50))
    func events(_ traffic: TrafficModel) -> [String] {
      traffic.events.rows.map {
        "\(String(decoding: $0.event, as: UTF8.self)) \($0.from) \($0.emits) \($0.asked) \($0.acknowledged) \($0.verdicts) \($0.latencies.bars)"
      }.sorted()
    }
    #expect(events(some) == events(all))
    func connections(_ traffic: TrafficModel) -> [String] {
      traffic.connections.rows.map {
        "\($0.number) \($0.fromClient) \($0.fromServer) \($0.bytes) \($0.emits) \($0.pending)"
      }.sorted()
    }
    #expect(connections(some) == connections(all))
    #expect(
      ScreenFixture.text(model).contains("came too fast") == false, "that is said where packets are listed")
    ScreenFixture.press(.character("3"), on: &model)
    #expect(ScreenFixture.text(model).contains("came too fast to be kept here"))
  }

  /// A store whose allowance is used up, and how far its model is.
  private static func beginFull() throws -> (LiveStore, LiveSource, ScreenModel) {
    let (store, source, begun) = try begin()
    var model = begun
    let filler = #"["\#(String(repeating: "x", count: 8000))"]"#
    for seq in 100..<1148 { write(ScreenFixture.emit(seq, id: nil, args: filler), to: store) }
    // What is left is too little for these.
    for seq in 1148..<1200 { write(ScreenFixture.emit(seq, id: nil), to: store) }
    _ = source.deliver(to: &model, elapsed: 0, wall: ScreenFixture.now)
    #expect(model.traffic.history.withLine(of: 1199) { _ in true } == nil)
    return (store, source, model)
  }

  private static func frame(_ source: LiveSource, _ model: inout ScreenModel, elapsed: Int = 260_000) {
    _ = source.deliver(to: &model, elapsed: elapsed, wall: ScreenFixture.now)
    _ = ScreenUpdate.apply(.ticked, to: &model)
  }

  @Test func aLostEmitAmongManyThatPassTooFastGetsItsRowAndItsStory() throws {
    let (store, source, begun) = try Self.beginFull()
    var model = begun
    Self.write(
      ScreenFixture.emit(2000, at: 1, id: 77, event: "planted", args: #"["find me",1]"#), to: store)
    // Many more seqs pass than there are places for young ones.
    for round in 0..<20 {
      var text = ""
      for seq in stride(from: 3000 + round * 10_000, to: 13_000 + round * 10_000, by: 2) {
        text += ScreenFixture.emit(seq, at: 2) + ScreenFixture.ack(seq + 1, of: seq, at: 2)
      }
      Self.write(text, to: store)
      if round % 4 == 3 { Self.frame(source, &model, elapsed: 66_000) }
    }
    for _ in 0..<3 { Self.frame(source, &model, elapsed: 260_000) }
    #expect(model.traffic.skippedPackets > 100_000)
    #expect(model.keys(of: .board) == [2000])
    #expect(model.traffic.counts.pending == 1)
    let text = ScreenFixture.text(model)
    #expect(text.contains("planted") && text.contains("find me"))
    #expect(!text.contains("not listed"))
    ScreenFixture.press(.enter, on: &model)
    #expect(ScreenView.closeLines(model).contains { $0.plain.contains("find me") })

    // Its ack, however fast the others pass, takes it away, and counts for its event.
    Self.write(ScreenFixture.ack(900_000, of: 2000, at: 4, latency: 3_000_000), to: store)
    Self.frame(source, &model, elapsed: 66_000)
    #expect(model.keys(of: .board) == [])
    #expect(model.traffic.counts.pending == 0)
    let planted = try #require(model.traffic.events.rows.first { $0.event == Array(#""planted""#.utf8) })
    #expect(planted.acknowledged == 1 && planted.latencies.maximum == 3_000_000)
    #expect(model.traffic.connections[1]?.pending == 0)
    let told = ScreenView.closeLines(model).map(\.plain)
    #expect(told.contains { $0.contains("It waits no longer") }, "\(told)")
  }

  @Test func aSkippedEmitEndsWithItsVerdictAndKeepsItsArguments() throws {
    let (store, source, begun) = try Self.beginFull()
    var model = begun
    Self.write(ScreenFixture.emit(2000, at: 1, args: #"["find me"]"#), to: store)
    // At once, while nobody was told of it; and one of which somebody was.
    Self.write(ScreenFixture.verdict(2001, of: 2000, "unanswered", "invalid_packet", at: 1), to: store)
    Self.write(ScreenFixture.emit(2002, at: 1, args: #"["me too"]"#, from: "server"), to: store)
    Self.frame(source, &model)
    #expect(model.traffic.ended.map(\.seq) == [2000])
    for _ in 0..<2 { Self.frame(source, &model) }
    #expect(model.traffic.open.keys.sorted() == [2002])
    Self.write(
      ScreenFixture.verdict(2003, of: 2002, "overdue", at: 6, age: 5_000_000, isFinal: false), to: store)
    Self.frame(source, &model)
    #expect(model.traffic.open[2002]?.note?.verdict == "overdue")
    Self.write(ScreenFixture.verdict(2004, of: 2002, "unanswered", "conditional_path", at: 7), to: store)
    Self.frame(source, &model)
    #expect(model.traffic.open.isEmpty && model.traffic.counts.pending == 0)
    #expect(model.boardRows.map(\.seq) == [2002, 2000])
    #expect(model.boardRows.map(\.from) == [.server, .client])
    let text = ScreenFixture.text(model)
    #expect(text.contains("find me") && text.contains("me too"))
    #expect(model.traffic.connections[1]?.pending == 0)
  }

  @Test func anAckThatCouldBeKeptIsCountedWithItsEmitThatWasSkipped() throws {
    let (store, source, begun) = try Self.beginFull()
    var model = begun
    Self.write(ScreenFixture.emit(2000, event: "skipped"), to: store)
    // Room again, and nobody was told of the emit: the model could not say what this is the ack of.
    Self.frame(source, &model, elapsed: 100_000)
    Self.write(ScreenFixture.ack(2001, of: 2000, latency: 700), to: store)
    Self.frame(source, &model, elapsed: 100_000)
    let row = try #require(model.traffic.events.rows.first { $0.event == Array(#""skipped""#.utf8) })
    #expect(row.acknowledged == 1 && row.waiting == 0 && row.latencies.maximum == 700)
    #expect(model.traffic.counts.pending == 0 && model.traffic.connections[1]?.pending == 0)
  }

  @Test func anAckThatIsReadAsAWholeSettlesAnEmitThatWasSkipped() throws {
    let (store, source, begun) = try Self.beginFull()
    var model = begun
    Self.write(ScreenFixture.emit(2000) + ScreenFixture.emit(2002, id: 2), to: store)
    for _ in 0..<5 { Self.frame(source, &model, elapsed: 1_000_000) }
    #expect(model.keys(of: .board) == [2000, 2002])
    let skipped = model.traffic.skippedPackets
    Self.write(ScreenFixture.emit(2004, id: 3), to: store)
    Self.frame(source, &model)
    #expect(model.traffic.skippedPackets == skipped, "there is room again")
    // One of a usual shape, and one of which there is no note.
    Self.write(ScreenFixture.ack(2005, of: 2000), to: store)
    Array(ScreenFixture.ack(2006, of: 2002).utf8).withUnsafeBytes { store.recordsWritten($0, notes: []) }
    for _ in 0..<3 { Self.frame(source, &model) }
    #expect(model.keys(of: .board) == [2004])
    #expect(model.traffic.events.rows.map(\.acknowledged).reduce(0, +) == 2)
    #expect(model.traffic.counts.acknowledged == 2 && model.traffic.latencies.count == 2)
    #expect(model.traffic.connections[1]?.pending == 1)
  }

  @Test func whatWaitsStaysWhileNobodyLooks() throws {
    // A screen that was stopped with Ctrl-Z takes nothing in, while the traffic goes on.
    let (store, source, begun) = try Self.begin()
    var model = begun
    Self.write(ScreenFixture.emit(1, event: "kept"), to: store)
    Self.frame(source, &model)
    for round in 0..<60 {
      var text = ""
      for seq in stride(from: 10_000 + round * 10_000, to: 20_000 + round * 10_000, by: 2) {
        text += ScreenFixture.emit(seq, id: 9, event: seq == 200_000 ? "lost" : "send")
        if seq != 200_000 { text += ScreenFixture.ack(seq + 1, of: seq) }
      }
      Self.write(text, to: store)
    }
    Self.write(
      ScreenFixture.verdict(900_000, of: 200_000, "overdue", age: 5_000_000, isFinal: false), to: store)
    Self.frame(source, &model)
    #expect(model.keys(of: .board) == [1, 200_000])
    #expect(model.traffic.counts.pending == 2)
    #expect(model.traffic.counts.emits == 300_001)
  }

  @Test func anAnsweredEmitHasLeftWithTheNextFrame() throws {
    let (store, source, begun) = try Self.begin()
    var model = begun
    Self.write(ScreenFixture.emit(1, event: "waits") + ScreenFixture.emit(2, event: "stays"), to: store)
    Self.frame(source, &model, elapsed: 1_000_000 / ScreenLoop.framesPerSecond)
    #expect(ScreenFixture.text(model).contains("waits"))
    ScreenFixture.press(.character("1"), on: &model)
    Self.write(ScreenFixture.ack(3, of: 1), to: store)
    // The ack wakes the screen, which paints once a frame: within 67 ms.
    Self.frame(source, &model, elapsed: 1_000_000 / ScreenLoop.framesPerSecond)
    #expect(model.keys(of: .board) == [2])
    let layout = ScreenLayout(model)
    let board = ScreenFixture.text(model).split(separator: "\n", omittingEmptySubsequences: false)
    let frame = try #require(layout.frame(of: .board))
    #expect(!board[frame.list].contains { $0.contains("waits") })
    #expect(board[frame.list].contains { $0.contains("stays") })
    #expect(1_000_000 / ScreenLoop.framesPerSecond < 100_000)
  }

  @Test func aBurstIsKeptAndInTheLongRunAShare() throws {
    let (store, source, begun) = try Self.begin()
    var model = begun
    let line = ScreenFixture.emit(1, id: nil)
    func written(_ bytes: Int) -> Int {
      let before = model.traffic.skippedPackets
      Self.write(String(repeating: line, count: bytes / line.utf8.count), to: store)
      _ = source.deliver(to: &model, elapsed: 1_000_000, wall: ScreenFixture.now)
      return (model.traffic.skippedPackets - before) * line.utf8.count
    }
    #expect(written(6 << 20) == 0)
    // What a second gives back may be used in the next.
    #expect(written(9 << 18) == 0)
    #expect(written(3 << 20) > 0)
    for _ in 0..<14 { _ = written(0) }
    #expect(written(6 << 20) == 0)
  }

  @Test func whatHasNoNoteIsReadAsAWhole() throws {
    let (store, source, begun) = try Self.beginFull()
    var model = begun
    let text =
      ScreenFixture.emit(2000) + ScreenFixture.emit(2001, id: nil) + ScreenFixture.ack(2002, of: 2000)
    Array(text.utf8).withUnsafeBytes { store.recordsWritten($0, notes: []) }
    Self.frame(source, &model, elapsed: 0)
    #expect(model.traffic.history.withLine(of: 2001) { _ in true } == true)
    #expect(model.traffic.counts.acknowledged == 1 && model.traffic.counts.pending == 0)
  }

  @Test func aFloodIsToldWhileItLasts() throws {
    let (store, source, begun) = try Self.beginFull()
    var model = begun
    Self.write(ScreenFixture.emit(2000), to: store)
    Self.frame(source, &model, elapsed: 0)
    #expect(source.isFlooded)
    Self.frame(source, &model, elapsed: 0)
    #expect(!source.isFlooded)
    #expect(ScreenLoop.framesPerSecondInFlood >= 10)
  }

  @Test func theScreenClosesWhenAllIsTaken() throws {
    let (store, source, begun) = try Self.begin()
    var model = begun
    Self.write(ScreenFixture.emit(1), to: store)
    store.finish()
    #expect(!source.isFinished)
    _ = source.deliver(to: &model, elapsed: 0, wall: ScreenFixture.now)
    #expect(source.isFinished)
  }

  @Test func problemsAreAlertsAndNotesAreNot() throws {
    let (store, source, begun) = try Self.begin()
    var model = begun
    store.diagnosed("upstream 127.0.0.1:3000 refuses connections", .connectionProblem)
    store.diagnosed("forwarding", .note)
    _ = source.deliver(to: &model, elapsed: 0, wall: ScreenFixture.now)
    #expect(model.traffic.alerts.map(\.text) == ["upstream 127.0.0.1:3000 refuses connections"])
    #expect(model.notice == nil)
    #expect(ScreenFixture.text(model).contains("✗ upstream 127.0.0.1:3000 refuses connections"))
  }

  @Test func anUnreachableUpstreamIsForgottenWhenItIsReached() throws {
    let (store, source, begun) = try Self.begin()
    var model = begun
    store.diagnosed("upstream refuses connections", .connectionProblem)
    store.diagnosed("the capture cannot be written", .problem)
    _ = source.deliver(to: &model, elapsed: 0, wall: ScreenFixture.moment("2026-11-23T09:00:00Z"))
    #expect(model.traffic.alerts.count == 2)
    Self.write(
      #"{"type":"open","seq":1,"ts":"2026-11-23T10:00:00Z","conn":1,"client":"a","upstream":"b"}"# + "\n",
      to: store)
    _ = source.deliver(to: &model, elapsed: 0, wall: ScreenFixture.now)
    #expect(model.traffic.alerts.map(\.text) == ["the capture cannot be written"])
  }

  @Test func aCaptureThatIsNotWrittenStaysInSightUntilItIs() throws {
    let (store, source, begun) = try Self.begin()
    var model = begun
    store.diagnosed("the capture 'x' cannot be written: full", .captureProblem)
    store.diagnosed("connection 1: something else", .problem)
    _ = source.deliver(to: &model, elapsed: 0, wall: ScreenFixture.now)
    for _ in 0..<2 {
      let text = ScreenFixture.text(model)
      #expect(text.contains("the capture 'x' cannot be written: full"))
      #expect(text.contains("✗ not written: "))
      ScreenFixture.press(.character("c"), .escape, on: &model)
      #expect(model.traffic.alerts.count == 1)
    }
    Self.write(ScreenFixture.line("gap", 5, at: 3, #""lost":12,"reason":"full""#), to: store)
    _ = source.deliver(to: &model, elapsed: 0, wall: ScreenFixture.now)
    #expect(model.traffic.alerts.map(\.text) == ["gap in the capture: 12 records could not be written: full"])
    ScreenFixture.press(.escape, on: &model)
    #expect(model.traffic.alerts.isEmpty && !ScreenFixture.text(model).contains("not written"))
  }

  @Test func quittingTwiceDoesNotWait() throws {
    let (_, source, begun) = try Self.begin()
    var model = begun
    #expect(!source.quitAsked(&model))
    #expect(source.quitAsked(&model))
  }

  @Test func nothingIsPaintedWhenNothingChanged() throws {
    let (store, source, begun) = try Self.begin()
    var model = begun
    _ = source.deliver(to: &model, elapsed: 0, wall: ScreenFixture.now)
    #expect(!source.deliver(to: &model, elapsed: 1000, wall: ScreenFixture.now))
    Self.write(ScreenFixture.emit(1, id: nil), to: store)
    #expect(source.deliver(to: &model, elapsed: 1000, wall: ScreenFixture.now))
    #expect(!source.deliver(to: &model, elapsed: 1000, wall: ScreenFixture.now))
  }
}
