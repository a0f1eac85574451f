import JSONText

/// The colours of the line view: the sixteen that every terminal has, or none.
///
/// Colour never carries meaning alone: what it marks is also said in a word or a sign.
struct LineStyle {
  /// What a piece of a line is.
  enum Role {
    case quiet, name, good, warning, bad
  }

  let isColored: Bool

  /// Appends what `body` appends, in the colour of `role`.
  func append(_ role: Role, to sink: inout ByteSink, _ body: (inout ByteSink) -> Void) {
    guard isColored else { return body(&sink) }
    let code: StaticString =
      switch role {
      case .quiet: "\u{1B}[90m"
      case .name: "\u{1B}[36m"
      case .good: "\u{1B}[32m"
      case .warning: "\u{1B}[33m"
      case .bad: "\u{1B}[1;31m"
      }
    sink.append(code)
    body(&sink)
    sink.append("\u{1B}[0m" as StaticString)
  }
}
