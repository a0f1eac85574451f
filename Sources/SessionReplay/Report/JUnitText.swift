import CaptureFormat
import JSONText
import RecordedSessions

/// The report as JUnit XML: a test suite for each copy, a test case for each session, and one for latency where it has limits.
package struct JUnitText {
  private let report: ReplayReport
  private let name: String

  /// - Parameter name: of the capture, as the user gave it.
  package init(_ report: ReplayReport, name: String) {
    self.report = report
    self.name = name
  }

  package func write(to sink: inout ByteSink) {
    let hasLimits = report.plan.maximumLatencyRatio != nil || report.plan.maximumP99 != nil
    let failures =
      report.outcomes.reduce(0) { $0 + failedSessions(of: $1).count } + (report.slow.isEmpty ? 0 : 1)
    let cases = report.outcomes.count * caseCount + (hasLimits ? 1 : 0)
    sink.append("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")
    sink.append(
      "<testsuites name=\"ackscope replay\" tests=\"\(cases)\" failures=\"\(failures)\" time=\"\(Self.seconds(report.microseconds))\">\n"
    )
    for outcome in report.outcomes { write(outcome, to: &sink) }
    if hasLimits {
      sink.append("  <testsuite name=\"latency\" tests=\"1\" failures=\"\(report.slow.isEmpty ? 0 : 1)\">\n")
      writeCase("acks are fast enough", report.slow, to: &sink)
      sink.append("  </testsuite>\n")
    }
    sink.append("</testsuites>\n")
  }

  private var hasRefusals: Bool { !report.recording.refusals.isEmpty }
  private var caseCount: Int { report.recording.sessions.count + (hasRefusals ? 1 : 0) }

  private func failedSessions(of outcome: CopyOutcome) -> Set<Int> {
    Set(outcome.differences.map { $0.session ?? 0 })
  }

  private func write(_ outcome: CopyOutcome, to sink: inout ByteSink) {
    let title = report.outcomes.count > 1 ? "\(name), copy \(outcome.number)" : name
    let time =
      outcome.duration.components.seconds * 1_000_000
      + outcome.duration.components.attoseconds / 1_000_000_000_000
    sink.append(
      "  <testsuite name=\"\(Self.escaped(title))\" tests=\"\(caseCount)\" failures=\"\(failedSessions(of: outcome).count)\" time=\"\(Self.seconds(Int(time)))\">\n"
    )
    for session in report.recording.sessions {
      let emits = session.steps.count { $0.kind.isEmit }
      let transports = session.transports.map { $0 == .polling ? "polling" : "websocket" }.joined(
        separator: " to ")
      writeCase(
        "session \(session.number): \(emits) emits over \(transports)",
        outcome.differences.filter { $0.session == session.number }, to: &sink)
    }
    if hasRefusals {
      writeCase("refused handshakes", outcome.differences.filter { $0.session == nil }, to: &sink)
    }
    sink.append("  </testsuite>\n")
  }

  private func writeCase(_ title: String, _ differences: [Difference], to sink: inout ByteSink) {
    let head = "    <testcase classname=\"\(Self.escaped(name))\" name=\"\(Self.escaped(title))\""
    guard let first = differences.first else { return sink.append(head + "/>\n") }
    let more = differences.count > 1 ? " (and \(differences.count - 1) more)" : ""
    var text = ByteSink()
    for difference in differences.prefix(100) { difference.write(to: &text, indent: "") }
    sink.append(head + ">\n")
    sink.append(
      "      <failure type=\"\(first.kind.rawValue)\" message=\"\(Self.escaped(first.words + more))\">")
    sink.append(Self.escaped(String(decoding: text.bytes, as: UTF8.self)))
    sink.append("</failure>\n    </testcase>\n")
  }

  /// XML has no way to write most control characters.
  private static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "\n", "\t": result.unicodeScalars.append(scalar)
      default:
        let isAllowed = scalar.value >= 0x20 && scalar.value != 0xFFFE && scalar.value != 0xFFFF
        result.unicodeScalars.append(isAllowed ? scalar : "\u{FFFD}")
      }
    }
    return result
  }

  private static func seconds(_ microseconds: Int) -> String {
    let rest = String(1_000 + microseconds / 1_000 % 1_000).dropFirst()
    return "\(microseconds / 1_000_000).\(rest)"
  }
}
