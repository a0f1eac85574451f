import JSONText
import RecordedSessions

/// The report for programs: one object.
package struct ReplayJSON {
  private let report: ReplayReport

  package init(_ report: ReplayReport) {
    self.report = report
  }

  package var value: JSONValue {
    func number(_ value: Int) -> JSONValue { .number(String(value)) }
    var differences: [JSONValue] = []
    for outcome in report.outcomes {
      for difference in outcome.differences {
        guard case .object(let members) = difference.json else { continue }
        differences.append(.object([("copy", number(outcome.number))] + members))
      }
    }
    return .object([
      ("same", .boolean(report.isSame)),
      ("copies", number(report.outcomes.count)),
      ("sessions", number(report.sum(\.sessions))),
      ("emits", number(report.sum(\.emits))),
      ("acks", number(report.sum(\.acks))),
      ("acks_received", number(report.sum(\.acksReceived))),
      ("events_received", number(report.sum(\.eventsReceived))),
      ("unplayed", number(report.sum(\.unplayed))),
      ("duration_us", number(report.microseconds)),
      (
        "ack_latency",
        .object([
          ("count", number(report.latencies.count)), ("p50_us", number(report.latencies.percentile(0.5))),
          ("p90_us", number(report.latencies.percentile(0.9))),
          ("p99_us", number(report.latencies.percentile(0.99))),
          ("max_us", number(report.latencies.percentile(1))),
        ])
      ),
      ("differences", .array(differences + report.slow.map(\.json))),
      ("notes", .array(report.notes.map { .string($0) })),
    ])
  }
}
