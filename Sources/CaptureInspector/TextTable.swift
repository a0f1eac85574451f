import CaptureFormat
import JSONText

/// A table of text with aligned columns, for people. Cells are harmless text already.
struct TextTable {
  /// Which columns are numbers, set flush right.
  let alignRight: [Bool]
  private var rows: [[String]] = []

  init(_ columns: [(title: String, isNumber: Bool)]) {
    alignRight = columns.map(\.isNumber)
    rows = [columns.map(\.title)]
  }

  mutating func add(_ cells: [String]) {
    rows.append(cells)
  }

  /// Appends the lines, each behind `indent`, without trailing blanks.
  func write(to sink: inout ByteSink, indent: String) {
    var widths = alignRight.map { _ in 0 }
    let measured = rows.map { row in row.map(TerminalText.columns(of:)) }
    for row in measured {
      for (index, width) in row.enumerated() { widths[index] = max(widths[index], width) }
    }
    for (row, columns) in zip(rows, measured) {
      var line = indent
      for (index, cell) in row.enumerated() {
        let blanks = String(repeating: " ", count: widths[index] - columns[index])
        line += (index == 0 ? "" : "  ") + (alignRight[index] ? blanks + cell : cell + blanks)
      }
      while line.last == " " { line.removeLast() }
      sink.append(line + "\n")
    }
  }
}
