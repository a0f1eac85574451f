import JSONText

/// What a capture says of its emits and findings.
package struct CaptureAccount: Sendable {
  /// A line that is no record.
  package struct NoRecord: Error {
    /// The line.
    package let line: String
  }

  /// Every emit, in the order of the records, with its last word or the state it was left in.
  package let emits: [EmitLine]
  /// The kinds of finding that were made.
  package let findings: Set<String>

  /// Reads a capture's lines.
  package init(lines: [String]) throws {
    var findings: Set<String> = []
    var order: [Int] = []
    var told: [Int: String] = [:]
    var verdicts: [Int: String] = [:]
    for line in lines {
      guard let record = try? JSONValue(parsing: line), let seq = record["seq"]?.integer else {
        throw NoRecord(line: line)
      }
      switch record["type"]?.string {
      case "packet":
        switch record["socket"]?.string {
        case "event", "binary_event":
          order.append(seq)
          let event = record["event"].map { $0.string ?? $0.number ?? "-" } ?? "-"
          told[seq] =
            "\(record["from"]?.string ?? "") \(record["namespace"]?.string ?? "") \(record["id"]?.number ?? "-") \(event)"
          verdicts[seq] = record["id"] == nil ? "unconfirmed no_ack_requested" : "undecided -"
        case "ack", "binary_ack":
          if let emit = record["ack_of"]?.integer, verdicts[emit] == "undecided -" {
            verdicts[emit] = "acknowledged -"
          }
        default: break
        }
      case "verdict":
        guard record["final"]?.boolean == true, let emit = record["emit"]?.integer else { break }
        verdicts[emit] = "\(record["verdict"]?.string ?? "") \(record["cause"]?.string ?? "-")"
      case "finding":
        if let finding = record["finding"]?.string { findings.insert(finding) }
      default: break
      }
    }
    self.findings = findings
    emits = order.map { EmitLine(text: "\(told[$0] ?? "") \(verdicts[$0] ?? "")") }
  }
}
