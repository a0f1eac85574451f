/// What a piece of the screen is, which decides how it looks.
package enum CellRole: UInt8, CaseIterable, Sendable {
  case text, quiet, name, good, warning, bad, alarm, title, key, match
}

/// The colours that a terminal can show, and what each role looks like in them.
///
/// The terminal's own colours stay for plain text and for the background, so that the screen reads on dark and on light ones;
/// numbers above 15 are chosen from the middle of the range for the same reason. Colour never carries meaning alone.
package enum Palette: String, CaseIterable, Sendable {
  /// No colour: `NO_COLOR` is set or the terminal has none. Bold, dim, underlined and reversed remain.
  case plain
  /// The eight or sixteen that themes define.
  case sixteen
  /// The 256 of xterm.
  case extended
  /// Numbers are red, green and blue, eight bits each.
  case direct

  /// How a role looks; what is selected is reversed.
  package func style(_ role: CellRole, isSelected: Bool = false) -> CellStyle {
    var style = CellStyle()
    switch role {
    case .text: break
    case .quiet:
      if self == .plain || self == .sixteen { style.attributes = .dim }
    case .name, .good, .warning: break
    case .bad, .title, .key: style.attributes = .bold
    case .alarm: style.attributes = [.bold, .reverse]
    case .match: style.attributes = [.underline, .bold]
    }
    style.foreground = color(role)
    if isSelected { style.attributes.formSymmetricDifference(.reverse) }
    return style
  }

  private func color(_ role: CellRole) -> Int32 {
    switch role {
    case .text, .title, .match: -1
    case .quiet: choose(-1, 245, 0x8A_8A8A)
    case .name, .key: choose(6, 31, 0x00_87AF)
    case .good: choose(2, 34, 0x00_AF00)
    case .warning: choose(3, 172, 0xD7_8700)
    case .bad, .alarm: choose(1, 160, 0xD7_0000)
    }
  }

  private func choose(_ sixteen: Int32, _ extended: Int32, _ direct: Int32) -> Int32 {
    switch self {
    case .plain: -1
    case .sixteen: sixteen
    case .extended: extended
    case .direct: direct
    }
  }
}
