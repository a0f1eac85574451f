/// One line for an emit: who, where, what, and what became of it.
package struct EmitLine: Equatable, CustomStringConvertible, Sendable {
  /// `from namespace id event verdict cause`, with `-` for what it has not.
  package var text: String
  /// Lines that the bytes allow as well.
  package var alternatives: [String] = []

  package var description: String { text }

  package static func == (left: EmitLine, right: EmitLine) -> Bool {
    left.text == right.text || left.alternatives.contains(right.text)
      || right.alternatives.contains(left.text)
  }
}
