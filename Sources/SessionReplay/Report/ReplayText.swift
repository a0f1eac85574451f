import CaptureFormat
import JSONText
import RecordedSessions

/// The report for people.
package struct ReplayText {
  private let report: ReplayReport

  /// Differences of one copy that are shown at most; the rest is counted.
  private static let limit = 100

  package init(_ report: ReplayReport) {
    self.report = report
  }

  package func write(to sink: inout ByteSink) {
    let copies = report.outcomes.count
    for outcome in report.outcomes where !outcome.differences.isEmpty {
      sink.append(copies > 1 ? "Differences in copy \(outcome.number)" : "Differences")
      sink.append(outcome.differences.count > 5 ? " (the first is often the cause of others):\n\n" : ":\n\n")
      for difference in outcome.differences.prefix(Self.limit) {
        difference.write(to: &sink)
        sink.append("\n")
      }
      let more = outcome.differences.count - Self.limit
      if more > 0 { sink.append("  … and \(more) more\n\n") }
    }
    if !report.slow.isEmpty {
      sink.append("Too slow:\n\n")
      for difference in report.slow { difference.write(to: &sink) }
      sink.append("\n")
    }
    for note in report.notes { sink.append("note: \(TerminalText.harmless(note))\n") }
    let rate = report.microseconds > 0 ? report.sum(\.emits) * 1_000_000 / report.microseconds : 0
    sink.append("\(copies > 1 ? "\(copies) copies: " : "")\(report.sum(\.sessions)) sessions, ")
    sink.append("\(report.sum(\.emits)) emits and \(report.sum(\.acks)) acks sent, ")
    sink.append("\(report.sum(\.acksReceived)) acks and \(report.sum(\.eventsReceived)) events received ")
    sink.append("in \(DurationText.words(microseconds: report.microseconds)) (\(rate) emits/s)\n")
    if report.latencies.count > 0 {
      func part(_ percentile: Double) -> String {
        DurationText.words(microseconds: report.latencies.percentile(percentile))
      }
      sink.append("acks: p50 \(part(0.5)), p90 \(part(0.9)), p99 \(part(0.99)), max \(part(1))\n")
    }
    if report.sum(\.unplayed) > 0 {
      sink.append("\(report.sum(\.unplayed)) recorded steps of clients were not played\n")
    }
    let count = report.differenceCount
    if count == 0, report.isStopped {
      return sink.append("stopped; what was played until then is the same as recorded\n")
    }
    sink.append(count == 0 ? "same as recorded\n" : count == 1 ? "1 difference\n" : "\(count) differences\n")
  }
}
