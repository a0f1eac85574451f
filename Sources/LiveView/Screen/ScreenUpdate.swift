import CaptureFormat

/// What keys, the mouse and time do to the screen: the model and an input in, the model and effects out.
package enum ScreenUpdate {
  /// Changes the model as an input asks, and returns what has to be done outside it.
  package static func apply(_ input: ScreenInput, to model: inout ScreenModel) -> [ScreenEffect] {
    let effects: [ScreenEffect]
    switch input {
    case .key(let key):
      model.notice = nil
      effects = keyPressed(key, &model)
    case .pressed(let row, let column): effects = pressed(row, column, &model)
    case .wheel(let row, let column, let isUp):
      wheelTurned(row, column, isUp ? -3 : 3, &model)
      effects = []
    case .resized(let size):
      model.size = size
      effects = []
    case .ticked: effects = []
    }
    rowsChanged(&model)
    return effects
  }

  /// Finds the selected rows again after rows have come and gone.
  private static func rowsChanged(_ model: inout ScreenModel) {
    for frame in ScreenLayout(model).frames {
      let keys = model.keys(of: frame.pane)
      if frame.pane == .stream, model.isFollowing, model.frozen == nil {
        model.positions[frame.pane.rawValue].selected(keys.count - 1, in: keys, height: frame.list.count)
      }
      model.positions[frame.pane.rawValue].rowsChanged(keys, height: frame.list.count)
    }
  }

  private static func keyPressed(_ key: ScreenKey, _ model: inout ScreenModel) -> [ScreenEffect] {
    switch key {
    case .control("z"): return [.suspend]
    case .control("l"): return [.repaint]
    case .control("c"): return [.quit]
    default: break
    }
    if model.prompt != nil { return promptKeyPressed(key, &model) }
    if model.isHelpShown {
      switch key {
      case .character("q"), .character("?"), .escape, .enter, .left, .character("h"): closeHelp(&model)
      default: scrolled(key, &model)
      }
      return []
    }
    switch key {
    case .character("?"):
      model.isHelpShown = true
      model.scroll = 0
    case .character("/"):
      let isSearch = model.detail != nil
      model.prompt = ScreenPrompt(
        isSearch ? .search : .filter, text: isSearch ? model.search : model.filterText)
    case .character(" "): pausedOrFrozen(&model)
    case .character("c"):
      model.traffic.clear()
      model.frozen?.clear()
      model.say("cleared: alerts, and emits that ended without an ack; counts stay")
    case .character("w"):
      let name = CaptureSlice.suggestedName(model)
      model.prompt = ScreenPrompt(.slice, text: name)
    case .character("y"): return copy(&model)
    case .character("v") where model.playback != nil:
      model.playback?.isSteppingToVerdict = true
      model.playback?.isPaused = false
    case .character("+"), .character("="): speedChanged(by: 2, &model)
    case .character("-"): speedChanged(by: 0.5, &model)
    case .character("e") where model.playback != nil:
      model.playback?.speed = .infinity
      model.playback?.isPaused = false
    default:
      if model.detail != nil { return detailKeyPressed(key, &model) }
      return listKeyPressed(key, &model)
    }
    return []
  }

  private static func closeHelp(_ model: inout ScreenModel) {
    model.isHelpShown = false
    model.scroll = 0
  }

  private static func pausedOrFrozen(_ model: inout ScreenModel) {
    if model.playback != nil {
      model.playback?.isPaused.toggle()
      model.playback?.isSteppingToVerdict = false
    } else if model.frozen == nil {
      model.frozen = model.traffic
      model.frozenAt = model.now
    } else {
      model.frozen = nil
    }
  }

  private static func speedChanged(by factor: Double, _ model: inout ScreenModel) {
    guard let speed = model.playback?.speed else { return }
    // From all at once, slower means something that can be watched.
    model.playback?.speed = speed.isInfinite ? 16 : min(max(speed * factor, 1 / 16), 4096)
  }

  private static func copy(_ model: inout ScreenModel) -> [ScreenEffect] {
    guard let text = CaptureSlice.json(model) else {
      model.say("nothing is selected that could be copied", isBad: true)
      return []
    }
    model.say("copied as JSON, where the terminal allows it (OSC 52): \(text.utf8.count) bytes")
    return [.copy(text)]
  }

  // MARK: lists

  private static func listKeyPressed(_ key: ScreenKey, _ model: inout ScreenModel) -> [ScreenEffect] {
    let panes = ScreenModel.Pane.allCases
    switch key {
    case .character("q"): return [.quit]
    case .escape:
      if model.frozen != nil {
        model.frozen = nil
      } else {
        model.traffic.putAlertsAway()
      }
    case .tab, .right, .character("l"): focus(panes[(model.pane.rawValue + 1) % panes.count], &model)
    case .backTab, .left, .character("h"):
      focus(panes[(model.pane.rawValue + panes.count - 1) % panes.count], &model)
    case .character("1"): focus(.board, &model)
    case .character("2"): focus(.events, &model)
    case .character("3"): focus(.stream, &model)
    case .character("4"): focus(.connections, &model)
    case .character("f"):
      model.isFollowing.toggle()
      model.say(model.isFollowing ? "the stream follows the newest packet" : "the stream stays where it is")
    case .character("s"): sortChanged(&model)
    case .character("b"):
      let shows = !model.traffic.showsHeartbeats
      model.traffic.filter(by: model.traffic.filter, showingHeartbeats: shows)
      model.frozen?.filter(by: model.traffic.filter, showingHeartbeats: shows)
      model.say(shows ? "the stream shows heartbeats and transport packets" : "heartbeats are hidden")
    case .enter: open(&model)
    default: moved(key, &model)
    }
    return []
  }

  private static func focus(_ pane: ScreenModel.Pane, _ model: inout ScreenModel) {
    model.pane = pane
    if pane != .board { model.lowerPane = pane }
  }

  private static func sortChanged(_ model: inout ScreenModel) {
    switch model.pane {
    case .board:
      let orders = ScreenModel.BoardOrder.allCases
      model.boardOrder = orders[((orders.firstIndex(of: model.boardOrder) ?? 0) + 1) % orders.count]
      model.say("the board is sorted by \(model.boardOrder.rawValue); those that wait stay on top")
    case .events:
      let orders = ScreenModel.EventOrder.allCases
      model.eventOrder = orders[((orders.firstIndex(of: model.eventOrder) ?? 0) + 1) % orders.count]
      model.say("events are sorted by \(model.eventOrder.rawValue)")
    case .stream, .connections: model.say("this pane has one order: time")
    }
  }

  private static func moved(_ key: ScreenKey, _ model: inout ScreenModel) {
    guard let frame = ScreenLayout(model).frame(of: model.pane) else { return }
    let keys = model.keys(of: model.pane)
    let height = frame.list.count
    guard let rows = rows(for: key, page: height, count: keys.count) else { return }
    model.positions[model.pane.rawValue].rowsChanged(keys, height: height)
    model.positions[model.pane.rawValue].moved(by: rows, in: keys, height: height)
    if model.pane == .stream { model.isFollowing = key == .end || key == .character("G") }
  }

  /// How far a key moves, or nil where it is none that moves.
  private static func rows(for key: ScreenKey, page: Int, count: Int) -> Int? {
    switch key {
    case .up, .character("k"), .control("p"): -1
    case .down, .character("j"), .control("n"): 1
    case .pageUp, .control("b"): -max(page - 1, 1)
    case .pageDown, .control("f"): max(page - 1, 1)
    case .control("u"): -max(page / 2, 1)
    case .control("d"): max(page / 2, 1)
    case .home, .character("g"): -count
    case .end, .character("G"): count
    default: nil
    }
  }

  private static func open(_ model: inout ScreenModel) {
    guard let key = model.selectedKey(in: model.pane) else { return }
    switch model.pane {
    case .board: model.detail = .emit(key)
    case .stream: model.detail = EmitStory.subject(of: key, in: model.shown)
    case .connections: model.detail = .connection(key)
    case .events:
      // An event's emits are found on the board and in the stream.
      let row = model.shown.events.rows[key]
      let name = WireText.plain(row.event)
      setFilter("~ev \(FilterText.pattern(name)) ~from \(row.from.name)", &model)
      focus(.stream, &model)
      model.say("filtered by this event; / and an empty line show all again")
    }
    model.scroll = 0
    model.search = ""
  }

  // MARK: detail and help

  private static func detailKeyPressed(_ key: ScreenKey, _ model: inout ScreenModel) -> [ScreenEffect] {
    switch key {
    case .character("q"), .escape, .left, .character("h"), .backspace:
      model.detail = nil
      model.scroll = 0
    case .character("n"): found(1, &model)
    case .character("N"): found(-1, &model)
    default: scrolled(key, &model)
    }
    return []
  }

  private static func scrolled(_ key: ScreenKey, _ model: inout ScreenModel) {
    let layout = ScreenLayout(model)
    let page = layout.body.count - 1
    let count = ScreenView.closeLines(model).count
    guard let rows = rows(for: key, page: page, count: count) else { return }
    model.scroll = min(max(model.scroll + rows, 0), max(0, count - page))
  }

  /// Scrolls to the next line that the search finds.
  private static func found(_ step: Int, _ model: inout ScreenModel) {
    guard !model.search.isEmpty else { return model.say("search with / first", isBad: true) }
    let lines = ScreenView.closeLines(model)
    let wanted = model.search.lowercased()
    guard !lines.isEmpty else { return }
    for distance in 1...lines.count {
      let index = ((model.scroll + step * distance) % lines.count + lines.count) % lines.count
      if lines[index].plain.lowercased().contains(wanted) {
        model.scroll = index
        return
      }
    }
    let isCut = lines.contains { $0.plain == PrettyJSON.cut }
    model.say(
      "\"\(model.search)\" is not found " + (isCut ? "in what is shown; w saves the rest" : "here"),
      isBad: true)
  }

  // MARK: prompt

  private static func promptKeyPressed(_ key: ScreenKey, _ model: inout ScreenModel) -> [ScreenEffect] {
    guard let prompt = model.prompt else { return [] }
    switch key {
    case .escape: model.prompt = nil
    case .enter: return entered(prompt, &model)
    default: model.prompt?.keyPressed(key)
    }
    return []
  }

  private static func entered(_ prompt: ScreenPrompt, _ model: inout ScreenModel) -> [ScreenEffect] {
    let text = String(prompt.text)
    switch prompt.purpose {
    case .filter:
      guard FilterText.fault(in: text) == nil else { return [] }
      model.prompt = nil
      setFilter(text, &model)
    case .search:
      model.prompt = nil
      model.search = text
      if !text.isEmpty {
        model.scroll -= 1
        found(1, &model)
        model.scroll = max(0, model.scroll)
      }
    case .slice:
      guard !text.isEmpty else { return [] }
      model.prompt = nil
      guard let slice = CaptureSlice.bytes(model) else {
        model.say("nothing is selected that could be saved", isBad: true)
        return []
      }
      return [.write(path: text, slice)]
    }
    return []
  }

  private static func setFilter(_ text: String, _ model: inout ScreenModel) {
    let isEmpty = text.allSatisfy { $0.isWhitespace }
    let filter = isEmpty ? nil : try? CaptureFilter(parsing: text)
    model.filterText = filter == nil ? "" : text
    model.traffic.filter(by: filter, showingHeartbeats: model.traffic.showsHeartbeats)
    model.frozen?.filter(by: filter, showingHeartbeats: model.traffic.showsHeartbeats)
  }

  // MARK: mouse

  private static func pressed(_ row: Int, _ column: Int, _ model: inout ScreenModel) -> [ScreenEffect] {
    guard model.prompt == nil else { return [] }
    if model.isHelpShown {
      closeHelp(&model)
      return []
    }
    guard model.detail == nil else { return [] }
    let layout = ScreenLayout(model)
    for frame in layout.frames {
      if row == frame.title {
        if let pane = ScreenView.tab(at: column, model, frame) { focus(pane, &model) }
      } else if frame.list.contains(row) {
        let keys = model.keys(of: frame.pane)
        let index = model.position(of: frame.pane).top + row - frame.list.lowerBound
        focus(frame.pane, &model)
        guard keys.indices.contains(index) else { return [] }
        if model.position(of: frame.pane).index == index, model.position(of: frame.pane).key != nil {
          open(&model)
        } else {
          model.positions[frame.pane.rawValue].selected(index, in: keys, height: frame.list.count)
          if frame.pane == .stream { model.isFollowing = false }
        }
      }
    }
    return []
  }

  private static func wheelTurned(_ row: Int, _ column: Int, _ rows: Int, _ model: inout ScreenModel) {
    guard model.prompt == nil else { return }
    if model.isHelpShown || model.detail != nil {
      for _ in 0..<abs(rows) { scrolled(rows < 0 ? .up : .down, &model) }
      return
    }
    guard let frame = ScreenLayout(model).frames.first(where: { $0.title...$0.explanation.upperBound ~= row })
    else { return }
    let keys = model.keys(of: frame.pane)
    model.positions[frame.pane.rawValue].moved(by: rows, in: keys, height: frame.list.count)
    if frame.pane == .stream {
      model.isFollowing = rows > 0 && model.position(of: .stream).index == keys.count - 1
    }
  }
}
