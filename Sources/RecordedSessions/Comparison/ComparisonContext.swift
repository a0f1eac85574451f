import CaptureFormat

/// What the comparisons of one run share.
package struct ComparisonContext: Sendable {
  package var rules: ComparisonRules
  package var origins: ValueOrigins
  /// The time of the capture's last record.
  package var recordingEnded: CaptureTimestamp
  /// Whether events of the server must be as recorded, besides its acks.
  package var comparesEvents: Bool
  /// Whether the recording lacks records in the middle: what is not in it may have been.
  let hasHoles: Bool
  private let lonelyEmits: Set<Int>

  package init(recording: Recording, rules: ComparisonRules, comparesEvents: Bool = true) {
    self.rules = rules
    self.comparesEvents = comparesEvents
    origins = ValueOrigins(recording)
    recordingEnded = recording.ended
    hasHoles = recording.hasHoles
    lonelyEmits = Self.lonelyEmits(of: recording)
  }

  /// Whether no other emit of any client was under way between this one and its ack: what the server did meanwhile, it did
  /// because of it.
  func isAlone(emit seq: Int) -> Bool { lonelyEmits.contains(seq) }

  /// For how many records an emit without an ack may have effects.
  private static let effects = 100

  private static func lonelyEmits(of recording: Recording) -> Set<Int> {
    var emits: [(seq: Int, end: Int, isAnswered: Bool)] = []
    for session in recording.sessions {
      for step in session.steps where step.from == .client {
        guard case .emit(let emit) = step.kind else { continue }
        let end = emit.ack.map { session.steps[$0].seq } ?? step.seq + effects
        emits.append((step.seq, end, emit.ack != nil))
      }
    }
    emits.sort { $0.seq < $1.seq }
    var lonely: Set<Int> = []
    var latestEnd = 0
    for (index, emit) in emits.enumerated() {
      let isBeforeNext = index + 1 == emits.count || emits[index + 1].seq > emit.end
      if emit.isAnswered, latestEnd < emit.seq, isBeforeNext { lonely.insert(emit.seq) }
      latestEnd = max(latestEnd, emit.end)
    }
    return lonely
  }
}
