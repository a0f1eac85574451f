/// What the peers of a `FaultyChat` know of every emit, and whether a capture says the same.
struct FaultyChatTruth: Sendable {
  /// What became of one emit, and what may truthfully be called the cause.
  private struct Fate: Sendable {
    let verdict: String
    let causes: [String]
  }

  private let byKey: [String: [Fate]]
  /// The verdict that would be as true, for emits that the machine was too slow for.
  private let unsure: [String: String]
  /// By name, the emits without a tag; none asks for an ack.
  private let untagged: [String: Int]
  /// By name and verdict, the emits of the Engine.IO 3 clients and their server.
  private let older: [String: [String: Int]]
  /// How often the findings must come that are certain.
  let findingCounts: [String: Int]

  init(of run: FaultyChat) {
    byKey = (run.truth["emits"]?.object ?? [:]).mapValues { fates in
      (fates.array ?? []).map { fate in
        let words = (fate.array ?? []).compactMap(\.string)
        return Fate(verdict: words.first ?? "", causes: Array(words.dropFirst()))
      }
    }
    unsure = (run.truth["unsure"]?.object ?? [:]).compactMapValues(\.string)
    untagged = run.truth["untagged"]?.counts ?? [:]
    var older: [String: [String: Int]] = [:]
    let asked = run.older["acks_asked"]?.counts ?? [:]
    for (name, count) in run.older["emitted"]?.counts ?? [:] {
      let event = String(name.split(separator: " ").last ?? "")
      let verdict =
        ["forgets": "unanswered", "raises": "unanswered", "slow": "late"][event] ?? "acknowledged"
      let withID = asked[name] ?? 0
      if withID > 0 { older[event, default: [:]][verdict, default: 0] += withID }
      if count > withID { older[event, default: [:]]["unconfirmed", default: 0] += count - withID }
    }
    for (name, count) in run.older["received"]?.counts ?? [:] {
      older[String(name.split(separator: " ").last ?? ""), default: [:]]["unconfirmed", default: 0] += count
    }
    self.older = older
    findingCounts = (run.truth["findings"]?.counts ?? [:]).merging(
      ["upgrade_completed": run.older["transports"]?.counts["websocket"] ?? 0], uniquingKeysWith: +)
  }

  /// How often each verdict must be given; the capture decides where two would be true.
  func verdictCounts(in capture: CaptureFile) -> [String: Int] {
    var counts: [String: Int] = [:]
    for fate in byKey.values.joined() { counts[fate.verdict, default: 0] += 1 }
    for emit in capture.events() where !unsure.isEmpty {
      guard let key = Self.key(of: emit), let other = unsure[key], capture.outcome(of: emit) == other,
        let usual = byKey[key]?.first?.verdict
      else { continue }
      counts[usual, default: 0] -= 1
      counts[other, default: 0] += 1
    }
    counts["unconfirmed", default: 0] += untagged.values.reduce(0, +)
    for verdicts in older.values { counts.merge(verdicts, uniquingKeysWith: +) }
    return counts
  }

  /// Who emitted and the tag, as `faulty_chat.py` has them; nil for an emit without a tag.
  static func key(of emit: CaptureRecord) -> String? {
    guard let from = emit.from else { return nil }
    if let tag = emit["args"]?[0]?["tag"]?.int { return "\(from) \(tag)" }
    // A message that was cut short is text.
    let marked = emit["text"]?.string?.firstMatch(of: /"tag":([0-9]+)/)
    return marked.map { "\(from) \($0.1)" }
  }

  /// Wrong verdicts, causes that are wrong though they were called proved or strong, and emits too many or too few, each
  /// in words.
  func mistakes(in capture: CaptureFile) -> [String] {
    var mistakes: [String] = []
    var seen: [String: Int] = [:]
    var namesSeen: [String: Int] = [:]
    var olderSeen: [String: [String: Int]] = [:]
    for emit in capture.events() {
      let verdict = capture.outcome(of: emit) ?? "nothing"
      let final = capture.finalVerdict(on: emit)
      let event = emit.event ?? "?"
      if emit.namespace == FaultyChat.olderNamespace {
        olderSeen[event, default: [:]][verdict, default: 0] += 1
        continue
      }
      guard let key = Self.key(of: emit) else {
        namesSeen[event, default: 0] += 1
        if verdict != "unconfirmed" { mistakes.append("\(verdict), and no ack was asked for: \(emit)") }
        continue
      }
      let number = seen[key, default: 0]
      seen[key] = number + 1
      guard let fates = byKey[key], fates.indices.contains(number) else {
        mistakes.append("nobody emitted \(emit)")
        continue
      }
      let fate = fates[number]
      let cause = final?["cause"]?.string
      let isSure = final?["certainty"] != .string("inferred")
      if verdict == unsure[key] { continue }
      if verdict != fate.verdict {
        mistakes.append("\(fate.verdict) \(fate.causes) became \(verdict) \(cause ?? "-"): \(emit)")
      } else if let cause, isSure, !fate.causes.contains(cause) {
        mistakes.append("\(fate.causes) became \(final.map(\.line) ?? ""): \(emit)")
      }
    }
    for (key, fates) in byKey where seen[key] != fates.count {
      mistakes.append("\(key) was emitted \(fates.count) times, and seen \(seen[key] ?? 0) times")
    }
    if namesSeen != untagged { mistakes.append("without a tag: \(namesSeen) instead of \(untagged)") }
    if olderSeen != older { mistakes.append("Engine.IO 3: \(olderSeen) instead of \(older)") }
    return mistakes
  }
}
