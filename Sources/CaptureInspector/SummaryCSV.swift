import CaptureFormat
import JSONText

/// The summary's events as comma-separated values: a header, then a row for each event, in the order of the JSON form.
///
/// Columns: `namespace`, `from`, `event`, `emits`, `acknowledged`, `p50_us`, `p90_us`, `p99_us`, `max_us` (empty
/// where no ack was seen), then one for each other verdict, named as in VERDICTS.md, `other` for names of later versions.
/// Fields with a comma, a quote or a space at an end are quoted (RFC 4180 §2); lines end with LF, as other tools of a
/// terminal expect. Control characters from the wire are shown as escapes.
struct SummaryCSV {
  let summary: CaptureSummary

  private static let otherVerdicts = CaptureNames.verdicts.filter { $0 != "acknowledged" }

  /// Appends header and rows.
  func write(to sink: inout ByteSink) {
    sink.append("namespace,from,event,emits,acknowledged,p50_us,p90_us,p99_us,max_us" as StaticString)
    for name in Self.otherVerdicts { sink.append("," + name) }
    sink.append(",other\n" as StaticString)
    for row in summary.shownRows {
      field(row.namespace, &sink)
      sink.append("," + row.from.name + ",")
      field(row.event, &sink)
      for count in [row.emits, row.acknowledged] { number(count, &sink) }
      for percent in [50, 90, 99] { number(row.latencies.percentile(percent), &sink) }
      number(row.latencies.count > 0 ? row.latencies.maximum : nil, &sink)
      let verdicts = row.verdicts
      for name in Self.otherVerdicts { number(verdicts[name] ?? 0, &sink) }
      number(verdicts.reduce(0) { CaptureNames.verdicts.contains($1.key) ? $0 : $0 + $1.value }, &sink)
      sink.append(0x0A)
    }
  }

  private func number(_ value: Int?, _ sink: inout ByteSink) {
    sink.append(0x2C)
    if let value { sink.append(decimal: value) }
  }

  private func field(_ literal: [UInt8], _ sink: inout ByteSink) {
    var text = ByteSink()
    _ = literal.withUnsafeBytes { text.append(terminalJSON: $0) }
    sink.append(csvField: text.bytes)
  }
}
