import CNcurses
import JSONText

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The terminal, through ncurses: paints grids, reads keys and the mouse, and gives everything back in the end.
///
/// Used by one thread. Only cells that changed are handed to ncurses, which sends only what differs from the screen.
final class CursesTerminal {
  private var painted: CellGrid?
  private var pairs: [UInt64: CInt] = [:]
  private let isUTF8: Bool
  /// The colours that this terminal has.
  let palette: Palette

  /// Takes the terminal over, or returns nil where it is none that ncurses knows.
  ///
  /// - Parameters:
  ///   - pipe: where `TerminalGuard` writes its notices.
  ///   - stops: whether SIGINT and SIGTERM are such notices.
  init?(pipe: CInt, stops: Bool) {
    setlocale(LC_CTYPE, "")
    isUTF8 = ackscope_is_utf8() != 0
    TerminalGuard.remember()
    // newterm, not initscr: it returns where initscr would end the process.
    guard let output = fdopen(STDOUT_FILENO, "w"), let input = fdopen(STDIN_FILENO, "r"),
      newterm(nil, output, input) != nil
    else { return nil }
    ackscope_configure()
    ackscope_enable_mouse()
    let isColourless = getenv("NO_COLOR").map { $0.pointee != 0 } ?? false
    let colors = isColourless ? 0 : Int(ackscope_colors())
    palette = colors > 1 << 20 ? .direct : colors >= 256 ? .extended : colors >= 8 ? .sixteen : .plain
    var restore: [UInt8] = Array("\u{1B}[?1006l\u{1B}[?1000l".utf8)
    for name in ["rmkx", "sgr0", "op", "cnorm", "rmcup"] {
      if let text = ackscope_capability(name) {
        // Padding, `$<5>`, is for the printers of another age.
        restore += String(cString: text).replacing(/\$<[^>]*>/, with: "").utf8
      }
    }
    TerminalGuard.engage(pipe: pipe, restore: restore, stops: stops)
  }

  /// The terminal's size now.
  var size: ScreenSize {
    var (rows, columns): (CInt, CInt) = (24, 80)
    guard ackscope_terminal_size(STDOUT_FILENO, &rows, &columns) == 0, rows > 0, columns > 0 else {
      return ScreenSize(columns: 80, rows: 24)
    }
    return ScreenSize(columns: Int(columns), rows: Int(rows))
  }

  /// Takes note of a new size.
  func resized(to size: ScreenSize) {
    resizeterm(CInt(size.rows), CInt(size.columns))
    repaint()
  }

  /// Paints everything with the next grid.
  func repaint() {
    painted = nil
    ackscope_erase()
    ackscope_repaint()
  }

  /// Shows a grid; does nothing where it is on the screen already.
  func paint(_ grid: CellGrid) {
    if grid == painted { return }
    let before = painted.flatMap { $0.size == grid.size ? $0 : nil }
    for row in 0..<grid.size.rows {
      let cells = grid.row(row)
      if let before, before.row(row) == cells { continue }
      for (offset, cell) in cells.enumerated() where cell.width > 0 {
        if let before, before.cells[cells.startIndex + offset] == cell { continue }
        put(cell, row: CInt(row), column: CInt(offset))
      }
    }
    painted = grid
    ackscope_refresh()
  }

  private func put(_ cell: Cell, row: CInt, column: CInt) {
    var text = isUTF8 ? cell.text.unicodeScalars.map { wchar_t($0.value) } : Self.ascii(cell)
    // What this system measures otherwise than the grid did would shift the line.
    if isUTF8, text != [0x20], Self.width(text) != Int(cell.width) {
      text = cell.width == 2 ? [0xFF1F] : [0xFFFD]
    }
    var attributes: CInt = 0
    let style = cell.style
    if style.attributes.contains(.bold) { attributes |= CInt(ACKSCOPE_BOLD) }
    if style.attributes.contains(.dim) { attributes |= CInt(ACKSCOPE_DIM) }
    if style.attributes.contains(.underline) { attributes |= CInt(ACKSCOPE_UNDERLINE) }
    if style.attributes.contains(.reverse) { attributes |= CInt(ACKSCOPE_REVERSE) }
    text.append(0)
    _ = ackscope_put_cell(row, column, text, attributes, pair(style))
    if !isUTF8, cell.width == 2 {
      _ = ackscope_put_cell(row, column + 1, [0x20, 0], attributes, pair(style))
    }
  }

  private static func width(_ text: [wchar_t]) -> Int {
    var width = 0
    for character in text {
      let columns = ackscope_width(character)
      if columns < 0 { return -1 }
      width += Int(columns)
    }
    return width
  }

  /// The colour pair of a style, made when it is first met.
  private func pair(_ style: CellStyle) -> CInt {
    if style.foreground == -1 && style.background == -1 { return 0 }
    let key =
      UInt64(UInt32(bitPattern: style.foreground)) << 32 | UInt64(UInt32(bitPattern: style.background))
    if let pair = pairs[key] { return pair }
    let pair = CInt(pairs.count + 1)
    guard init_extended_pair(pair, style.foreground, style.background) == 0 else { return 0 }
    pairs[key] = pair
    return pair
  }

  /// Signs of the screen where the terminal has no Unicode; what comes from the wire shows as `?`.
  private static func ascii(_ cell: Cell) -> [wchar_t] {
    let scalar = cell.text.unicodeScalars.first?.value ?? 0x20
    if scalar < 0x7F { return [wchar_t(scalar)] }
    let signs: [UInt32: Character] = [
      0x2192: ">", 0x2190: "<", 0x2717: "x", 0x2713: "v", 0x2026: "~", 0x2500: "-", 0x00B7: ".", 0x25B6: ">",
      0x00D7: "x", 0x00B5: "u", 0x258F: "|", 0x2191: "^", 0x2193: "v",
    ]
    if (0x2581...0x2588).contains(scalar) {
      return [wchar_t(Array(".:-=+*%#".unicodeScalars)[Int(scalar - 0x2581)].value)]
    }
    return [wchar_t((signs[scalar] ?? "?").unicodeScalars.first?.value ?? 0x3F)]
  }

  // MARK: input

  /// The next thing that was typed or done with the mouse; nil where there is nothing.
  func nextInput() -> ScreenInput? {
    while true {
      var code: CInt = 0
      switch ackscope_read_key(&code) {
      case 0: if let key = Self.key(character: UInt32(bitPattern: code)) { return .key(key) }
      case 1: if let input = Self.input(code: code) { return input }
      default: return nil
      }
    }
  }

  private static func key(character: UInt32) -> ScreenKey? {
    switch character {
    case 0x1B: .escape
    case 0x0A, 0x0D: .enter
    case 0x09: .tab
    case 0x08, 0x7F: .backspace
    case 1...26: Unicode.Scalar(character + 0x60).map { .control(Character($0)) }
    case 0..<0x20: nil
    default: Unicode.Scalar(character).map { .character(Character($0)) }
    }
  }

  private static func input(code: CInt) -> ScreenInput? {
    switch code {
    case KEY_UP: .key(.up)
    case KEY_DOWN: .key(.down)
    case KEY_LEFT: .key(.left)
    case KEY_RIGHT: .key(.right)
    case KEY_HOME: .key(.home)
    case KEY_END: .key(.end)
    case KEY_PPAGE: .key(.pageUp)
    case KEY_NPAGE: .key(.pageDown)
    case KEY_BTAB: .key(.backTab)
    case KEY_ENTER: .key(.enter)
    case KEY_BACKSPACE: .key(.backspace)
    case KEY_DC: .key(.delete)
    case KEY_MOUSE: mouse()
    default: nil
    }
  }

  private static func mouse() -> ScreenInput? {
    var (row, column): (CInt, CInt) = (0, 0)
    let kind = ackscope_mouse_event(&row, &column)
    let (y, x) = (Int(row), Int(column))
    if kind == CInt(ACKSCOPE_MOUSE_UP) { return .wheel(row: y, column: x, isUp: true) }
    if kind == CInt(ACKSCOPE_MOUSE_DOWN) { return .wheel(row: y, column: x, isUp: false) }
    if kind == CInt(ACKSCOPE_MOUSE_PRESS) || kind == CInt(ACKSCOPE_MOUSE_DOUBLE) {
      return .pressed(row: y, column: x)
    }
    return nil
  }

  // MARK: leaving

  /// Puts text on the clipboard of terminals that allow it (OSC 52); larger texts than they take are cut off by them.
  func copy(_ text: String) {
    var sink = ByteSink()
    sink.append("\u{1B}]52;c;" as StaticString)
    var text = text
    text.withUTF8 { sink.append(base64: UnsafeRawBufferPointer($0)) }
    sink.append(0x07)
    _ = write(STDOUT_FILENO, sink.bytes.baseAddress, sink.count)
  }

  /// Gives the screen back, for a while or for good.
  func leave() {
    endwin()
  }

  /// Takes the screen again after `leave()`.
  func enter() {
    reset_prog_mode()
    repaint()
  }

  /// Gives the terminal back for good.
  func close() {
    endwin()
    TerminalGuard.disengage()
  }
}
