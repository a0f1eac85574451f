/// A terminal's size in cells.
package struct ScreenSize: Equatable, Hashable, Sendable {
  package var columns: Int
  package var rows: Int

  package init(columns: Int, rows: Int) {
    // A terminal larger than this is a mistake of whoever reports it; the grid must not be allocated for it.
    self.columns = min(max(columns, 1), 1000)
    self.rows = min(max(rows, 1), 500)
  }
}
