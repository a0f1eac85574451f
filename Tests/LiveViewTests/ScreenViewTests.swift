import CaptureFormat
import Testing

@testable import LiveView

/// Every pane and state, at every size, as text.
@Suite struct ScreenViewTests {
  /// What is done to a filled model before it is looked at.
  enum State: String, CaseIterable {
    case board, boardSelected = "board-selected", events, stream, connections, empty, waiting
    case emitPending = "emit-pending", emitEnded = "emit-ended", emitBinary = "emit-binary", record
    case connection, help, filterFault = "filter-fault", filtered, searched, frozen, alerts
    case played, playedToEnd = "played-to-end", slice
    case emitAnswered = "emit-answered", filteredOut = "filtered-out", sampled, undecodable, ended
  }

  static func model(_ state: State, _ size: ScreenSize) throws -> ScreenModel {
    var model = try ScreenFixture.filled(size)
    func select(seq: Int) {
      let index = model.keys(of: .board).firstIndex(of: seq) ?? 0
      for _ in 0..<index { ScreenFixture.press(.down, on: &model) }
    }
    switch state {
    case .board: break
    case .boardSelected: ScreenFixture.press(.down, .down, .down, on: &model)
    case .events: ScreenFixture.press(.character("2"), on: &model)
    case .stream: ScreenFixture.press(.character("3"), on: &model)
    case .connections: ScreenFixture.press(.character("4"), on: &model)
    case .empty: model = ScreenFixture.model(size)
    case .waiting:
      model = ScreenFixture.model(size, captureName: nil)
      ScreenFixture.feed(
        #"{"type":"capture","seq":1,"ts":"2026-11-23T10:00:12Z","schema":"ackscope.capture/1","listen":"http://127.0.0.1:8090","upstream":"http://127.0.0.1:3000"}"#,
        to: &model)
      model.now = ScreenFixture.now
    case .emitPending: ScreenFixture.press(.enter, on: &model)
    case .emitEnded:
      ScreenFixture.press(.end, .enter, on: &model)
    case .emitBinary:
      let seq = model.boardRows.first {
        model.traffic.events.rows[$0.event].event == Array(#""upload""#.utf8)
      }?.seq
      select(seq: try #require(seq))
      ScreenFixture.press(.enter, on: &model)
      if size.rows < 40 { ScreenFixture.press(.end, on: &model) }
    case .record:
      let finding = try #require(
        model.keys(of: .stream).first { model.traffic.withRecord($0) { $0?.kind == .finding } })
      model.detail = .record(finding)
    case .connection: ScreenFixture.press(.character("4"), .enter, on: &model)
    case .help: ScreenFixture.press(.character("?"), on: &model)
    case .filterFault:
      ScreenFixture.press(.character("/"), on: &model)
      ScreenFixture.type("~v lost", on: &model)
    case .filtered:
      ScreenFixture.press(.character("/"), on: &model)
      ScreenFixture.type("~ns /chat | ~overdue", on: &model)
      ScreenFixture.press(.enter, on: &model)
    case .searched:
      ScreenFixture.press(.enter, .character("/"), on: &model)
      ScreenFixture.type("session", on: &model)
      ScreenFixture.press(.enter, on: &model)
    case .frozen:
      ScreenFixture.press(.character(" "), on: &model)
      ScreenFixture.feed(ScreenFixture.emit(900, at: 13), to: &model)
      model.now.microseconds += 60_000_000
    case .alerts:
      model.traffic.alert("the capture 'x.jsonl' cannot be written: No space left on device", model.now)
    case .played, .playedToEnd:
      var playback = Playback(speed: 4)
      playback.isPaused = state == .played
      playback.isAtEnd = state == .playedToEnd
      playback.length = 65_000_000
      playback.size = 48_300
      model = try ScreenFixture.filled(size, playback: playback)
    case .slice: ScreenFixture.press(.character("w"), on: &model)
    case .emitAnswered:
      let ack = try #require(
        model.keys(of: .stream).last { model.traffic.withRecord($0) { $0?.integer(.ackOf) != nil } })
      model.detail = EmitStory.subject(of: ack, in: model.traffic)
    case .filteredOut:
      ScreenFixture.press(.character("/"), on: &model)
      ScreenFixture.type("~ev nowhere", on: &model)
      ScreenFixture.press(.enter, .character("4"), on: &model)
    case .sampled:
      var skipped = SkippedRecords()
      for seq in 1000..<3500 {
        _ = ScreenFixture.skip(
          ScreenFixture.emit(seq, id: seq % 2 == 0 ? seq : nil, event: "flood"), &skipped)
      }
      model.traffic.recordsSkipped(skipped.take(elapsed: 0), at: model.now)
      ScreenFixture.press(.character("3"), on: &model)
    case .undecodable:
      ScreenFixture.feed(
        ScreenFixture.line(
          "undecodable", 900, at: 12, #""conn":1,"from":"client","offset":69,"reason":"reserved opcode""#),
        to: &model)
      ScreenFixture.press(.character("4"), on: &model)
    case .ended:
      ScreenFixture.feed(ScreenFixture.line("end", 900, at: 12, #""emits":1"#), to: &model)
    }
    return model
  }

  @Test(arguments: State.allCases, ScreenFixture.sizes)
  func aStateLooksLikeItsSnapshot(_ state: State, _ size: ScreenSize) throws {
    let grid = ScreenView.grid(try Self.model(state, size), palette: .extended)
    Snapshot.expect(grid.text, matches: "screen-\(state.rawValue)-\(size.columns)x\(size.rows).txt")
  }

  @Test(arguments: State.allCases)
  func anySizeHoldsAnyState(_ state: State) throws {
    for (columns, rows) in [
      (1, 1), (2, 3), (10, 5), (39, 9), (41, 13), (59, 14), (80, 19), (99, 30), (400, 100),
    ] {
      let size = ScreenSize(columns: columns, rows: rows)
      let grid = ScreenView.grid(try Self.model(state, size), palette: .plain)
      #expect(grid.size == size)
      Self.expectWhole(grid)
    }
  }

  /// Each row has exactly its columns: wide characters with their empty second cell, and nothing else without width.
  static func expectWhole(_ grid: CellGrid, sourceLocation: SourceLocation = #_sourceLocation) {
    let fault = fault(in: grid)
    #expect(fault == nil, sourceLocation: sourceLocation)
  }

  private static func fault(in grid: CellGrid) -> String? {
    for row in 0..<grid.size.rows {
      let cells = Array(grid.row(row))
      for (column, cell) in cells.enumerated() {
        let place = "row \(row), column \(column)"
        if cell.width == 2, column + 1 == cells.count || cells[column + 1].width != 0 {
          return "\(place): half a wide character"
        }
        if cell.width == 0, column == 0 || cells[column - 1].width != 2 || !cell.text.isEmpty {
          return "\(place): a cell without width"
        }
        if cell.width > 0, cell.text.isEmpty { return "\(place): an empty cell" }
        if let scalar = cell.text.unicodeScalars.first(where: { TerminalText.isHarmful($0.value) }) {
          return "\(place): \(scalar.debugDescription)"
        }
      }
    }
    return nil
  }

  @Test func whatIsSelectedIsReversed() throws {
    let model = try ScreenFixture.filled(ScreenFixture.sizes[1])
    let layout = ScreenLayout(model)
    for palette in Palette.allCases {
      let grid = ScreenView.grid(model, palette: palette)
      let list = try #require(layout.frame(of: .board)).list
      #expect(grid.row(list.lowerBound).allSatisfy { $0.style.attributes.contains(.reverse) })
      #expect(grid.row(list.lowerBound + 1).allSatisfy { !$0.style.attributes.contains(.reverse) })
    }
  }

  @Test(arguments: ScreenFixture.sizes)
  func coloursAddNothingButColour(_ size: ScreenSize) throws {
    let model = try ScreenFixture.filled(size)
    let texts = Set(Palette.allCases.map { ScreenView.grid(model, palette: $0).text })
    #expect(texts.count == 1)
    let plain = ScreenView.grid(model, palette: .plain)
    #expect(plain.cells.allSatisfy { $0.style.foreground == -1 && $0.style.background == -1 })
  }

  @Test func sixteenColoursAreAllThatSixteenUses() throws {
    let grid = ScreenView.grid(try ScreenFixture.filled(ScreenFixture.sizes[3]), palette: .sixteen)
    #expect(grid.cells.allSatisfy { (-1..<8).contains($0.style.foreground) })
    // The background stays the terminal's own, light or dark.
    #expect(grid.cells.allSatisfy { $0.style.background == -1 })
  }

  @Test func anEmitThatEndedBadlyLooksWorseThanOneThatWaits() throws {
    let model = try ScreenFixture.filled(ScreenFixture.sizes[2])
    let grid = ScreenView.grid(model, palette: .extended)
    let list = try #require(ScreenLayout(model).frame(of: .board)).list
    let rows = model.boardRows
    for (index, emit) in rows.enumerated() where index > 0 && index < list.count {
      let mark = try #require(grid.row(list.lowerBound + index).first)
      let isFinal = emit.note?.isFinal ?? false
      let isOverdue = emit.age(at: model.now) > model.traffic.ackTimeout
      #expect((mark.text == "✗") == (isFinal && emit.note?.verdict != "late"))
      #expect(
        mark.style
          == Palette.extended.style(
            isFinal && mark.text == "✗" ? .bad : isFinal || isOverdue ? .warning : .text))
    }
  }
}
