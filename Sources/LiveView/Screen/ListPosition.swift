/// Where a list stands: what is selected, and what is scrolled away above.
///
/// What is selected is remembered by its key, so that it stays selected while rows come and go around it.
struct ListPosition: Equatable, Sendable {
  /// The selected row's key; nil until its user has chosen one: then the first row counts as selected.
  private(set) var key: Int?
  /// The selected row's place among the rows.
  private(set) var index = 0
  /// How many rows are scrolled away above.
  private(set) var top = 0

  /// Takes the rows as they are now: finds the selected one again, and scrolls so that it is seen.
  mutating func rowsChanged(_ keys: [Int], height: Int) {
    if keys.isEmpty {
      (index, top) = (0, 0)
      return
    }
    if let key {
      // Rows mostly stay where they were.
      if index >= keys.count || keys[index] != key {
        index = keys.firstIndex(of: key) ?? min(index, keys.count - 1)
        self.key = keys[index]
      }
    } else {
      index = 0
    }
    scroll(keys.count, height)
  }

  /// Moves the selection by rows, at most to an end.
  mutating func moved(by rows: Int, in keys: [Int], height: Int) {
    guard !keys.isEmpty else { return }
    index = min(max(index + min(max(rows, -keys.count), keys.count), 0), keys.count - 1)
    key = keys[index]
    scroll(keys.count, height)
  }

  /// Selects a row.
  mutating func selected(_ index: Int, in keys: [Int], height: Int) {
    moved(by: index - self.index, in: keys, height: height)
  }

  private mutating func scroll(_ count: Int, _ height: Int) {
    let height = max(height, 1)
    top = min(top, max(0, count - height))
    if index < top { top = index }
    if index >= top + height { top = index - height + 1 }
  }
}
