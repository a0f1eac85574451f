import CaptureFormat
import JSONText

/// JSON spread over lines that can be read and searched.
enum PrettyJSON {
  /// Lines shown at most; more is said to be left out.
  private static let limit = 2_000
  /// Stands behind what is shown where that is not all.
  static let cut = "… the rest is not shown; w saves it"

  /// The lines of a JSON text, each at most `columns` wide; what is no JSON is shown as it is.
  static func lines(_ json: UnsafeRawBufferPointer, columns: Int, indent: Int = 2) -> [StyledLine] {
    guard let value = try? JSONValue(parsing: json) else {
      let text = TerminalText.harmless(String(decoding: json.prefix(64 << 10), as: UTF8.self))
      return StyledLine.wrapped(text, columns: columns, indent: indent)
    }
    var lines: [StyledLine] = []
    write(value, before: [], after: "", indent, columns, &lines)
    if lines.count >= limit { lines.append(StyledLine(cut, .quiet)) }
    return lines
  }

  private static func write(
    _ value: JSONValue, before: [StyledLine.Span], after: String, _ indent: Int, _ columns: Int,
    _ lines: inout [StyledLine]
  ) {
    guard lines.count < limit else { return }
    func begun(_ text: String, _ role: CellRole = .text) -> StyledLine {
      var line = StyledLine(String(repeating: " ", count: min(indent, columns / 2)))
      for span in before { line.append(span.text, span.role) }
      line.append(text, role)
      return line
    }
    switch value {
    case .array(let elements) where !elements.isEmpty:
      lines.append(begun("["))
      for (index, element) in elements.enumerated() where lines.count < limit {
        write(element, before: [], after: index + 1 < elements.count ? "," : "", indent + 2, columns, &lines)
      }
      // Where the end is not shown, nothing looks like one.
      if lines.count < limit {
        lines.append(StyledLine(String(repeating: " ", count: min(indent, columns / 2)) + "]" + after))
      }
    case .object(let members) where !members.isEmpty:
      lines.append(begun("{"))
      for (index, member) in members.enumerated() where lines.count < limit {
        let name = StyledLine.Span(text: quoted(member.name), role: .name)
        write(
          member.value, before: [name, StyledLine.Span(text: ": ", role: .text)],
          after: index + 1 < members.count ? "," : "", indent + 2, columns, &lines)
      }
      if lines.count < limit {
        lines.append(StyledLine(String(repeating: " ", count: min(indent, columns / 2)) + "}" + after))
      }
    case .string(let text): scalar(quoted(text) + after, begun("", .good), .good, columns, &lines)
    default: scalar(TerminalText.harmless(value.text) + after, begun(""), .text, columns, &lines)
    }
  }

  /// A value in one line, or in as many as it needs.
  private static func scalar(
    _ text: String, _ start: StyledLine, _ role: CellRole, _ columns: Int, _ lines: inout [StyledLine]
  ) {
    let used = TerminalText.columns(of: start.plain)
    if used + TerminalText.columns(of: text) <= columns {
      var line = start
      line.append(text, role)
      lines.append(line)
      return
    }
    if used > 0 { lines.append(start) }
    let shown = String(text.prefix(64 << 10))
    lines += StyledLine.wrapped(shown, columns: columns, indent: min(used, columns / 2), role).prefix(limit)
  }

  private static func quoted(_ text: String) -> String {
    var sink = ByteSink(capacity: text.utf8.count + 16)
    sink.append(jsonString: text)
    return TerminalText.harmless(String(decoding: sink.bytes, as: UTF8.self))
  }
}
