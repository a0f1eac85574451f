/// A line that is being typed at the bottom of the screen.
package struct ScreenPrompt: Equatable, Sendable {
  /// What it is for.
  package enum Purpose: Equatable, Sendable {
    case filter
    case search
    /// The path of a slice.
    case slice
  }

  package var purpose: Purpose
  package var text: [Character]
  /// The place of the caret among the characters.
  package var caret: Int

  init(_ purpose: Purpose, text: String) {
    self.purpose = purpose
    self.text = Array(text)
    caret = self.text.count
  }

  /// Characters taken at most.
  private static let limit = 500

  /// Changes the text; keys that mean nothing here are ignored.
  mutating func keyPressed(_ key: ScreenKey) {
    switch key {
    case .character(let character) where text.count < Self.limit:
      text.insert(character, at: caret)
      caret += 1
    case .backspace where caret > 0:
      caret -= 1
      text.remove(at: caret)
    case .delete where caret < text.count: text.remove(at: caret)
    case .left: caret = max(0, caret - 1)
    case .right: caret = min(text.count, caret + 1)
    case .home, .control("a"): caret = 0
    case .end, .control("e"): caret = text.count
    case .control("u"):
      text.removeFirst(caret)
      caret = 0
    case .control("k"): text.removeLast(text.count - caret)
    case .control("w"):
      let end = caret
      while caret > 0, text[caret - 1] == " " { caret -= 1 }
      while caret > 0, text[caret - 1] != " " { caret -= 1 }
      text.removeSubrange(caret..<end)
    default: break
    }
  }
}
