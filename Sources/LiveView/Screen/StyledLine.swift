import CaptureFormat

/// A line of text in pieces that look different.
package struct StyledLine: Equatable, Sendable {
  /// A piece of it.
  package struct Span: Equatable, Sendable {
    package var text: String
    package var role: CellRole
  }

  package private(set) var spans: [Span] = []

  init(_ text: String = "", _ role: CellRole = .text) {
    append(text, role)
  }

  /// Appends a piece; an empty one is left out.
  mutating func append(_ text: String, _ role: CellRole = .text) {
    if !text.isEmpty { spans.append(Span(text: text, role: role)) }
  }

  /// The text alone.
  var plain: String { spans.reduce(into: "") { $0 += $1.text } }

  /// Text cut at spaces into lines of at most `columns`; a longer word is cut anywhere.
  static func wrapped(_ text: String, columns: Int, indent: Int = 0, _ role: CellRole = .text) -> [StyledLine]
  {
    let room = max(columns - indent, 8)
    let margin = String(repeating: " ", count: indent)
    var lines: [StyledLine] = []
    var line = ""
    var width = 0
    func flush() {
      lines.append(StyledLine(margin + line, role))
      line = ""
      width = 0
    }
    for word in text.split(separator: " ", omittingEmptySubsequences: false) {
      let columns = TerminalText.columns(of: String(word))
      if width > 0, width + 1 + columns > room { flush() }
      if width > 0 || (line.isEmpty && word.isEmpty) {
        line += " "
        width += 1
      }
      if columns <= room {
        line += word
        width += columns
      } else {
        for character in word {
          let columns = TerminalText.columns(of: String(character))
          if width + columns > room { flush() }
          line.append(character)
          width += columns
        }
      }
    }
    if !line.isEmpty || lines.isEmpty { flush() }
    return lines
  }
}
