/// Which rows of the screen belong to what.
struct ScreenLayout: Equatable {
  /// A list with what stands around it.
  struct Frame: Equatable {
    var pane: ScreenModel.Pane
    var title: Int
    /// The names of the columns; nil where rows are scarce.
    var columns: Int?
    var list: Range<Int>
    /// Lines about the selected row.
    var explanation: Range<Int>
  }

  /// Where the traffic, its totals and the time stand.
  let header: Range<Int>
  /// The line that says what is wrong.
  let alert: Int?
  /// Everything between header and status line.
  let body: Range<Int>
  /// The lists that are shown.
  let frames: [Frame]
  /// The line of keys, prompts and notices.
  let status: Int

  init(size: ScreenSize, hasAlert: Bool, pane: ScreenModel.Pane, lowerPane: ScreenModel.Pane) {
    let rows = size.rows
    let headerRows = rows >= 20 ? 3 : rows >= 14 ? 2 : 1
    header = 0..<min(headerRows, rows)
    alert = hasAlert && rows > headerRows + 2 ? headerRows : nil
    status = rows - 1
    let start = min(headerRows + (alert == nil ? 0 : 1), rows)
    body = start..<max(start, rows - 1)
    if body.count >= 22 {
      let middle = body.lowerBound + body.count * 11 / 20
      frames = [
        Self.frame(.board, body.lowerBound..<middle),
        Self.frame(lowerPane, middle..<body.upperBound),
      ]
    } else {
      frames = [Self.frame(pane, body)]
    }
  }

  init(_ model: ScreenModel) {
    self.init(
      size: model.size, hasAlert: !model.shown.alerts.isEmpty, pane: model.pane, lowerPane: model.lowerPane)
  }

  /// Whether the board and another pane are both shown.
  var isSplit: Bool { frames.count == 2 }

  /// A pane's frame, nil where it is not shown.
  func frame(of pane: ScreenModel.Pane) -> Frame? { frames.first { $0.pane == pane } }

  private static func frame(_ pane: ScreenModel.Pane, _ rows: Range<Int>) -> Frame {
    let columns = rows.count >= 8 ? rows.lowerBound + 1 : nil
    let explained = pane != .board ? 0 : rows.count >= 14 ? 3 : rows.count >= 9 ? 2 : rows.count >= 6 ? 1 : 0
    let top = min(rows.lowerBound + (columns == nil ? 1 : 2), rows.upperBound)
    let bottom = max(top, rows.upperBound - explained)
    return Frame(
      pane: pane, title: rows.lowerBound, columns: columns, list: top..<bottom,
      explanation: bottom..<rows.upperBound)
  }
}
