import CaptureFormat
import JSONText

/// The summary as one JSON object, members as CLI.md names and orders them.
///
/// Where several captures were read, unresolved emits and findings also name their `capture`. Percentiles are null
/// where no ack was seen. `events` come by falling number of emits, names in alphabetical order among equals.
struct SummaryJSON {
  let summary: CaptureSummary
  let advice: (String, String?) -> String

  /// Appends the object and a line break.
  func write(to sink: inout ByteSink) {
    sink.append("{\"captures\":[" as StaticString)
    for (index, path) in summary.captures.flatMap(\.paths).enumerated() {
      if index > 0 { sink.append(0x2C) }
      sink.append(jsonString: path)
    }
    sink.append("]" as StaticString)
    member("connections", summary.connections, &sink)
    member("sessions", summary.sessions, &sink)
    member("packets", summary.packets, &sink)
    member("emits", summary.emits, &sink)
    member("acks", summary.acks, &sink)
    sink.append(",\"verdicts\":" as StaticString)
    write(summary.tally.verdicts, &sink)
    sink.append(",\"causes\":" as StaticString)
    write(summary.tally.causes, &sink)
    sink.append(",\"events\":[" as StaticString)
    for (index, row) in summary.shownRows.enumerated() {
      if index > 0 { sink.append(0x2C) }
      write(row, &sink)
    }
    sink.append("],\"unresolved\":[" as StaticString)
    for (index, emit) in summary.unresolved.enumerated() {
      if index > 0 { sink.append(0x2C) }
      write(emit, &sink)
    }
    sink.append("],\"findings\":[" as StaticString)
    for (index, finding) in summary.findings.enumerated() {
      if index > 0 { sink.append(0x2C) }
      write(finding, &sink)
    }
    sink.append("],\"torn_tail\":" as StaticString)
    sink.append(summary.hasTornTail ? "true}\n" as StaticString : "false}\n")
  }

  private func write(_ row: EventRow, _ sink: inout ByteSink) {
    sink.append("{\"namespace\":" as StaticString)
    write(literal: row.namespace, &sink)
    sink.append(",\"from\":" as StaticString)
    sink.append(jsonString: row.from.name)
    sink.append(",\"event\":" as StaticString)
    write(literal: row.event, &sink)
    member("emits", row.emits, &sink)
    member("acknowledged", row.acknowledged, &sink)
    member("p50_us", row.latencies.percentile(50), &sink)
    member("p90_us", row.latencies.percentile(90), &sink)
    member("p99_us", row.latencies.percentile(99), &sink)
    member("max_us", row.latencies.count > 0 ? row.latencies.maximum : nil, &sink)
    sink.append(",\"verdicts\":" as StaticString)
    write(VerdictTally.ordered(row.verdicts, CaptureNames.verdicts), &sink)
    sink.append(0x7D)
  }

  private func write(_ emit: UnresolvedEmit, _ sink: inout ByteSink) {
    let row = summary.events.rows[emit.row]
    sink.append("{\"seq\":" as StaticString)
    sink.append(decimal: emit.seq)
    member("conn", emit.conn, &sink)
    member("session", emit.session, &sink)
    member("sid", emit.sid, &sink)
    member("from", row.from.name, &sink)
    sink.append(",\"namespace\":" as StaticString)
    write(literal: row.namespace, &sink)
    sink.append(",\"id\":" as StaticString)
    sink.append(emit.id.isEmpty ? "null" : emit.id)
    sink.append(",\"event\":" as StaticString)
    write(literal: row.event, &sink)
    member("verdict", emit.verdict, &sink)
    member("cause", emit.cause, &sink)
    member("certainty", emit.certainty, &sink)
    member("age_us", emit.age, &sink)
    member("advice", advice(emit.verdict, emit.cause), &sink)
    writeCapture(emit.capture, emit.seq, &sink)
    sink.append(0x7D)
  }

  private func write(_ finding: InspectedFinding, _ sink: inout ByteSink) {
    sink.append(0x7B)
    for (index, entry) in finding.members.enumerated() {
      if index > 0 { sink.append(0x2C) }
      sink.append(jsonString: entry.name)
      sink.append(0x3A)
      entry.value.write(to: &sink)
    }
    let advice = advice(finding.name, nil)
    if !advice.isEmpty { member("advice", advice, &sink) }
    writeCapture(finding.capture, finding.seq, &sink)
    sink.append(0x7D)
  }

  private func writeCapture(_ index: Int, _ seq: Int, _ sink: inout ByteSink) {
    let isAmongSeveral = summary.captures.count > 1 || summary.captures[index].paths.count > 1
    if isAmongSeveral { member("capture", summary.captures[index].path(ofSeq: seq), &sink) }
  }

  private func write(_ counts: [(name: String, count: Int)], _ sink: inout ByteSink) {
    sink.append(0x7B)
    for (index, entry) in counts.enumerated() {
      if index > 0 { sink.append(0x2C) }
      sink.append(jsonString: entry.name)
      sink.append(0x3A)
      sink.append(decimal: entry.count)
    }
    sink.append(0x7D)
  }

  /// A string is written anew, because a capture made by others may hold broken UTF-8; a number keeps its digits.
  private func write(literal: [UInt8], _ sink: inout ByteSink) {
    if literal.first == 0x22 {
      sink.append(jsonString: literal.withUnsafeBytes { JSONString.decode($0) })
    } else {
      sink.append(literal)
    }
  }

  private func member(_ name: StaticString, _ value: Int?, _ sink: inout ByteSink) {
    begin(name, &sink)
    if let value { sink.append(decimal: value) } else { sink.append("null" as StaticString) }
  }

  private func member(_ name: StaticString, _ value: String?, _ sink: inout ByteSink) {
    begin(name, &sink)
    if let value { sink.append(jsonString: value) } else { sink.append("null" as StaticString) }
  }

  private func begin(_ name: StaticString, _ sink: inout ByteSink) {
    sink.append(",\"" as StaticString)
    sink.append(name)
    sink.append("\":" as StaticString)
  }
}
