/// The help: what is on the screen, and every key.
enum ScreenHelp {
  /// All lines of the help, as wide as the screen.
  static func lines(_ model: ScreenModel) -> [StyledLine] {
    var lines: [StyledLine] = []
    func title(_ text: String) {
      if !lines.isEmpty { lines.append(StyledLine()) }
      lines.append(StyledLine(text, .title))
    }
    func key(_ keys: String, _ meaning: String) {
      let width = 16
      let wrapped = StyledLine.wrapped(meaning, columns: model.size.columns - 1, indent: width)
      for (index, line) in wrapped.enumerated() {
        guard index == 0 else {
          lines.append(line)
          continue
        }
        var first = StyledLine(
          "  " + keys + String(repeating: " ", count: max(1, width - 2 - keys.count)), .key)
        first.append(String(line.plain.dropFirst(width)))
        lines.append(first)
      }
    }
    title("What is a lost message here?")
    lines += StyledLine.wrapped(
      "An emit that asked for an ack waits on the board (1) until its ack comes. What never gets one stays there, with the "
        + "reason as far as the wire shows it. Select it and press Enter for its whole story and what to look at next.",
      columns: model.size.columns - 1, indent: 2)
    title("Signs")
    key("· ! ✗ ✓", "waiting, overdue or late, ended without an ack, acknowledged")
    key("→ ←", "to the server, to the client")
    title("Moving")
    key("↑ ↓  k j", "select a row, scroll")
    key("PgUp PgDn", "a page; Ctrl-B Ctrl-F too, Ctrl-U Ctrl-D half of one")
    key("g G", "first and last; Home and End too")
    key("Tab  ← →  h l", "the next pane; Shift-Tab the one before")
    key("1 2 3 4", "board, events, stream, connections")
    key("Enter", "the story of what is selected; for an event, its packets in the stream")
    key("Esc q", "back; at the top q \(model.quitEnds), and Esc puts an alert away")
    key("mouse", "selects, opens with a second click, scrolls with its wheel")
    title("Showing")
    key("/", "filter; in a story, search, then n and N for the next and the one before")
    key("s", "another order")
    key("f", "the stream follows the newest packet, or stays")
    key("b", "heartbeats and transport packets in the stream, or not")
    key("c", "clear alerts and emits that ended without an ack")
    if model.playback == nil {
      key("space", "freeze the screen, and go on; traffic and counts never stop")
    } else {
      title("Playing a capture")
      key("space", "pause and go on")
      key("v", "play on to the next emit that ended without an ack, and pause")
      key("+ -", "faster, slower")
      key("e", "everything to the end at once")
    }
    title("Taking with you")
    key("y", "copy what is selected as JSON, where the terminal allows it")
    key(
      "w",
      "save what is selected as a capture of its own: an emit with its connection, an event, the rows of the stream"
    )
    key("Ctrl-L Ctrl-Z", "paint anew; to the shell, and back with fg")
    title("Filters")
    for (term, meaning) in [
      ("~ev REGEX", "event"), ("~ns NAME", "namespace"), ("~id N", "ack id"), ("~conn N", "connection"),
      ("~sid TEXT", "session id, or its beginning"), ("~from PEER", "client or server"),
      ("~v VERDICT", "pending, overdue, late, rejected, unanswered …"), ("~cause CAUSE", "why"),
      ("~tr NAME", "polling or websocket"), ("~d REGEX", "in the arguments"),
      ("~age >2s", "how old"), ("~lat >500ms", "how long the ack took"),
      ("~pending …", "~overdue ~late ~exc: short for the common ones"),
      ("! & | ( )", "not, and, or; bare words are looked for in event and arguments"),
    ] {
      key(term, meaning)
    }
    return lines
  }
}
