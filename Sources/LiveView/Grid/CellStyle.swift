/// How a cell looks: colours by number, and attributes.
package struct CellStyle: Equatable, Hashable, Sendable {
  /// What a terminal adds to a character.
  package struct Attributes: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let bold = Attributes(rawValue: 1)
    package static let dim = Attributes(rawValue: 2)
    package static let underline = Attributes(rawValue: 4)
    package static let reverse = Attributes(rawValue: 8)
  }

  /// The terminal's number for the colour; -1 for the one that it has by itself.
  package var foreground: Int32 = -1
  /// The same for what lies behind.
  package var background: Int32 = -1
  package var attributes: Attributes = []
}
