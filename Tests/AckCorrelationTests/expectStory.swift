import AckCorrelation
import Testing

/// Plays a story of the wire (see `WireScript`) and compares the outcomes, line by line.
///
/// Outcome lines: `#emit-seq who namespace id event verdict cause certainty [evidence] ... age`, with an ellipsis
/// at the end where the state may still change; findings start with `!`.
func expectStory(
  _ story: String, ackTimeout: Double = 300, limits: CorrelationLimits = CorrelationLimits(),
  yields expected: String, sourceLocation: SourceLocation = #_sourceLocation
) {
  let actual = WireScript.play(story, ackTimeout: ackTimeout, limits: limits)
  guard actual != expected else { return }
  let wanted = expected.split(separator: "\n").map(String.init)
  let found = actual.split(separator: "\n").map(String.init)
  var report = "the story went otherwise:\n"
  for change in found.difference(from: wanted) {
    switch change {
    case .remove(_, let line, _): report += "- \(line)\n"
    case .insert(_, let line, _): report += "+ \(line)\n"
    }
  }
  Issue.record(Comment(rawValue: report), sourceLocation: sourceLocation)
}
