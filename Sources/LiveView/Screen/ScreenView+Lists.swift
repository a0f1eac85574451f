import CaptureFormat
import JSONText

// Events, stream and connections.

extension ScreenView {
  // MARK: events

  /// Draws a row for each (namespace, peer, event).
  mutating func drawEvents(_ frame: ScreenLayout.Frame) {
    let keys = model.eventRows
    if keys.isEmpty {
      if !traffic.events.rows.isEmpty {
        return drawEmpty(frame, ["No event matches the filter \(model.filterText)."])
      }
      return drawEmpty(
        frame,
        [
          "No event has been emitted yet.",
          "There is a row for each event here, with its acks and how long they took.",
        ])
    }
    let isWide = columns >= 100
    let name =
      columns < 60
      ? max(10, columns - 28) : columns < 100 ? max(14, min(28, columns - 58)) : columns < 160 ? 36 : 50
    let latency = name + 26
    if let row = frame.columns {
      put("   event", .quiet, row: row, column: 0)
      putRight("emits", .quiet, row: row, end: name + 8)
      putRight("acks", .quiet, row: row, end: name + 16)
      putRight("no ack", .quiet, row: row, end: name + 24)
      if columns >= 60 {
        putRight("p50", .quiet, row: row, end: latency + 8)
        putRight("p99", .quiet, row: row, end: latency + 18)
      }
      if columns >= 76 { put("100µs…10s", .quiet, row: row, column: latency + 20) }
      if isWide { put("verdicts", .quiet, row: row, column: latency + 34) }
    }
    var overdue: [Int: Int] = [:]
    for emit in traffic.open.values where emit.verdict(at: now, ackTimeout: traffic.ackTimeout) == "overdue" {
      overdue[emit.event, default: 0] += 1
    }
    let position = model.position(of: .events)
    for (offset, row) in frame.list.enumerated() {
      let index = position.top + offset
      guard index < keys.count else { break }
      let event = traffic.events.rows[keys[index]]
      var column = put(RecordLine.arrow(event.from) + " ", row: row, column: 1)
      let namespace = WireText.shown(event.namespace, columns: 30)
      if namespace != "/" { column = put(namespace + " ", .quiet, row: row, column: column, limit: name / 2) }
      put(WireText.name(event.event), .name, row: row, column: column, limit: max(1, name - column))
      putRight(WireText.count(event.emits), row: row, end: name + 8)
      putRight(event.asked == 0 ? "-" : WireText.count(event.acknowledged), row: row, end: name + 16)
      let late = min(overdue[keys[index]] ?? 0, event.waiting)
      let missing = event.withoutAck + late
      let share = event.asked == 0 ? "-" : "\(missing * 100 / max(event.asked, 1)) %"
      putRight(share, missing > 0 ? .bad : .text, row: row, end: name + 24)
      if columns >= 60 {
        for (percent, end) in [(50, latency + 8), (99, latency + 18)] {
          let value = event.latencies.percentile(percent)
          putRight(value.map { DurationText.brief(microseconds: $0) } ?? "-", row: row, end: end)
        }
      }
      if columns >= 76 {
        put(Self.blocks(event.latencies.bars), .name, row: row, column: latency + 20, limit: 12)
      }
      if isWide { put(verdicts(event, overdue: late), row: row, column: latency + 34) }
      if index == position.index && model.pane == .events { select(row: row) }
    }
  }

  private func verdicts(_ event: EventRow, overdue: Int) -> StyledLine {
    var line = StyledLine()
    if event.asked == 0 { line.append("no ack asked for", .quiet) }
    if overdue > 0 { line.append("\(WireText.count(overdue)) overdue  ", .warning) }
    let waiting = event.waiting - overdue
    if waiting > 0 { line.append("\(WireText.count(waiting)) waiting  ") }
    for (name, count) in zip(EventRow.verdictNames, event.verdicts) where count > 0 {
      line.append("\(count) \(name)  ", name == "late" ? .warning : .bad)
    }
    return line
  }

  // MARK: stream

  /// Draws the packets as they passed.
  mutating func drawStream(_ frame: ScreenLayout.Frame) {
    let seqs = traffic.stream.all
    if seqs.isEmpty {
      let text =
        model.filterText.isEmpty
        ? "No packet has passed yet." : "No packet matches the filter \(model.filterText)."
      return drawEmpty(frame, [text])
    }
    if let row = frame.columns {
      put("time", .quiet, row: row, column: 0)
      put("conn", .quiet, row: row, column: timeWidth + 1)
      put("what passed: → to the server, ← to the client", .quiet, row: row, column: timeWidth + 9)
    }
    let position = model.position(of: .stream)
    for (offset, row) in frame.list.enumerated() {
      let index = position.top + offset
      guard index < seqs.count else { break }
      let isSelected = index == position.index && model.pane == .stream
      drawRecord(seqs[seqs.startIndex + index], row: row)
      if isSelected { select(row: row) }
    }
  }

  private var timeWidth: Int { columns >= 60 ? 12 : 8 }

  private mutating func drawRecord(_ seq: Int, row: Int) {
    let room = columns
    let (time, conn, arrow, line) = traffic.withRecord(seq) {
      record -> (String, String, String, StyledLine) in
      guard let record else { return ("", "", "", StyledLine("this record is no longer kept here", .quiet)) }
      var sink = ByteSink()
      sink.append(timeOfDay: record.time)
      return (
        String(decoding: sink.bytes, as: UTF8.self), record.conn.map { "#\($0)" } ?? "",
        RecordLine.arrow(record.kind == .verdict ? nil : record.from),
        RecordLine.line(record, in: traffic, columns: room)
      )
    }
    put(String(time.prefix(timeWidth)), .quiet, row: row, column: 0)
    put(conn, row: row, column: timeWidth + 1, limit: 5)
    put(arrow, row: row, column: timeWidth + 7)
    put(line, row: row, column: timeWidth + 9)
  }

  // MARK: connections

  /// Draws a row for each connection.
  mutating func drawConnections(_ frame: ScreenLayout.Frame) {
    let rows = model.connectionRows
    if rows.isEmpty {
      if !traffic.connections.rows.isEmpty {
        return drawEmpty(
          frame,
          [
            "No connection matches the filter \(model.filterText).",
            "Connections have a number, a session, and a transport: ~conn, ~sid, ~tr.",
          ])
      }
      return drawEmpty(
        frame,
        traffic.listen.isEmpty
          ? ["No connection yet."] : ["No connection yet.", "Point the client at \(traffic.listen)"])
    }
    let isWide = columns >= 100
    let transport = isWide ? 8 : 6
    let open = transport + (columns >= 60 ? 20 : 9)
    let packets = open + 9
    let pending = packets + (columns >= 60 ? 15 : -1)
    let state = pending + 9
    if let row = frame.columns {
      put("conn", .quiet, row: row, column: 0)
      put("transport", .quiet, row: row, column: transport)
      putRight("for", .quiet, row: row, end: open + 8)
      if columns >= 60 { put("→ packets ←", .quiet, row: row, column: packets + 2) }
      putRight("no ack", .quiet, row: row, end: pending + 8)
      put("state", .quiet, row: row, column: state)
    }
    let position = model.position(of: .connections)
    for (offset, row) in frame.list.enumerated() {
      let index = position.top + offset
      guard index < rows.count else { break }
      let connection = rows[index]
      put("#\(connection.number)", row: row, column: 0, limit: transport - 1)
      let names = ConnectionRowText.transports(connection)
      put(
        columns >= 60 ? names : String(names.suffix(9)), row: row, column: transport,
        limit: open - transport - 1)
      let time = Int((connection.closed ?? now).since(connection.opened))
      putRight(DurationText.brief(microseconds: max(0, time)), row: row, end: open + 8)
      if columns >= 60 {
        putRight(WireText.count(connection.fromClient), row: row, end: packets + 6)
        putRight(WireText.count(connection.fromServer), row: row, end: packets + 13)
      }
      let missing = connection.pending + connection.endedBadly
      putRight("\(missing)", missing > 0 ? .bad : .text, row: row, end: pending + 8)
      var line = StyledLine()
      if !connection.undecodable.isEmpty { line.append("✗ undecodable  ", .bad) }
      if connection.closed == nil {
        line.append("open", .good)
      } else {
        line.append("closed " + ConnectionRowText.ending(connection), .quiet)
      }
      if isWide {
        if let session = connection.session { line.append("  session \(session)") }
        line.append("  " + connection.client, .quiet)
      }
      for finding in connection.findings.prefix(4) { line.append("  ! " + finding, .warning) }
      put(line, row: row, column: state)
      if index == position.index && model.pane == .connections { select(row: row) }
    }
  }
}
