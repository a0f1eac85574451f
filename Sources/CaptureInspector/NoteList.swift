/// What is to be said about a capture itself, one line each, kept short: of each kind the first few, then a count.
struct NoteList {
  /// What a note is about.
  enum Kind: Int, CaseIterable {
    case torn, damage, gap, seqJump, mismatch, missingEnd, orphan, limit, missingFile
  }

  private static let kept = 8
  private var lines: [(kind: Kind, text: String)] = []
  private var counts: [Int: Int] = [:]

  mutating func add(_ kind: Kind, _ text: @autoclosure () -> String) {
    counts[kind.rawValue, default: 0] += 1
    if counts[kind.rawValue, default: 0] <= Self.kept { lines.append((kind, text())) }
  }

  /// The lines in the order they came, each kind's count of what was left out behind its last line.
  var texts: [String] {
    var result: [String] = []
    for (index, line) in lines.enumerated() {
      result.append(line.text)
      let more = counts[line.kind.rawValue, default: 0] - Self.kept
      if more > 0, !lines[(index + 1)...].contains(where: { $0.kind == line.kind }) {
        result.append("\(more) more of this kind")
      }
    }
    return result
  }
}
