import CaptureFormat

/// What `--fail-on` asks for: verdicts, a verdict for one cause, or findings.
package struct FailOnList: Equatable, Sendable {
  /// Why a list is refused: the name that is unknown, and the names there are.
  package struct Fault: Error, Equatable, Sendable, CustomStringConvertible {
    package var description: String
  }

  struct Item: Equatable {
    var name: String
    var cause: String?
  }

  let items: [Item]

  /// Parses `VERDICT[:CAUSE],…`, where a finding's name may stand for a verdict's.
  package init(parsing text: String) throws(Fault) {
    var items: [Item] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let halves = part.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        .map { String($0.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()) }
      let name = halves[0]
      let cause = halves.count > 1 ? halves[1] : nil
      let shown = TerminalText.harmless(String(part))
      let isVerdict = CaptureNames.verdicts.contains(name)
      guard isVerdict || CaptureNames.findings.contains(name) else {
        throw Fault(
          description: "--fail-on: \"\(shown)\" names no verdict or finding; verdicts are "
            + CaptureNames.verdicts.joined(separator: ", ") + "; findings are "
            + CaptureNames.findings.joined(separator: ", "))
      }
      if let cause, !CaptureNames.causes(of: name).contains(cause) {
        let causes = isVerdict ? CaptureNames.causes(of: name) : []
        throw Fault(
          description: "--fail-on: \"\(shown)\" names no cause of \(name); "
            + (causes.isEmpty ? "it has none" : "its causes are " + causes.joined(separator: ", ")))
      }
      items.append(Item(name: name, cause: cause))
    }
    self.items = items
  }

  /// Whether a summary holds anything on the list.
  func matches(_ summary: CaptureSummary) -> Bool {
    items.contains { item in
      summary.tally.count(of: item.name, cause: item.cause) > 0
        || item.cause == nil && summary.findingCounts[item.name, default: 0] > 0
    }
  }
}
