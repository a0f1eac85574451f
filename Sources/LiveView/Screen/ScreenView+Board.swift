import CaptureFormat

// The board of emits that nobody has acknowledged.

extension ScreenView {
  /// Where the board's columns begin, and how wide they are; 0 for what has no room.
  private struct BoardColumns {
    var age = 2
    var ageWidth = 9
    var conn = 0
    var connWidth = 0
    var namespace = 0
    var namespaceWidth = 0
    var event = 0
    var eventWidth = 0
    var id = 0
    var idWidth = 0
    var verdict = 0
    var verdictWidth = 0
    var arguments = 0
    var argumentsWidth = 0

    init(_ columns: Int) {
      var place = age + ageWidth + 1
      func next(_ width: Int) -> Int {
        defer { if width > 0 { place += width + 1 } }
        return place
      }
      if columns >= 60 {
        connWidth = columns >= 110 ? 14 : 6
        conn = next(connWidth)
      }
      if columns >= 110 {
        namespaceWidth = columns >= 160 ? 16 : 8
        namespace = next(namespaceWidth)
      }
      eventWidth =
        columns < 60 ? max(8, (columns - place) * 2 / 5) : columns < 110 ? 18 : columns < 160 ? 20 : 30
      event = next(eventWidth)
      if columns >= 60 {
        idWidth = columns >= 110 ? 6 : 4
        id = next(idWidth)
      }
      let wanted = columns >= 130 ? 40 : 35
      verdictWidth = min(wanted, max(columns - place, 0))
      verdict = next(verdictWidth)
      argumentsWidth = max(0, columns - place)
      arguments = place
      if argumentsWidth < 8 {
        argumentsWidth = 0
        verdictWidth = max(0, columns - verdict)
      }
    }
  }

  /// Draws the emits that nobody has acknowledged, and what the selected one means.
  mutating func drawBoard(_ frame: ScreenLayout.Frame) {
    let rows = model.boardRows
    let places = BoardColumns(columns)
    if let row = frame.columns { drawBoardColumns(places, row: row) }
    if rows.isEmpty { return drawEmpty(frame, emptyBoard()) }
    let position = model.position(of: .board)
    for (offset, row) in frame.list.enumerated() {
      let index = position.top + offset
      guard index < rows.count else { break }
      let isSelected = index == position.index
      draw(rows[index], places, row: row, isSelected: isSelected && model.pane == .board)
    }
    if rows.indices.contains(position.index) { explain(rows[position.index], frame) }
  }

  private func emptyBoard() -> [String] {
    if !model.filterText.isEmpty {
      return [
        "No emit here matches the filter \(model.filterText).",
        "Press / and Enter on an empty line to show all.",
      ]
    }
    if traffic.counts.connections == 0, model.playback == nil, !traffic.listen.isEmpty {
      return ["Waiting for the first connection.", "Point the client at \(traffic.listen)"]
    }
    let counts = traffic.counts
    return [
      counts.asked == 0
        ? "No emit has asked for an ack yet."
        : counts.endedBadly == 0
          ? "Every emit that asked for an ack has got it."
          : "No emit waits. \(WireText.count(counts.endedBadly)) ended without an ack and were cleared from here.",
      "Emits that wait for their ack show here at once, and stay, with the reason, if none comes.",
    ]
  }

  private mutating func drawBoardColumns(_ places: BoardColumns, row: Int) {
    putRight("waited", .quiet, row: row, end: places.age + places.ageWidth)
    if places.connWidth > 0 {
      put(
        places.connWidth > 8 ? "conn, from" : "conn", .quiet, row: row, column: places.conn,
        limit: places.connWidth)
    }
    put(
      places.namespaceWidth < 9 ? "ns" : "namespace", .quiet, row: row, column: places.namespace,
      limit: places.namespaceWidth)
    put("event", .quiet, row: row, column: places.event, limit: places.eventWidth)
    putRight(places.idWidth > 0 ? "id" : "", .quiet, row: row, end: places.id + places.idWidth)
    put("why there is no ack", .quiet, row: row, column: places.verdict, limit: places.verdictWidth)
    put("arguments", .quiet, row: row, column: places.arguments, limit: places.argumentsWidth)
  }

  private mutating func draw(_ emit: BoardEmit, _ places: BoardColumns, row: Int, isSelected: Bool) {
    let verdict = emit.verdict(at: now, ackTimeout: traffic.ackTimeout)
    let isFinal = emit.note?.isFinal ?? false
    let mark = RecordLine.mark(verdict, isFinal: isFinal)
    put(mark.text, mark.role, row: row, column: 0)
    putRight(
      DurationText.brief(microseconds: emit.age(at: now)), mark.role, row: row,
      end: places.age + places.ageWidth)
    if places.connWidth > 0 {
      let conn = (emit.conn.map { "#\($0)" } ?? "") + " " + RecordLine.arrow(emit.from)
      put(
        places.connWidth > 8 ? conn + " " + emit.from.name : conn, row: row, column: places.conn,
        limit: places.connWidth)
    }
    if traffic.events.rows.indices.contains(emit.event) {
      let event = traffic.events.rows[emit.event]
      let namespace = WireText.shown(event.namespace, columns: 40)
      var column = places.event
      let end = places.event + places.eventWidth
      if places.namespaceWidth > 0 {
        put(namespace, .quiet, row: row, column: places.namespace, limit: places.namespaceWidth)
      } else if namespace != "/" {
        column = put(namespace + " ", .quiet, row: row, column: column, limit: places.eventWidth / 2)
      }
      put(WireText.name(event.event), .name, row: row, column: column, limit: end - column)
    }
    if places.idWidth > 0 {
      putRight(emit.id, row: row, end: places.id + places.idWidth, width: places.idWidth)
    }
    put(why(emit, verdict), row: row, column: places.verdict, limit: places.verdictWidth)
    if places.argumentsWidth > 0 {
      let text = traffic.withRecord(of: emit) { record in
        record.map { WireText.arguments($0[.args] ?? $0[.text], columns: places.argumentsWidth) } ?? ""
      }
      put(text, .quiet, row: row, column: places.arguments, limit: places.argumentsWidth)
    }
    if isSelected { select(row: row) }
  }

  /// Verdict and cause; where both do not fit, the cause says more.
  private func why(_ emit: BoardEmit, _ verdict: String) -> StyledLine {
    let isFinal = emit.note?.isFinal ?? false
    let mark = RecordLine.mark(verdict, isFinal: isFinal)
    guard isFinal else {
      guard verdict == "overdue" else { return StyledLine("waiting") }
      var line = StyledLine("overdue", .warning)
      // The connection may have ended already: the final word follows when nothing can change it any more.
      if let cause = emit.note?.cause {
        line.append(": " + TerminalText.harmless(cause), .warning)
      } else if columns >= 60 {
        let brief = EmitCircumstances(traffic: traffic, emit: emit).brief
        if !brief.isEmpty { line.append(": " + brief, .warning) }
      }
      return line
    }
    var line = StyledLine(TerminalText.harmless(verdict), mark.role)
    if let cause = emit.note?.cause { line.append(": " + TerminalText.harmless(cause), mark.role) }
    if columns < 70, let cause = emit.note?.cause {
      line = StyledLine(TerminalText.harmless(cause), mark.role)
    }
    return line
  }

  /// What the selected emit's verdict means, and what to look at next.
  private mutating func explain(_ emit: BoardEmit, _ frame: ScreenLayout.Frame) {
    guard !frame.explanation.isEmpty else { return }
    let verdict = emit.verdict(at: now, ackTimeout: traffic.ackTimeout)
    var text = ""
    if traffic.events.rows.indices.contains(emit.event) {
      text = WireText.name(traffic.events.rows[emit.event].event, columns: 24)
    }
    text += emit.id.isEmpty ? "" : " id \(emit.id)"
    let circumstances =
      verdict == "overdue" && emit.note?.cause == nil
      ? EmitCircumstances(traffic: traffic, emit: emit).sentences : ""
    text += ": " + (circumstances.isEmpty ? model.advice(verdict, emit.note?.cause) : circumstances)
    if emit.note?.isFinal == true, let certainty = emit.note?.certainty {
      text += " (\(TerminalText.harmless(certainty)))"
    }
    let lines = StyledLine.wrapped(text, columns: columns - 2)
    for (row, line) in zip(frame.explanation, lines) {
      put("▏ ", .quiet, row: row, column: 0)
      put(line, row: row, column: 2)
    }
    if lines.count > frame.explanation.count, let last = frame.explanation.last {
      put("…", row: last, column: columns - 1)
    }
  }
}
