extension BenchReport {
  /// The report for people: a column for each way, a row for each figure, medians with the range of the rounds.
  package var text: String {
    let load = options.load
    var lines = [
      "\(load.connections) connections, window \(load.window), payload \(load.payload) bytes, "
        + "\(load.transport.rawValue), compression \(load.compresses ? "from the server" : "off"); "
        + (options.keptPayload.map { "the capture keeps \($0) bytes of a payload; " } ?? "")
        + "latencies at \(Self.number(Double(load.rate), digits: 0))/s; \(options.rounds) rounds of "
        + "\(Self.number(Double(load.milliseconds) / 1000, digits: load.milliseconds % 1000 == 0 ? 0 : 1)) s: "
        + "median (lowest – highest)",
      machine.line, "",
    ]
    var rows = [[""] + paths.map(\.name)]
    for figure in Figure.allCases {
      let cells = paths.map { cell($0.figures[figure], digits: figure.digits) }
      if figure == .unanswered, paths.allSatisfy({ ($0.figures[.unanswered]?.maximum ?? 0) == 0 }) {
        continue
      }
      if cells.contains(where: { $0 != "–" }) { rows.append([figure.title] + cells) }
    }
    lines += Self.table(rows)
    var ratios = [["ackscope as a multiple of"] + paths.map(\.name).filter { $0 != BenchRun.ownName }]
    for figure in Figure.compared {
      let cells = paths.filter { $0.name != BenchRun.ownName }.map { path in
        ratio(of: figure, to: path.name).map { Self.number($0, digits: 2) } ?? "–"
      }
      guard cells.contains(where: { $0 != "–" }) else { continue }
      let title =
        switch figure {
        case .added50: "added p50"
        case .added99: "added p99"
        case .processor: "proxy CPU per round trip"
        case .processorAtRate: "the same at the fixed rate"
        default: figure.title
        }
      ratios.append([title] + cells)
    }
    if ratios.count > 1 { lines += [""] + Self.table(ratios) }
    return lines.joined(separator: "\n") + "\n"
  }

  private func cell(_ series: FigureSeries?, digits: Int) -> String {
    guard let series, let median = series.median, let low = series.minimum, let high = series.maximum else {
      return "–"
    }
    let text = Self.number(median, digits: digits)
    guard series.values.count > 1 else { return text }
    return "\(text) (\(Self.number(low, digits: digits)) – \(Self.number(high, digits: digits)))"
  }

  private static func table(_ rows: [[String]]) -> [String] {
    let widths = (0..<(rows.first?.count ?? 0)).map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      row.enumerated().map { column, cell in
        let blanks = String(repeating: " ", count: widths[column] - cell.count)
        return column == 0 ? cell + blanks : blanks + cell
      }.joined(separator: "  ")
    }
  }

  /// A number with a comma at the thousands.
  static func number(_ value: Double, digits: Int) -> String {
    guard value.isFinite, abs(value) < 1e15 else { return "–" }
    var scale = 1
    for _ in 0..<digits { scale *= 10 }
    let scaled = Int((abs(value) * Double(scale)).rounded())
    let whole = scaled / scale
    var text = ""
    for (index, digit) in String(whole).reversed().enumerated() {
      if index > 0, index % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    text = String(text.reversed())
    if digits > 0 {
      let rest = String(scaled % scale)
      text += "." + String(repeating: "0", count: digits - rest.count) + rest
    }
    return value < 0 && scaled > 0 ? "-" + text : text
  }
}
