import CaptureFormat

/// What the screen shows: a pure function of the model, the size in it, and a palette.
package struct ScreenView {
  let model: ScreenModel
  let traffic: TrafficModel
  let now: CaptureTimestamp
  let layout: ScreenLayout
  let palette: Palette
  var grid: CellGrid

  var columns: Int { grid.size.columns }

  private init(_ model: ScreenModel, _ palette: Palette) {
    self.model = model
    traffic = model.shown
    now = model.shownNow
    layout = ScreenLayout(model)
    self.palette = palette
    grid = CellGrid(size: model.size)
  }

  /// The screen for a model.
  package static func grid(_ model: ScreenModel, palette: Palette) -> CellGrid {
    var view = ScreenView(model, palette)
    view.drawHeader()
    if model.isHelpShown || model.detail != nil {
      view.drawClose()
    } else {
      for frame in view.layout.frames { view.draw(frame) }
    }
    view.drawStatus()
    return view.grid
  }

  // MARK: pieces

  /// Puts text, and returns the column behind it.
  @discardableResult
  mutating func put(
    _ text: String, _ role: CellRole = .text, row: Int, column: Int, limit: Int = .max,
    isSelected: Bool = false
  ) -> Int {
    guard limit > 0 else { return column }
    return column
      + grid.put(
        text, row: row, column: column, limit: limit, style: palette.style(role, isSelected: isSelected))
  }

  /// Puts a line's pieces one behind another.
  @discardableResult
  mutating func put(_ line: StyledLine, row: Int, column: Int, limit: Int = .max, isSelected: Bool = false)
    -> Int
  {
    let end = min(limit == .max ? columns : column + limit, columns)
    var place = column
    for span in line.spans where place < end {
      place = put(span.text, span.role, row: row, column: place, limit: end - place, isSelected: isSelected)
    }
    return place
  }

  /// Puts text so that it ends at a column, in at most `width` columns.
  mutating func putRight(
    _ text: String, _ role: CellRole = .text, row: Int, end: Int, width: Int = .max, isSelected: Bool = false
  ) {
    let width = min(TerminalText.columns(of: text), end, width)
    put(text, role, row: row, column: end - width, limit: width, isSelected: isSelected)
  }

  /// Makes a whole row look selected.
  mutating func select(row: Int) {
    let style = palette.style(.text, isSelected: true)
    grid.restyle(row: row, columns: 0..<columns) { cell in
      if !cell.attributes.contains(.reverse) { cell = style }
    }
  }

  private mutating func draw(_ frame: ScreenLayout.Frame) {
    drawTitle(frame)
    switch frame.pane {
    case .board: drawBoard(frame)
    case .events: drawEvents(frame)
    case .stream: drawStream(frame)
    case .connections: drawConnections(frame)
    }
  }

  /// Words in the middle of an empty list.
  mutating func drawEmpty(_ frame: ScreenLayout.Frame, _ lines: [String]) {
    var row = frame.list.lowerBound + max(0, (frame.list.count - lines.count) / 3)
    for (index, text) in lines.enumerated() {
      for line in StyledLine.wrapped(text, columns: columns - 2, indent: 2, index == 0 ? .text : .quiet) {
        guard row < frame.list.upperBound else { return }
        put(line, row: row, column: 0)
        row += 1
      }
    }
  }

  // MARK: titles

  /// The tabs of a frame's title line: a pane's number, its name, and where it stands.
  private static func tabs(_ model: ScreenModel, _ frame: ScreenLayout.Frame) -> [(
    pane: ScreenModel.Pane, text: String
  )] {
    let traffic = model.shown
    let layout = ScreenLayout(model)
    let columns = model.size.columns
    let isNarrow = columns < 70
    func text(_ pane: ScreenModel.Pane) -> String {
      switch pane {
      case .board:
        let count = traffic.counts.pending + traffic.ended.count + traffic.endedUnlisted
        return columns < 50
          ? "1 Unack \(count)" : isNarrow ? "1 Unacked \(count)" : "1 Unacknowledged \(count)"
      case .events:
        return columns < 50 ? "2 Event" : isNarrow ? "2 Events" : "2 Events \(traffic.events.rows.count)"
      case .stream: return "3 Stream"
      case .connections: return isNarrow ? "4 Conn" : "4 Connections \(traffic.counts.openConnections)"
      }
    }
    let panes: [ScreenModel.Pane] =
      !layout.isSplit
      ? ScreenModel.Pane.allCases
      : frame.pane == .board ? [.board] : [.events, .stream, .connections]
    return panes.map { ($0, text($0)) }
  }

  /// The pane whose tab stands at a column of a title line.
  static func tab(at column: Int, _ model: ScreenModel, _ frame: ScreenLayout.Frame) -> ScreenModel.Pane? {
    var start = 0
    for tab in tabs(model, frame) {
      let end = start + tab.text.count + 2
      if column < end { return tab.pane }
      start = end
    }
    return nil
  }

  private mutating func drawTitle(_ frame: ScreenLayout.Frame) {
    var column = 0
    let tabs = Self.tabs(model, frame)
    grid.put(
      String(repeating: "─", count: columns), row: frame.title, column: 0, style: palette.style(.quiet))
    for tab in tabs {
      let isShown = tab.pane == frame.pane
      let isFocused = isShown && tab.pane == model.pane
      column = put(
        " \(tab.text) ", isShown ? .title : .quiet, row: frame.title, column: column, isSelected: isFocused)
    }
    let right = note(frame.pane)
    let room = columns - column - 2
    if !right.isEmpty, room >= 8 {
      let width = min(TerminalText.columns(of: right), room)
      put(" " + right + " ", .quiet, row: frame.title, column: columns - width - 2, limit: width + 2)
    }
  }

  /// What else is to be known of a list: order, filter, what is left out.
  private func note(_ pane: ScreenModel.Pane) -> String {
    var notes: [String] = []
    if !model.filterText.isEmpty { notes.append("filter: " + model.filterText) }
    switch pane {
    case .board:
      let unlisted = max(0, traffic.counts.pending - traffic.open.count)
      if unlisted > 0 { notes.append("\(WireText.count(unlisted)) more wait, not listed") }
      if traffic.endedUnlisted > 0 {
        notes.append("\(WireText.count(traffic.endedUnlisted)) more ended, not listed")
      }
      if traffic.endedCleared > 0 { notes.append("\(WireText.count(traffic.endedCleared)) cleared") }
      if columns >= 70 { notes.append("by " + model.boardOrder.rawValue) }
    case .events: if columns >= 70 { notes.append("by " + model.eventOrder.rawValue) }
    case .stream:
      if traffic.skippedPackets > 0 {
        notes.append("\(WireText.count(traffic.skippedPackets)) came too fast to be kept here")
      }
      notes.append(model.isFollowing && model.frozen == nil ? "following" : "f follows")
    case .connections:
      if traffic.connections.forgotten > 0 {
        notes.append("\(traffic.connections.forgotten) older not listed")
      }
    }
    return notes.joined(separator: " · ")
  }
}
