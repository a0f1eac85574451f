import CaptureFormat

/// A key, whatever the terminal sends for it.
package enum ScreenKey: Equatable, Sendable {
  case up, down, left, right, home, end, pageUp, pageDown, tab, backTab, enter, escape, backspace, delete
  case character(Character)
  /// With the control key, by its lower-case letter.
  case control(Character)
}

/// What the update is told.
package enum ScreenInput: Equatable, Sendable {
  case key(ScreenKey)
  /// The first button went down on a cell.
  case pressed(row: Int, column: Int)
  /// The wheel turned by a notch over a cell.
  case wheel(row: Int, column: Int, isUp: Bool)
  case resized(ScreenSize)
  /// Time or traffic went on.
  case ticked
}

/// What the update wants done that it cannot do itself.
package enum ScreenEffect: Equatable, Sendable {
  case quit
  case suspend
  /// Paint everything anew.
  case repaint
  /// Text for the clipboard.
  case copy(String)
  /// A new file, which must not exist yet, with these bytes.
  case write(path: String, [UInt8])
}
