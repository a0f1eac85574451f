import CaptureFormat
import JSONText

/// The summary for people: totals, a row for each event, the emits without an ack by cause, findings, notes.
///
/// Everything from the wire is made harmless for a terminal. Long lists are cut here, with a count of what is left out;
/// the JSON form has them whole.
struct SummaryText {
  let summary: CaptureSummary
  let advice: (String, String?) -> String

  /// How many emits of one cause, and findings of one name, are shown.
  private static let shownOfEach = 10
  private static let nameColumns = 40

  /// Appends the report.
  func write(to sink: inout ByteSink) {
    writeTotals(&sink)
    writeEvents(&sink)
    writeVerdictsWithoutList(&sink)
    writeUnresolved(&sink)
    writeFindings(&sink)
    if !summary.notes.isEmpty {
      sink.append("\nNotes\n" as StaticString)
      for note in summary.notes { sink.append("  " + note + "\n") }
    }
  }

  private func writeTotals(_ sink: inout ByteSink) {
    for capture in summary.captures {
      sink.append("Capture   " + TerminalText.harmless(capture.name))
      if capture.paths.count > 1 { sink.append(" (\(capture.paths.count) files)") }
      if let first = capture.firstTime, let last = capture.lastTime {
        sink.append("  " as StaticString)
        sink.append(timestamp: first)
        sink.append(", " + DurationText.words(microseconds: Int(last.since(first))))
      }
      if let upstream = capture.upstream { sink.append(", upstream " + TerminalText.harmless(upstream)) }
      sink.append(0x0A)
    }
    let totals = [
      Self.counted(summary.connections, "connection"), Self.counted(summary.sessions, "session"),
      Self.counted(summary.packets, "packet"), Self.counted(summary.emits, "emit"),
      Self.counted(summary.acks, "ack"),
    ]
    sink.append("Totals    " + totals.joined(separator: ", ") + "\n")
    let verdicts = summary.tally.verdicts.map { "\(TerminalText.harmless($0.name)) \($0.count)" }
    if !verdicts.isEmpty { sink.append("Verdicts  " + verdicts.joined(separator: ", ") + "\n") }
  }

  private func writeEvents(_ sink: inout ByteSink) {
    let rows = summary.shownRows
    if rows.isEmpty {
      sink.append("\nNo events.\n" as StaticString)
      return
    }
    sink.append("\nEvents\n" as StaticString)
    var table = TextTable([
      ("namespace", false), ("from", false), ("event", false), ("emits", true), ("acked", true),
      ("p50", true),
      ("p90", true), ("p99", true), ("max", true), ("other verdicts", false),
    ])
    for row in rows {
      let others = VerdictTally.ordered(row.verdicts, CaptureNames.verdicts)
        .filter { $0.name != "acknowledged" }.map { "\(TerminalText.harmless($0.name)) \($0.count)" }
      let times = [row.latencies.percentile(50), row.latencies.percentile(90), row.latencies.percentile(99)]
      let maximum = row.latencies.count > 0 ? row.latencies.maximum : nil
      table.add(
        [
          Self.name(row.namespace), row.from.name, Self.name(row.event), "\(row.emits)",
          "\(row.acknowledged)",
        ]
          + (times + [maximum]).map { $0.map(DurationText.words(microseconds:)) ?? "-" }
          + [others.joined(separator: ", ")])
    }
    table.write(to: &sink, indent: "  ")
  }

  /// Late acks are no unresolved emits, but what to do about them is worth a line.
  private func writeVerdictsWithoutList(_ sink: inout ByteSink) {
    let late = summary.tally.counts.filter { $0.key.verdict == "late" }.sorted {
      $0.key.cause ?? "" < $1.key.cause ?? ""
    }
    guard !late.isEmpty else { return }
    sink.append("\nLate acks\n" as StaticString)
    for (key, count) in late {
      sink.append("  late" + (key.cause.map { ": " + TerminalText.harmless($0) } ?? "") + ", ")
      sink.append(Self.counted(count, "emit") + "\n")
      writeAdvice(key.verdict, key.cause, &sink)
    }
  }

  private func writeUnresolved(_ sink: inout ByteSink) {
    guard summary.unresolvedCount > 0 else {
      let answered = ["acknowledged", "late"].reduce(0) { $0 + summary.tally.count(of: $1, cause: nil) }
      if answered > 0 { sink.append("\nEvery emit that asked for an ack got one.\n" as StaticString) }
      return
    }
    sink.append("\nEmits without an ack: \(summary.unresolvedCount)\n")
    let groups = Dictionary(grouping: summary.unresolved) {
      VerdictCause(verdict: $0.verdict, cause: $0.cause)
    }
    let order = groups.keys.sorted { left, right in
      let counts = (groups[left]?.count ?? 0, groups[right]?.count ?? 0)
      return counts.0 != counts.1 ? counts.0 > counts.1 : Self.title(left) < Self.title(right)
    }
    for key in order {
      let emits = groups[key] ?? []
      sink.append("  \(Self.title(key)), \(Self.counted(summary.tally.counts[key] ?? emits.count, "emit"))\n")
      writeAdvice(key.verdict, key.cause, &sink)
      for emit in emits.prefix(Self.shownOfEach) { write(emit, &sink) }
      if emits.count > Self.shownOfEach {
        sink.append("    … and \(emits.count - Self.shownOfEach) more; --format json lists them\n")
      }
    }
  }

  private func write(_ emit: UnresolvedEmit, _ sink: inout ByteSink) {
    let row = summary.events.rows[emit.row]
    sink.append("    " as StaticString)
    if summary.captures.count > 1 {
      sink.append(TerminalText.harmless(summary.captures[emit.capture].path(ofSeq: emit.seq)) + " ")
    }
    sink.append("seq \(emit.seq)  " as String)
    sink.append(timeOfDay: emit.time)
    sink.append("  " + (emit.conn.map { "#\($0) " } ?? "") + (row.from == .client ? "→ " : "← "))
    sink.append(Self.name(row.namespace) + " " + Self.name(row.event))
    if !emit.id.isEmpty { sink.append(" id " + TerminalText.harmless(emit.id)) }
    if let age = emit.age { sink.append("  age " + DurationText.words(microseconds: age)) }
    if let certainty = emit.certainty { sink.append("  (" + TerminalText.harmless(certainty) + ")") }
    sink.append(0x0A)
  }

  private func writeFindings(_ sink: inout ByteSink) {
    guard !summary.findingCounts.isEmpty else { return }
    sink.append("\nFindings: \(summary.findingCounts.values.reduce(0, +))\n")
    for (name, count) in VerdictTally.ordered(summary.findingCounts, CaptureNames.findings) {
      sink.append("  \(TerminalText.harmless(name)), \(count)\n")
      writeAdvice(name, nil, &sink)
      let listed = summary.findings.filter { $0.name == name }
      for finding in listed.prefix(Self.shownOfEach) { write(finding, &sink) }
      if count > Self.shownOfEach {
        sink.append("    … and \(count - Self.shownOfEach) more; --format json lists them\n")
      }
    }
  }

  private func write(_ finding: InspectedFinding, _ sink: inout ByteSink) {
    sink.append("    " as StaticString)
    if summary.captures.count > 1 {
      sink.append(TerminalText.harmless(summary.captures[finding.capture].path(ofSeq: finding.seq)) + " ")
    }
    sink.append("seq \(finding.seq)  " as String)
    sink.append(timeOfDay: finding.time)
    if let conn = finding.conn { sink.append("  #\(conn)" as String) }
    for detail in finding.details {
      sink.append("  " + TerminalText.harmless(detail.name) + " ")
      sink.append(terminalText: detail.value.string ?? detail.value.text, columns: 60)
    }
    if let certainty = finding.certainty { sink.append("  (" + TerminalText.harmless(certainty) + ")") }
    sink.append(0x0A)
  }

  private func writeAdvice(_ verdict: String, _ cause: String?, _ sink: inout ByteSink) {
    let advice = advice(verdict, cause)
    if !advice.isEmpty { sink.append("    " + TerminalText.harmless(advice) + "\n") }
  }

  private static func title(_ key: VerdictCause) -> String {
    TerminalText.harmless(key.verdict + (key.cause.map { ": " + $0 } ?? ""))
  }

  private static func name(_ literal: [UInt8]) -> String {
    var sink = ByteSink()
    let used = literal.withUnsafeBytes { sink.append(terminalJSON: $0, columns: nameColumns) }
    return used == 0 ? "\"\"" : String(decoding: sink.bytes, as: UTF8.self)
  }

  private static func counted(_ count: Int, _ noun: String) -> String {
    "\(count) \(noun)\(count == 1 ? "" : "s")"
  }
}

extension CaptureSummary {
  /// The rows that any emit counts in, the busiest first.
  var shownRows: [EventRow] {
    events.rows.filter { $0.emits > 0 || !$0.otherVerdicts.isEmpty }.sorted { left, right in
      if left.emits != right.emits { return left.emits > right.emits }
      if left.namespace != right.namespace {
        return left.namespace.lexicographicallyPrecedes(right.namespace)
      }
      if left.event != right.event { return left.event.lexicographicallyPrecedes(right.event) }
      return left.from == .client && right.from == .server
    }
  }
}
