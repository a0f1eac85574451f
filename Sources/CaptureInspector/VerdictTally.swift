import CaptureFormat

/// A verdict and its cause.
struct VerdictCause: Hashable {
  var verdict: String
  var cause: String?
}

/// How many emits have which verdict for which cause.
struct VerdictTally {
  /// Names are a fixed few; a file that invents more of them does not make this grow.
  private static let limit = 256

  private var others: [VerdictCause: Int] = [:]
  // The verdict of nearly every emit: counted without hashing.
  private var acknowledged = 0

  /// How many emits have each verdict and cause.
  var counts: [VerdictCause: Int] {
    var all = others
    if acknowledged > 0 { all[VerdictCause(verdict: "acknowledged")] = acknowledged }
    return all
  }

  mutating func count(_ verdict: String, _ cause: String?, _ change: Int) {
    if verdict == "acknowledged" {
      acknowledged += change
      return
    }
    let key = VerdictCause(verdict: verdict, cause: cause)
    guard let count = others[key] else {
      if others.count < Self.limit { others[key] = change }
      return
    }
    others[key] = count + change == 0 ? nil : count + change
  }

  /// Emits by verdict, in the order of VERDICTS.md, unknown names last.
  var verdicts: [(name: String, count: Int)] { Self.ordered(counts, by: \.verdict, CaptureNames.verdicts) }

  /// Emits by cause, in the order of VERDICTS.md, unknown names last.
  var causes: [(name: String, count: Int)] { Self.ordered(counts, by: \.cause, CaptureNames.causes) }

  /// Emits with this verdict, and with this cause if one is given.
  func count(of verdict: String, cause: String?) -> Int {
    counts.reduce(0) { sum, entry in
      entry.key.verdict == verdict && (cause == nil || entry.key.cause == cause) ? sum + entry.value : sum
    }
  }

  /// Names in the order of a known list, those outside it behind, by alphabet.
  static func ordered(_ counts: [String: Int], _ known: [String]) -> [(name: String, count: Int)] {
    let unknown = counts.keys.filter { !known.contains($0) }.sorted()
    return (known + unknown).compactMap { name in counts[name].map { (name, $0) } }
  }

  private static func ordered(
    _ counts: [VerdictCause: Int], by name: (VerdictCause) -> String?, _ known: [String]
  ) -> [(name: String, count: Int)] {
    var sums: [String: Int] = [:]
    for (key, count) in counts {
      if let name = name(key) { sums[name, default: 0] += count }
    }
    return ordered(sums, known)
  }
}
