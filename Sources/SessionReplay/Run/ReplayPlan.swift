import JSONText
import RecordedSessions

/// How a recording is played, and what is expected of the server.
package struct ReplayPlan: Sendable {
  /// When a client takes its next step.
  package enum Pace: Sendable, Equatable {
    /// As soon as everything that came before it in the recording has come.
    case causal
    /// The same, and not before its time in the recording, divided by the speed.
    case recorded(speed: Double)
    /// Each session for itself, without waiting for more than what a step needs: its namespace joined, the emit that
    /// it answers, the values that it sends.
    case max
  }

  package var pace = Pace.causal
  /// How long something may be waited for beyond the time that it took in the recording.
  package var timeout: Duration = .seconds(5)
  /// Runs one after another.
  package var repetitions = 1
  /// Copies played at once in each run.
  package var parallel = 1
  package var rules = ComparisonRules()
  package var binds: [BindRule] = []
  package var sets: [SetRule] = []
  /// What is merged into the CONNECT payloads.
  package var auth: JSONValue?
  /// Fields that are added to every request, in place of recorded ones of the same name.
  package var headers: [(name: String, value: String)] = []
  /// Members of the query, not yet encoded, in place of recorded ones of the same name.
  package var query: [(name: String, value: String)] = []
  /// How many times slower than recorded the median of an event's acks may be.
  package var maximumLatencyRatio: Double?
  /// What the 99th percentile of all acks may be, in microseconds.
  package var maximumP99: Int?

  package init() {}

  /// Whether events are compared: at full speed the sessions overtake each other, and who hears whom is chance.
  func comparesEvents(of recording: Recording) -> Bool { pace != .max || recording.sessions.count == 1 }
}
