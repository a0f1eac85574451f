import CaptureFormat

/// What one place on the screen shows.
package struct Cell: Equatable, Sendable {
  /// One character with the marks that combine with it; empty behind a wide character.
  package var text = " "
  /// The columns that it takes: 1 or 2; 0 behind a wide character.
  package var width: UInt8 = 1
  package var style = CellStyle()
}

/// The screen as cells: what the view makes and a terminal paints.
///
/// Whatever text is put, each row keeps exactly its columns: wide characters take two cells or are left out at an edge,
/// and nothing that could move a cursor, reorder a line or hide comes in (`TerminalText`). Sequences whose width terminals
/// do not agree on are taken apart: joined emoji stand side by side, flags show as their two letters, and variation
/// selectors and skin tones are left out.
package struct CellGrid: Equatable, Sendable {
  package let size: ScreenSize
  /// Row after row.
  package private(set) var cells: [Cell]

  package init(size: ScreenSize) {
    self.size = size
    cells = Array(repeating: Cell(), count: size.columns * size.rows)
  }

  /// The cells of a row.
  package func row(_ row: Int) -> ArraySlice<Cell> {
    cells[row * size.columns..<(row + 1) * size.columns]
  }

  /// The screen as lines of text, without the spaces at their ends.
  package var text: String {
    (0..<size.rows).map { index in
      var line = row(index).reduce(into: "") { $0 += $1.text }
      while line.last == " " { line.removeLast() }
      return line + "\n"
    }.joined()
  }

  /// Puts text into a row, from a column on, in at most `limit` columns; what does not fit ends with `…`.
  ///
  /// - Returns: the columns used.
  @discardableResult
  package mutating func put(
    _ text: String, row: Int, column: Int, limit: Int = .max, style: CellStyle = CellStyle()
  ) -> Int {
    guard row >= 0, row < size.rows, column >= 0, column < size.columns else { return 0 }
    let room = min(limit, size.columns - column)
    guard room > 0 else { return 0 }
    let start = row * size.columns + column
    var used = 0
    for scalar in text.unicodeScalars {
      guard let piece = ScreenScalar(scalar) else { continue }
      switch piece {
      case .combining(let scalar):
        let place = lastBase(start, used)
        if place >= start, used > 0, cells[place].text.unicodeScalars.count <= ScreenScalar.maximumMarks {
          cells[place].text.unicodeScalars.append(scalar)
        }
      case .text(let text, let width):
        // An escape is several characters of one column.
        if width == 2 || text.utf8.count == 1 || text.unicodeScalars.count == 1 {
          guard set(text, width, start, &used, room, style) else { return used }
        } else {
          for character in text {
            guard set(String(character), 1, start, &used, room, style) else { return used }
          }
        }
      }
    }
    return used
  }

  /// Sets one character; where there is no room for it, ends what was put with `…` and returns false.
  private mutating func set(
    _ text: String, _ width: Int, _ start: Int, _ used: inout Int, _ room: Int, _ style: CellStyle
  ) -> Bool {
    guard used + width <= room else {
      // The last character gives way to the ellipsis, a wide one with both its cells.
      if used == room { used -= Int(cells[lastBase(start, used)].width) }
      clear(start + used, style)
      cells[start + used] = Cell(text: "…", width: 1, style: style)
      used += 1
      return false
    }
    clear(start + used, style)
    cells[start + used] = Cell(text: text, width: UInt8(width), style: style)
    if width == 2 {
      clear(start + used + 1, style)
      cells[start + used + 1] = Cell(text: "", width: 0, style: style)
    }
    used += width
    return true
  }

  /// Makes room at a place: the other half of a wide character that stood there becomes a space.
  private mutating func clear(_ place: Int, _ style: CellStyle) {
    let column = place % size.columns
    if cells[place].width == 0, column > 0, cells[place - 1].width == 2 {
      cells[place - 1] = Cell(text: " ", width: 1, style: cells[place - 1].style)
    }
    if cells[place].width == 2, column + 1 < size.columns {
      cells[place + 1] = Cell(text: " ", width: 1, style: cells[place + 1].style)
    }
  }

  private func lastBase(_ start: Int, _ used: Int) -> Int {
    let place = start + max(used - 1, 0)
    return cells[place].width == 0 && place > start ? place - 1 : place
  }

  /// Gives cells of a row a style, whatever they show.
  package mutating func restyle(row: Int, columns: Range<Int>, _ change: (inout CellStyle) -> Void) {
    guard row >= 0, row < size.rows else { return }
    for column in columns.clamped(to: 0..<size.columns) { change(&cells[row * size.columns + column].style) }
  }
}
