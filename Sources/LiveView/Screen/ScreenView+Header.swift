import CaptureFormat

// The header, the alert line and the status line.

extension ScreenView {
  private static let blocks = Array("▁▂▃▄▅▆▇█")

  /// Numbers as blocks, the largest one full; what is not 0 is never empty.
  static func blocks(_ numbers: [Int]) -> String {
    let largest = max(numbers.max() ?? 0, 1)
    return String(
      numbers.map { number in
        number <= 0 ? " " : blocks[min(blocks.count - 1, (number * blocks.count - 1) / largest)]
      })
  }

  /// Draws the header in as many lines as the layout gives it, and the last alert.
  mutating func drawHeader() {
    switch layout.header.count {
    case 3:
      drawRoute(row: 0)
      put(
        flow(withHistory: columns >= 150 ? 30 : columns >= 110 ? 16 : columns >= 70 ? 12 : 0), row: 1,
        column: 0)
      put(totals(), row: 2, column: 0)
    case 2:
      drawRoute(row: 0)
      put(brief(), row: 1, column: 0)
    default: put(brief(), row: 0, column: 0)
    }
    // What goes on being wrong before what happened once.
    if let row = layout.alert, let alert = traffic.alerts.last(where: \.lasts) ?? traffic.alerts.last {
      let many = traffic.alerts.count > 1 ? "\(traffic.alerts.count) alerts: " : ""
      put(String(repeating: " ", count: columns), .alarm, row: row, column: 0)
      put(" ✗ \(many)\(alert.text)", .alarm, row: row, column: 0, limit: columns - 1)
    }
  }

  private mutating func drawRoute(row: Int) {
    var column = put("ackscope ", .title, row: row, column: 0)
    let right = state()
    let room = columns - TerminalText.columns(of: right.plain) - 1
    if model.playback != nil {
      column = put("plays ", row: row, column: column, limit: room - column)
      put(model.presentFile ?? "", .name, row: row, column: column, limit: room - column)
    } else if traffic.listen.isEmpty {
      put("starting", .quiet, row: row, column: column, limit: room - column)
    } else {
      column = put(traffic.listen, .name, row: row, column: column, limit: room - column)
      column = put(" → ", .quiet, row: row, column: column, limit: room - column)
      put(traffic.upstream, .name, row: row, column: column, limit: room - column)
    }
    put(right, row: row, column: max(0, columns - TerminalText.columns(of: right.plain)))
  }

  /// What stands at the right end of the first line: how the screen stands, and the time.
  private func state() -> StyledLine {
    var line = StyledLine()
    if model.frozen != nil {
      let newer = model.traffic.counts.records - traffic.counts.records
      line.append(" FROZEN ", .alarm)
      line.append(" \(WireText.count(newer)) newer  ", .warning)
    }
    let end = traffic.hasEnded ? traffic.lastTime : now
    let elapsed = traffic.started.map { Int(end.since($0)) } ?? 0
    guard let playback = model.playback else {
      if traffic.hasEnded { line.append(" ENDED ", .title) }
      line.append(" " + WireText.clock(microseconds: elapsed), .quiet)
      return line
    }
    if playback.isAtEnd && (!playback.isFollowing || traffic.hasEnded) {
      line.append(" END ", .title)
    } else if playback.isPaused {
      line.append(" PAUSED ", .alarm)
    } else if playback.isFollowing {
      line.append(" following ", .good)
    } else {
      line.append(" ▶ " + Self.speed(playback.speed), .good)
    }
    line.append(" " + WireText.clock(microseconds: elapsed))
    if let length = playback.length, !playback.isFollowing {
      line.append(" of " + WireText.clock(microseconds: length), .quiet)
    }
    return line
  }

  /// `2×`, `½×` as `0.5×`, or `at once`.
  static func speed(_ speed: Double) -> String {
    if speed.isInfinite { return "at once" }
    return speed >= 1 && speed == speed.rounded() ? "\(Int(speed))×" : "\(speed)×"
  }

  private func rate(isFromServer: Bool) -> Int {
    let second = Int(now.microseconds / 1_000_000)
    return traffic.rates.history(isFromServer: isFromServer, now: second, length: 1).last ?? 0
  }

  /// The second line: connections, sessions, messages a second each way.
  private func flow(withHistory length: Int) -> StyledLine {
    let counts = traffic.counts
    var line = StyledLine()
    line.append(WireText.count(counts.openConnections), .title)
    line.append(columns < 60 ? " conn " : " of \(WireText.count(counts.connections)) connections open  ")
    if columns >= 70 {
      line.append(WireText.count(counts.sessions), .title)
      line.append(counts.sessions == 1 ? " session  " : " sessions  ")
    }
    let second = Int(now.microseconds / 1_000_000)
    for isFromServer in [false, true] {
      let name = isFromServer ? "from server" : "from client"
      line.append(
        columns < 70
          ? (isFromServer ? "← " : "→ ") : columns < 110 ? (isFromServer ? " ← " : "→ ") : "  \(name) ")
      line.append(WireText.count(rate(isFromServer: isFromServer)), .title)
      line.append("/s ")
      if length > 0 {
        line.append(
          Self.blocks(traffic.rates.history(isFromServer: isFromServer, now: second, length: length)), .name)
      }
    }
    return line
  }

  /// The third line: emits, acks, latencies, the capture.
  private func totals() -> StyledLine {
    let counts = traffic.counts
    var line = StyledLine()
    line.append(WireText.count(counts.emits), .title)
    line.append(counts.emits == 1 ? " emit  " : " emits  ")
    line.append(WireText.count(counts.acks), .title)
    line.append(counts.acks == 1 ? " ack  " : " acks  ")
    if columns >= 60, counts.unconfirmed > 0 {
      line.append("\(WireText.count(counts.unconfirmed)) asked for none  ")
    }
    if let p50 = traffic.latencies.percentile(50), let p99 = traffic.latencies.percentile(99) {
      line.append("p50 ", .quiet)
      line.append(DurationText.words(microseconds: p50), .title)
      line.append("  p99 ", .quiet)
      line.append(DurationText.words(microseconds: p99) + "  ", .title)
    }
    if let size = model.playback?.size, columns >= 60 { line.append("file " + WireText.size(size), .quiet) }
    if model.playback == nil, columns >= 60 {
      if let name = model.presentFile {
        // The size first: a long path is cut where the line ends.
        if traffic.alerts.contains(where: \.lasts) {
          line.append("✗ not written: ", .bad)
        } else {
          line.append("capture ", .quiet)
          line.append(WireText.size(counts.bytes) + (traffic.presentFile == nil ? " " : " in all, "))
        }
        line.append(name, .name)
      } else {
        line.append("no capture", .quiet)
      }
    }
    return line
  }

  /// The most that must be said, in one line.
  private func brief() -> StyledLine {
    let counts = traffic.counts
    var line = StyledLine()
    if layout.header.count == 1, let playback = model.playback {
      line.append(playback.isPaused ? "paused " : playback.isAtEnd ? "end " : "", .title)
    }
    if model.frozen != nil, layout.header.count == 1 { line.append(" FROZEN ", .alarm) }
    line.append("\(WireText.count(counts.pending)) waiting", counts.pending > 0 ? .warning : .text)
    line.append(" \(WireText.count(counts.endedBadly)) without ack", counts.endedBadly > 0 ? .bad : .text)
    line.append(
      "  → \(WireText.count(rate(isFromServer: false)))/s ← \(WireText.count(rate(isFromServer: true)))/s")
    line.append("  \(WireText.count(counts.emits)) emits", .quiet)
    return line
  }

  // MARK: status

  /// Draws the prompt, the last notice, or the keys that matter here.
  mutating func drawStatus() {
    let row = layout.status
    if let prompt = model.prompt { return draw(prompt, row: row) }
    if let notice = model.notice {
      put((model.noticeIsBad ? "✗ " : "") + notice, model.noticeIsBad ? .bad : .text, row: row, column: 0)
      return
    }
    var column = 0
    for (key, meaning) in keys() {
      let width = TerminalText.columns(of: key) + TerminalText.columns(of: meaning) + 1
      guard column + width <= columns else { break }
      column = put(key, .key, row: row, column: column)
      column = put(" " + meaning, .quiet, row: row, column: column) + 2
    }
  }

  /// The keys that matter most where one is, most useful first.
  private func keys() -> [(String, String)] {
    if model.isHelpShown { return [("q", "back"), ("↑↓", "scroll")] }
    if model.detail != nil {
      return [
        ("q", "back"), ("↑↓", "scroll"), ("/", "search"), ("y", "copy"), ("w", "save slice"), ("?", "help"),
      ]
    }
    var keys: [(String, String)] = [
      ("?", "help"), ("Enter", "story"), ("q", model.quitEnds), ("Tab", "pane"),
    ]
    if let playback = model.playback {
      if !playback.isAtEnd || playback.isFollowing {
        keys += [("space", playback.isPaused ? "play" : "pause"), ("v", "next verdict"), ("+-", "speed")]
      }
    } else {
      keys.append(("space", model.frozen == nil ? "freeze" : "go on"))
    }
    return keys + [("/", "filter"), ("↑↓", "select"), ("s", "sort"), ("c", "clear"), ("w", "save slice")]
  }

  private mutating func draw(_ prompt: ScreenPrompt, row: Int) {
    let label: String
    switch prompt.purpose {
    case .filter: label = "filter: "
    case .search: label = "search: "
    case .slice: label = "save slice as: "
    }
    var column = put(label, .key, row: row, column: 0)
    // What is left of the caret stays in sight.
    let room = max(columns - column - 1, 1)
    var start = 0
    func width(_ start: Int) -> Int { TerminalText.columns(of: String(prompt.text[start..<prompt.caret])) }
    while start < prompt.caret, width(start) >= room { start += 1 }
    column = put(String(prompt.text[start...]), row: row, column: column, limit: room)
    let caret = min(label.count + width(start), columns - 1)
    grid.restyle(row: row, columns: caret..<caret + 1) { $0.attributes.formSymmetricDifference(.reverse) }
    guard row > 0, prompt.purpose == .filter else { return }
    let text = String(prompt.text)
    let hints: [StyledLine]
    if let fault = FilterText.fault(in: text) {
      hints = StyledLine.wrapped("✗ column \(fault.column): \(fault.message)", columns: columns, .bad)
    } else if text.allSatisfy({ $0.isWhitespace }) {
      let examples =
        "like ~ev send & ~from client, ~conn 3, ~ns /chat, ~v unanswered, ~age >2s; empty shows all"
      hints = StyledLine.wrapped(examples, columns: columns, .quiet)
    } else {
      hints = [StyledLine("✓ Enter applies, Esc leaves things as they were", .good)]
    }
    for (offset, hint) in hints.suffix(row).enumerated() {
      let place = row - min(hints.count, row) + offset
      put(String(repeating: " ", count: columns), row: place, column: 0)
      put(hint, row: place, column: 0)
    }
  }
}
