import CaptureFormat
import RecordedSessions

/// How a replay went: all its copies together.
package struct ReplayReport: Sendable {
  package var recording: Recording
  package var plan: ReplayPlan
  package var outcomes: [CopyOutcome]
  package var duration: Duration
  /// What all copies together are too slow at.
  package var slow: [Difference]

  init(recording: Recording, plan: ReplayPlan, outcomes: [CopyOutcome], duration: Duration) {
    self.recording = recording
    self.plan = plan
    self.outcomes = outcomes
    self.duration = duration
    var latencies = LatencyComparison()
    for outcome in outcomes { latencies.add(outcome.latencies) }
    slow = latencies.differences(maximumRatio: plan.maximumLatencyRatio, maximumP99: plan.maximumP99)
    self.latencies = latencies
  }

  package var latencies: LatencyComparison

  /// The same without secrets: for everything that is written.
  package func told(behind veil: SecretVeil) -> ReplayReport {
    var told = self
    for index in outcomes.indices {
      told.outcomes[index].differences = outcomes[index].differences.map { $0.told(behind: veil) }
      told.outcomes[index].notes = outcomes[index].notes.map(veil.text)
    }
    return told
  }

  /// Why nothing could be compared, or nil.
  package var unreachable: String? { outcomes.lazy.compactMap(\.unreachable).first }

  /// How many differences there are, those of all copies.
  package var differenceCount: Int { outcomes.reduce(slow.count) { $0 + $1.differences.count } }

  /// Whether the user ended it before everything was played.
  package var isStopped: Bool {
    outcomes.contains(where: \.isStopped) || outcomes.count < plan.repetitions * plan.parallel
  }

  /// Whether all of it was played, and nothing differs.
  package var isSame: Bool { differenceCount == 0 && unreachable == nil && !isStopped }

  /// Notes about the capture and about the run, each once.
  package var notes: [String] {
    var notes: [String] = []
    if !plan.comparesEvents(of: recording) {
      notes.append("at --pace max sessions overtake each other: acks are compared, events are not")
    }
    for note in recording.notes + outcomes.flatMap(\.notes) where !notes.contains(note) { notes.append(note) }
    return notes
  }

  func sum(_ member: KeyPath<CopyOutcome, Int>) -> Int { outcomes.reduce(0) { $0 + $1[keyPath: member] } }

  /// Microseconds.
  var microseconds: Int {
    Int(duration.components.seconds * 1_000_000 + duration.components.attoseconds / 1_000_000_000_000)
  }
}
