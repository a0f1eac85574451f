import CaptureFormat
import Testing

@testable import LiveView

/// Keys and the mouse, as (model, key) → model.
@Suite struct ScreenUpdateTests {
  @Test func anOverdueEmitSaysWhatItsEventAndItsConnectionTell() {
    var model = ScreenFixture.model(ScreenSize(columns: 120, rows: 40))
    ScreenFixture.feed(
      ScreenFixture.emit(1, at: 1, event: "lost") + ScreenFixture.emit(2, at: 1, event: "known")
        + ScreenFixture.ack(3, of: 2, at: 1) + ScreenFixture.emit(4, at: 2, event: "known"), to: &model)
    model.now = ScreenFixture.now
    _ = ScreenUpdate.apply(.ticked, to: &model)
    let text = ScreenFixture.text(model)
    #expect(text.contains("overdue: event acked 0 of 1") && text.contains("overdue: event acked 1 of 2"))
    #expect(text.contains("This event was emitted once, and not acked so far"))
    #expect(text.contains("Connection #1 is open, and 1 of its emits were acked."))
    ScreenFixture.press(.enter, on: &model)
    #expect(ScreenView.closeLines(model).contains { $0.plain.contains("has a handler of exactly this name") })
    ScreenFixture.press(.escape, .down, on: &model)
    #expect(ScreenFixture.text(model).contains("so the server has a handler"))
  }

  @Test func eventsSayWhatWaits() {
    var model = ScreenFixture.model(ScreenSize(columns: 120, rows: 40))
    ScreenFixture.feed(
      ScreenFixture.emit(1, at: 1, event: "lost") + ScreenFixture.emit(2, at: 11, event: "lost")
        + ScreenFixture.emit(3, at: 1, event: "gone")
        + ScreenFixture.verdict(4, of: 3, "late", "after_peer_left", at: 7, age: 6_000_000, event: "gone")
        + ScreenFixture.emit(5, at: 1, event: "ended")
        + ScreenFixture.verdict(6, of: 5, "unanswered", "x", at: 7, event: "ended"), to: &model)
    model.now = ScreenFixture.now
    ScreenFixture.press(.character("2"), on: &model)
    let rows = ScreenFixture.text(model).split(separator: "\n").map(String.init)
    #expect(
      rows.contains { $0.contains("→ lost") && $0.contains("50 %") && $0.contains("1 overdue  1 waiting") })
    #expect(rows.contains { $0.contains("→ ended") && $0.contains("100 %") && $0.contains("1 unanswered") })
    #expect(!rows.contains { $0.contains("→ gone") && $0.contains("waiting") })
  }

  @Test func aTimelineKeepsItsBeginningAndItsEnd() {
    var model = ScreenFixture.model(ScreenSize(columns: 120, rows: 40))
    ScreenFixture.feed(ScreenFixture.emit(1, args: #"["mine"]"#), to: &model)
    for seq in 2...101 {
      ScreenFixture.feed(ScreenFixture.emit(seq, id: nil, event: "other\(seq)"), to: &model)
    }
    model.now = ScreenFixture.now
    ScreenFixture.press(.enter, on: &model)
    func told() -> [String] { ScreenView.closeLines(model).map(\.plain) }
    #expect(told().contains { $0.contains("… 84 records more on this session") })
    #expect(told().contains { $0.hasSuffix("other2") } && told().contains { $0.hasSuffix("other101") })
    #expect(!told().contains { $0.contains("other50") })
    #expect(told().count <= 35, "the arguments are on the screen")
    ScreenFixture.feed(ScreenFixture.ack(102, of: 1, at: 9, latency: 9_000_000), to: &model)
    let lines = told()
    let end = lines.firstIndex { $0.contains("ack 9.0 s") }
    #expect(end != nil && end == lines.firstIndex { $0.hasSuffix("other101") }.map { $0 + 1 })
  }

  static let size = ScreenSize(columns: 100, rows: 24)

  static func model() throws -> ScreenModel { try ScreenFixture.filled(size) }

  @Test func tabGoesRoundThePanes() throws {
    var model = try Self.model()
    var seen: [ScreenModel.Pane] = []
    for _ in 0..<5 {
      seen.append(model.pane)
      ScreenFixture.press(.tab, on: &model)
    }
    #expect(seen == [.board, .events, .stream, .connections, .board])
    ScreenFixture.press(.backTab, .backTab, on: &model)
    #expect(model.pane == .connections)
    ScreenFixture.press(.character("2"), on: &model)
    #expect(model.pane == .events)
    ScreenFixture.press(.character("l"), .left, .character("h"), on: &model)
    #expect(model.pane == .board)
  }

  @Test func thePaneBelowStaysWhenTheBoardIsChosen() throws {
    var model = try ScreenFixture.filled(ScreenFixture.sizes[2])
    ScreenFixture.press(.character("4"), .character("1"), on: &model)
    #expect(model.pane == .board)
    #expect(model.lowerPane == .connections)
    #expect(ScreenLayout(model).frames.map(\.pane) == [.board, .connections])
  }

  @Test func movingStopsAtTheEnds() throws {
    var model = try Self.model()
    let keys = model.keys(of: .board)
    ScreenFixture.press(.up, .character("k"), on: &model)
    #expect(model.selectedKey(in: .board) == keys.first)
    ScreenFixture.press(.down, .character("j"), on: &model)
    #expect(model.selectedKey(in: .board) == keys[2])
    ScreenFixture.press(.character("G"), .down, on: &model)
    #expect(model.selectedKey(in: .board) == keys.last)
    ScreenFixture.press(.character("g"), on: &model)
    #expect(model.selectedKey(in: .board) == keys.first)
    ScreenFixture.press(.pageDown, .pageDown, .pageDown, on: &model)
    #expect(model.selectedKey(in: .board) == keys.last)
    ScreenFixture.press(.home, on: &model)
    #expect(model.selectedKey(in: .board) == keys.first)
  }

  @Test func theSelectedRowStaysSelectedWhileOthersComeAndGo() throws {
    var model = try Self.model()
    ScreenFixture.press(.down, .down, .down, on: &model)
    let chosen = try #require(model.selectedKey(in: .board))
    let first = try #require(model.keys(of: .board).first)
    ScreenFixture.feed(
      ScreenFixture.ack(901, of: first, at: 12) + ScreenFixture.emit(902, at: 12), to: &model)
    _ = ScreenUpdate.apply(.ticked, to: &model)
    #expect(model.selectedKey(in: .board) == chosen)
    #expect(model.position(of: .board).index == 2)
    // When it goes itself, its place is taken by the next.
    ScreenFixture.feed(ScreenFixture.ack(903, of: chosen, at: 12), to: &model)
    _ = ScreenUpdate.apply(.ticked, to: &model)
    #expect(model.position(of: .board).index == 2)
    #expect(model.selectedKey(in: .board) != chosen)
  }

  @Test func withoutAChoiceTheFirstRowIsSelected() throws {
    var model = try Self.model()
    let first = try #require(model.keys(of: .board).first)
    ScreenFixture.feed(
      ScreenFixture.verdict(901, of: first, "unanswered", "no_handler_or_no_return", at: 12), to: &model)
    _ = ScreenUpdate.apply(.ticked, to: &model)
    #expect(model.selectedKey(in: .board) == model.keys(of: .board).first)
    #expect(model.keys(of: .board).first != first)
  }

  @Test func enterOpensAndEscapeGoesBack() throws {
    for back in [ScreenKey.escape, .character("q"), .left, .character("h")] {
      var model = try Self.model()
      let key = try #require(model.selectedKey(in: .board))
      #expect(ScreenFixture.press(.enter, on: &model).isEmpty)
      #expect(model.detail == .emit(key))
      #expect(ScreenFixture.press(back, on: &model).isEmpty)
      #expect(model.detail == nil)
    }
  }

  @Test func enterOnAnAckOrAVerdictOpensTheStoryOfItsEmit() throws {
    var model = try Self.model()
    for (index, seq) in model.keys(of: .stream).enumerated() {
      let (kind, emit) = model.traffic.withRecord(seq) { record in
        (record?.kind, record?.integer(.ackOf) ?? record?.integer(.emit))
      }
      guard kind == .packet || kind == .verdict, let emit else { continue }
      ScreenFixture.press(.character("3"), .home, on: &model)
      for _ in 0..<index { ScreenFixture.press(.down, on: &model) }
      ScreenFixture.press(.enter, on: &model)
      #expect(model.detail == .emit(emit))
      ScreenFixture.press(.escape, on: &model)
    }
  }

  @Test func enterOnAnEventShowsItsPackets() throws {
    var model = try Self.model()
    ScreenFixture.press(.character("2"), .enter, on: &model)
    #expect(model.pane == .stream)
    #expect(model.filterText == #"~ev "^get_profile$" ~from client"#)
    #expect(!model.keys(of: .stream).isEmpty)
    for seq in model.keys(of: .stream) {
      #expect(model.traffic.withRecord(seq) { $0?.string(.event) } == "get_profile")
    }
  }

  @Test func quitIsAskedOnlyAtTheTop() throws {
    var model = try Self.model()
    #expect(ScreenFixture.press(.character("?"), .character("q"), on: &model).isEmpty)
    #expect(ScreenFixture.press(.enter, .character("q"), on: &model).isEmpty)
    #expect(ScreenFixture.press(.character("q"), on: &model) == [.quit])
    #expect(ScreenFixture.press(.character("/"), .character("q"), on: &model).isEmpty)
    #expect(ScreenFixture.press(.control("c"), on: &model) == [.quit])
    #expect(ScreenFixture.press(.control("z"), on: &model) == [.suspend])
  }

  // MARK: filter and search

  @Test func aFilterIsExplainedWhileItIsTypedAndAppliedWithEnter() throws {
    var model = try Self.model()
    let all = model.keys(of: .board)
    ScreenFixture.press(.character("/"), on: &model)
    ScreenFixture.type("~from serve", on: &model)
    #expect(FilterText.fault(in: "~from serve") != nil)
    ScreenFixture.press(.enter, on: &model)
    #expect(model.prompt != nil, "a wrong filter is not applied")
    #expect(model.keys(of: .board) == all)
    ScreenFixture.type("r", on: &model)
    ScreenFixture.press(.enter, on: &model)
    #expect(model.prompt == nil)
    #expect(!model.boardRows.isEmpty)
    #expect(model.boardRows.allSatisfy { $0.from == .server })
    ScreenFixture.press(.character("/"), .control("u"), .enter, on: &model)
    #expect(model.filterText.isEmpty)
    #expect(model.keys(of: .board) == all)
  }

  @Test func escapeLeavesTheFilterAsItWas() throws {
    var model = try Self.model()
    ScreenFixture.press(.character("/"), on: &model)
    ScreenFixture.type("~conn 2", on: &model)
    ScreenFixture.press(.escape, on: &model)
    #expect(model.filterText.isEmpty)
    #expect(model.traffic.filter == nil)
  }

  @Test func newRecordsMeetTheFilterToo() throws {
    var model = try Self.model()
    ScreenFixture.press(.character("/"), on: &model)
    ScreenFixture.type("~ev wanted", on: &model)
    ScreenFixture.press(.enter, on: &model)
    ScreenFixture.feed(
      ScreenFixture.emit(901, at: 12, event: "wanted") + ScreenFixture.emit(902, at: 12), to: &model)
    #expect(model.keys(of: .board) == [901])
    #expect(model.keys(of: .stream) == [901])
  }

  @Test func aStateFilterFollowsTheClock() throws {
    var model = try Self.model()
    ScreenFixture.press(.character("/"), on: &model)
    ScreenFixture.type("~overdue", on: &model)
    ScreenFixture.press(.enter, on: &model)
    let before = model.boardRows.count
    model.now.microseconds += 60_000_000
    #expect(model.boardRows.count == model.traffic.open.count)
    #expect(model.boardRows.count > before)
  }

  @Test func editingKeysEditThePrompt() {
    var prompt = ScreenPrompt(.filter, text: "ab cd")
    for (key, text, caret) in [
      (ScreenKey.left, "ab cd", 4), (.backspace, "ab d", 3), (.delete, "ab ", 3), (.control("w"), "", 0),
      (.character("x"), "x", 1), (.character("y"), "xy", 2), (.home, "xy", 0), (.character("z"), "zxy", 1),
      (.control("k"), "z", 1), (.backspace, "", 0), (.backspace, "", 0), (.right, "", 0), (.up, "", 0),
    ] {
      prompt.keyPressed(key)
      #expect(String(prompt.text) == text)
      #expect(prompt.caret == caret)
    }
  }

  @Test func aSearchScrollsToWhatItFinds() throws {
    var model = try Self.model()
    ScreenFixture.press(.enter, .character("/"), on: &model)
    ScreenFixture.type("STILL no ack", on: &model)
    ScreenFixture.press(.enter, on: &model)
    #expect(ScreenView.closeLines(model)[model.scroll].plain.contains("still no ack"))
    ScreenFixture.press(.character("/"), .control("u"), on: &model)
    ScreenFixture.type("nowhere to be found", on: &model)
    ScreenFixture.press(.enter, on: &model)
    #expect(model.noticeIsBad)
  }

  // MARK: freeze, follow, order, clear

  @Test func whatIsFrozenStaysWhileCountsGoOn() throws {
    var model = try Self.model()
    ScreenFixture.press(.character(" "), on: &model)
    let text = ScreenFixture.text(model)
    let keys = model.keys(of: .board)
    ScreenFixture.feed(
      ScreenFixture.emit(901, at: 20) + ScreenFixture.ack(902, of: keys[0], at: 20), to: &model)
    model.now.microseconds += 8_000_000
    _ = ScreenUpdate.apply(.ticked, to: &model)
    #expect(model.keys(of: .board) == keys)
    #expect(
      ScreenFixture.text(model).split(separator: "\n").dropFirst() == text.split(separator: "\n").dropFirst())
    ScreenFixture.press(.character(" "), on: &model)
    #expect(model.frozen == nil)
    #expect(model.keys(of: .board).contains(901))
    #expect(!model.keys(of: .board).contains(keys[0]))
  }

  @Test func theStreamFollowsUntilItsUserMovesUp() throws {
    var model = try Self.model()
    ScreenFixture.press(.character("3"), on: &model)
    #expect(model.selectedKey(in: .stream) == model.keys(of: .stream).last)
    ScreenFixture.feed(ScreenFixture.emit(901, at: 12), to: &model)
    _ = ScreenUpdate.apply(.ticked, to: &model)
    #expect(model.selectedKey(in: .stream) == 901)
    ScreenFixture.press(.up, on: &model)
    #expect(!model.isFollowing)
    let chosen = model.selectedKey(in: .stream)
    ScreenFixture.feed(ScreenFixture.emit(902, at: 12), to: &model)
    _ = ScreenUpdate.apply(.ticked, to: &model)
    #expect(model.selectedKey(in: .stream) == chosen)
    ScreenFixture.press(.character("f"), on: &model)
    #expect(model.selectedKey(in: .stream) == 902)
    ScreenFixture.press(.up, .character("G"), on: &model)
    #expect(model.isFollowing)
  }

  @Test func heartbeatsAreHiddenUntilAskedFor() throws {
    var model = try Self.model()
    func shows(_ engine: String) -> Bool {
      model.keys(of: .stream).contains { model.traffic.withRecord($0) { $0?.string(.engine) == engine } }
    }
    #expect(!shows("ping"))
    ScreenFixture.press(.character("b"), on: &model)
    #expect(shows("ping") && shows("pong"))
    ScreenFixture.press(.character("b"), on: &model)
    #expect(!shows("ping"))
  }

  @Test func emitsThatWaitComeFirstInEveryOrder() throws {
    var model = try Self.model()
    for order in ScreenModel.BoardOrder.allCases {
      #expect(model.boardOrder == order)
      let finals = model.boardRows.map { $0.note?.isFinal ?? false }
      #expect(finals == finals.sorted { !$0 && $1 }, "\(order)")
      #expect(Set(model.keys(of: .board)).count == model.boardRows.count)
      ScreenFixture.press(.character("s"), on: &model)
    }
    #expect(model.boardOrder == .age)
    #expect(model.boardRows.first?.seq == model.traffic.open.keys.min())
  }

  @Test func clearingForgetsWhatEndedAndNothingThatWaits() throws {
    var model = try Self.model()
    let (waiting, counts) = (model.traffic.open.count, model.traffic.counts)
    #expect(!model.traffic.ended.isEmpty && !model.traffic.alerts.isEmpty)
    ScreenFixture.press(.character("c"), on: &model)
    #expect(model.traffic.ended.isEmpty && model.traffic.alerts.isEmpty)
    #expect(model.traffic.open.count == waiting)
    #expect(model.traffic.counts == counts)
  }

  // MARK: taking with you

  @Test func aSliceIsACaptureOfItsOwn() throws {
    var model = try Self.model()
    ScreenFixture.press(.character("4"), .character("w"), on: &model)
    ScreenFixture.press(.control("u"), on: &model)
    ScreenFixture.type("part.jsonl", on: &model)
    let effects = ScreenFixture.press(.enter, on: &model)
    guard case .write(let path, let bytes)? = effects.first else { throw PathMissing() }
    #expect(path == "part.jsonl")
    var reader = CaptureReader()
    var (kinds, conns, seqs): ([CaptureRecord.Kind], Set<Int>, [Int]) = ([], [], [])
    try bytes.withUnsafeBytes { bytes in
      try reader.bytesArrived(bytes) { item in
        guard case .record(let record) = item else {
          Issue.record("\(item)")
          return
        }
        kinds.append(record.kind)
        seqs.append(record.seq)
        if let conn = record.conn { conns.insert(conn) }
      }
    }
    #expect(try reader.ended() == 0)
    #expect(kinds.first == .capture && kinds.contains(.open) && kinds.contains(.session))
    #expect(conns == [4])
    #expect(seqs == Array(1...seqs.count), "it has numbers of its own")
  }

  private struct PathMissing: Error {}

  @Test func copyingTakesTheRecordAsItIs() throws {
    var model = try Self.model()
    let seq = try #require(model.selectedKey(in: .board))
    let effects = ScreenFixture.press(.character("y"), on: &model)
    let line = try #require(model.traffic.history.withLine(of: seq) { String(decoding: $0, as: UTF8.self) })
    #expect(effects == [.copy(line)])
    var empty = ScreenFixture.model(Self.size)
    #expect(ScreenFixture.press(.character("y"), on: &empty).isEmpty)
    #expect(empty.noticeIsBad)
  }

  // MARK: playing

  @Test func playbackKeysChangePlayback() throws {
    var model = try ScreenFixture.filled(Self.size, playback: Playback(speed: 1))
    ScreenFixture.press(.character(" "), on: &model)
    #expect(model.playback?.isPaused == true && model.frozen == nil)
    ScreenFixture.press(.character("v"), on: &model)
    #expect(model.playback?.isPaused == false && model.playback?.isSteppingToVerdict == true)
    ScreenFixture.press(.character("+"), .character("+"), .character("-"), on: &model)
    #expect(model.playback?.speed == 2)
    ScreenFixture.press(.character("e"), on: &model)
    #expect(model.playback?.speed == .infinity)
    ScreenFixture.press(.character("-"), on: &model)
    #expect(model.playback?.speed == 16)
  }

  // MARK: mouse

  @Test func aClickSelectsAndASecondOpens() throws {
    var model = try Self.model()
    let list = try #require(ScreenLayout(model).frame(of: .board)).list
    let keys = model.keys(of: .board)
    _ = ScreenUpdate.apply(.pressed(row: list.lowerBound + 2, column: 5), to: &model)
    #expect(model.selectedKey(in: .board) == keys[2])
    #expect(model.detail == nil)
    _ = ScreenUpdate.apply(.pressed(row: list.lowerBound + 2, column: 5), to: &model)
    #expect(model.detail == .emit(keys[2]))
  }

  @Test func aClickOnATabChoosesItsPane() throws {
    var model = try Self.model()
    let title = try #require(ScreenLayout(model).frames.first).title
    let line = ScreenFixture.text(model).split(separator: "\n", omittingEmptySubsequences: false)[title]
    for (name, pane) in [
      ("Events", ScreenModel.Pane.events), ("Stream", .stream), ("Connections", .connections),
    ] {
      let place = try #require(line.range(of: name)).lowerBound
      let column = line.distance(from: line.startIndex, to: place)
      _ = ScreenUpdate.apply(.pressed(row: title, column: column), to: &model)
      #expect(model.pane == pane)
    }
  }

  @Test func theWheelScrollsWhatIsUnderIt() throws {
    var model = try ScreenFixture.filled(ScreenFixture.sizes[2])
    let frame = try #require(ScreenLayout(model).frame(of: .stream))
    let before = model.position(of: .stream).index
    _ = ScreenUpdate.apply(.wheel(row: frame.list.lowerBound, column: 3, isUp: true), to: &model)
    #expect(model.position(of: .stream).index == before - 3)
    #expect(!model.isFollowing)
    #expect(model.pane == .board)
    ScreenFixture.press(.character("?"), on: &model)
    _ = ScreenUpdate.apply(.wheel(row: 9, column: 3, isUp: false), to: &model)
    #expect(model.scroll == 3)
  }

  @Test func anyClickAnywhereIsHarmless() throws {
    for size in ScreenFixture.sizes.prefix(3) {
      let start = try ScreenFixture.filled(size)
      for row in 0..<size.rows {
        for column in stride(from: 0, to: size.columns, by: 19) {
          var model = start
          _ = ScreenUpdate.apply(.pressed(row: row, column: column), to: &model)
          _ = ScreenUpdate.apply(.pressed(row: row, column: column), to: &model)
        }
      }
    }
  }

  @Test(arguments: 1...4)
  func anyKeysInAnyOrderKeepTheScreenWhole(_ seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var model = try Self.model()
    let keys: [ScreenKey] =
      [
        .up, .down, .left, .right, .home, .end, .pageUp, .pageDown, .tab, .backTab, .enter, .escape,
        .backspace,
        .delete, .control("u"), .control("d"), .control("l"),
      ] + "hjklgG?/fscwybnNv+-e 1234~x\"".map { ScreenKey.character($0) }
    var seq = 1000
    for _ in 0..<200 {
      let key = keys[Int(random.next() % UInt64(keys.count))]
      _ = ScreenUpdate.apply(.key(key), to: &model)
      switch random.next() % 6 {
      case 0:
        seq += 1
        ScreenFixture.feed(ScreenFixture.emit(seq, at: 12), to: &model)
      case 1:
        seq += 1
        if let emit = model.traffic.open.keys.min() {
          ScreenFixture.feed(ScreenFixture.ack(seq, of: emit, at: 12), to: &model)
        }
      case 2:
        let size = ScreenSize(columns: Int(random.next() % 150), rows: Int(random.next() % 50))
        _ = ScreenUpdate.apply(.resized(size), to: &model)
      default: _ = ScreenUpdate.apply(.ticked, to: &model)
      }
      ScreenViewTests.expectWhole(ScreenView.grid(model, palette: .sixteen))
    }
  }
}

/// Numbers that a seed repeats.
struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
