import CaptureFormat

// What is looked at closely: the detail and the help.

extension ScreenView {
  /// The lines of the detail or the help, all of them.
  static func closeLines(_ model: ScreenModel) -> [StyledLine] {
    if model.isHelpShown { return ScreenHelp.lines(model) }
    guard let detail = model.detail else { return [] }
    let story = EmitStory(
      traffic: model.shown, now: model.shownNow, advice: model.advice, columns: model.size.columns - 1)
    switch detail {
    case .emit(let seq): return story.lines(ofEmit: seq)
    case .record(let seq): return story.lines(ofRecord: seq)
    case .connection(let number): return story.lines(ofConnection: number)
    }
  }

  /// Draws the detail or the help in place of the lists.
  mutating func drawClose() {
    let lines = Self.closeLines(model)
    let body = layout.body
    guard let title = body.first else { return }
    let page = body.count - 1
    let top = min(model.scroll, max(0, lines.count - 1))
    grid.put(String(repeating: "─", count: columns), row: title, column: 0, style: palette.style(.quiet))
    put(model.isHelpShown ? " Help " : " \(name) ", .title, row: title, column: 0, isSelected: true)
    if lines.count > page {
      let place = " \(min(top + page, lines.count)) of \(lines.count) lines "
      putRight(place, .quiet, row: title, end: columns)
    }
    for (row, line) in zip(body.dropFirst(), lines.dropFirst(top)) {
      put(line, row: row, column: 0)
      if !model.search.isEmpty, !model.isHelpShown { mark(model.search, in: line, row: row) }
    }
  }

  private var name: String {
    switch model.detail {
    case .emit: "Emit"
    case .connection: "Connection"
    case .record, nil: "Record"
    }
  }

  /// Marks what the search finds in a line.
  private mutating func mark(_ search: String, in line: StyledLine, row: Int) {
    let text = Array(line.plain.lowercased())
    let wanted = Array(search.lowercased())
    guard !wanted.isEmpty, text.count >= wanted.count else { return }
    for start in 0...text.count - wanted.count where text[start..<start + wanted.count].elementsEqual(wanted)
    {
      let column = TerminalText.columns(of: String(text[..<start]))
      let width = TerminalText.columns(of: search)
      let style = palette.style(.match, isSelected: true)
      grid.restyle(row: row, columns: column..<column + width) { $0 = style }
    }
  }
}
