import JSONText

/// What became of a scenario's emits, from what its peers themselves reported.
package struct TranscriptTruth: Sendable {
  /// Every emit, in the order of the wire.
  package let emits: [EmitLine]
  /// The pairs of verdict and cause among them, such as `late after_ack_timeout`; `-` where there is no cause.
  package let verdicts: Set<String>
  /// Findings that must be made.
  package let required: Set<String>
  /// Findings that may be made too.
  package let allowed: Set<String>

  init(_ json: JSONValue?) {
    required = Set(json?["findings"]?.array?.compactMap(\.string) ?? [])
    allowed = Set(json?["allowed_findings"]?.array?.compactMap(\.string) ?? [])
    var emits: [EmitLine] = []
    var verdicts: Set<String> = []
    for emit in json?["emits"]?.array ?? [] {
      let causes = [emit["cause"]?.string ?? "-"] + (emit["also"]?.array?.compactMap(\.string) ?? [])
      let lines = causes.map { cause in
        "\(emit["from"]?.string ?? "") \(emit["namespace"]?.string ?? "") \(emit["id"]?.number ?? "-") "
          + "\(emit["event"].map { $0.string ?? $0.number ?? "-" } ?? "-") \(emit["verdict"]?.string ?? "") \(cause)"
      }
      emits.append(EmitLine(text: lines[0], alternatives: Array(lines.dropFirst())))
      verdicts.insert("\(emit["verdict"]?.string ?? "") \(causes[0])")
    }
    self.emits = emits
    self.verdicts = verdicts
  }

  /// What these findings lack or have too much; empty where they fit.
  package func contradictions(_ findings: Set<String>) -> [String] {
    required.subtracting(findings).sorted().map { "missing: \($0)" }
      + findings.subtracting(required).subtracting(allowed).sorted().map { "unfounded: \($0)" }
  }
}
