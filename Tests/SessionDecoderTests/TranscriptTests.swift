import JSONText
import SessionDecoder
import Testing

/// Recorded sessions of real servers and clients, told by the decoder and correlator, against the truth.
@Suite struct TranscriptTests {
  @Test(arguments: RecordedScenario.all)
  func everyEmitGetsTheVerdictOfItsTruth(_ scenario: RecordedScenario) {
    let account = CaptureAccount(lines: scenario.capture())
    #expect(account.emits == Truth(scenario.json["truth"]).emits, "\(scenario.id)")
  }

  @Test(arguments: RecordedScenario.all)
  func theFindingsAreThoseOfTheTruth(_ scenario: RecordedScenario) {
    let account = CaptureAccount(lines: scenario.capture())
    let truth = Truth(scenario.json["truth"])
    let missing = truth.required.subtracting(account.findings)
    let unfounded = account.findings.subtracting(truth.required).subtracting(truth.allowed)
    #expect(
      missing.isEmpty && unfounded.isEmpty, "\(scenario.id): missing \(missing), unfounded \(unfounded)")
  }

  @Test func theRecordingsAreThere() {
    #expect(RecordedScenario.all.count == 118)
  }
}

/// One line for each emit: who, where, what, and what became of it.
struct EmitLine: Equatable, CustomStringConvertible {
  var text: String
  var alternatives: [String] = []

  var description: String { text }

  static func == (left: EmitLine, right: EmitLine) -> Bool {
    left.text == right.text || left.alternatives.contains(right.text)
      || right.alternatives.contains(left.text)
  }
}

struct Truth {
  var emits: [EmitLine] = []
  var required: Set<String> = []
  var allowed: Set<String> = []

  init(_ json: JSONValue?) {
    required = Set(json?["findings"]?.array?.compactMap(\.string) ?? [])
    allowed = Set(json?["allowed_findings"]?.array?.compactMap(\.string) ?? [])
    for emit in json?["emits"]?.array ?? [] {
      let causes = [emit["cause"]?.string ?? "-"] + (emit["also"]?.array?.compactMap(\.string) ?? [])
      let lines = causes.map { cause in
        "\(emit["from"]?.string ?? "") \(emit["namespace"]?.string ?? "") \(emit["id"]?.number ?? "-") "
          + "\(emit["event"].map { $0.string ?? $0.number ?? "-" } ?? "-") \(emit["verdict"]?.string ?? "") \(cause)"
      }
      emits.append(EmitLine(text: lines[0], alternatives: Array(lines.dropFirst())))
    }
  }
}

/// What a capture says of its emits and findings.
struct CaptureAccount {
  var emits: [EmitLine] = []
  var findings: Set<String> = []

  init(lines: [String]) {
    var order: [Int] = []
    var told: [Int: String] = [:]
    var verdicts: [Int: String] = [:]
    for line in lines {
      guard let record = try? JSONValue(parsing: line), let seq = record["seq"]?.integer else {
        Issue.record("not a record: \(line)")
        continue
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
    emits = order.map { EmitLine(text: "\(told[$0] ?? "") \(verdicts[$0] ?? "")") }
  }
}
