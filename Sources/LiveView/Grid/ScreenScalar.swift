import CaptureFormat

/// A Unicode scalar as the screen shows it.
enum ScreenScalar {
  /// A mark on the character before.
  case combining(Unicode.Scalar)
  /// Text of the given columns: one character, or an escape of several.
  case text(String, width: Int)

  /// Marks that one cell holds; a terminal's cell in ncurses has room for four.
  static let maximumMarks = 4

  /// Nil for what is left out.
  init?(_ scalar: Unicode.Scalar) {
    let value = scalar.value
    switch value {
    case 0x20..<0x7F:
      self = .text(String(Character(scalar)), width: 1)
    case 0x200C, 0x200D, 0xFE00...0xFE0F, 0x1F3FB...0x1F3FF:
      return nil
    case 0x1F1E6...0x1F1FF:
      self = .text(String(Character(Unicode.Scalar(UInt8(0x41 + value - 0x1F1E6)))), width: 1)
    default:
      if TerminalText.isHarmful(value) {
        let escape = TerminalText.harmless(String(Character(scalar)))
        self = .text(escape, width: escape.utf8.count)
        return
      }
      let width = TerminalText.columns(of: value)
      let category = scalar.properties.generalCategory
      let isMark = category == .nonspacingMark || category == .enclosingMark
      self = width == 0 || isMark ? .combining(scalar) : .text(String(Character(scalar)), width: width)
    }
  }
}
