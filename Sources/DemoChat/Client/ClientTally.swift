/// What a client counted.
package struct ClientTally: Sendable, Equatable {
  /// The Socket.IO text of every emit, in order.
  package var texts: [String] = []
  /// Emits by event name.
  package var emits: [String: Int] = [:]
  /// Acks received, by the event they answer.
  package var acks: [String: Int] = [:]
  /// Events received, by name.
  package var events: [String: Int] = [:]
  /// Acks sent to the server, by the event they answer.
  package var answers: [String: Int] = [:]

  /// Emits that could not be sent, for the session had ended; not counted elsewhere.
  package var notSent = 0

  package init() {}

  /// Most texts kept.
  static let maximumTexts = 10_000

  mutating func emitted(_ emit: ClientEmit, text: String) {
    emits[emit.event, default: 0] += 1
    if texts.count < Self.maximumTexts { texts.append(text) }
  }
  mutating func acknowledged(_ event: String) { acks[event, default: 0] += 1 }
  mutating func received(_ event: String) { events[event, default: 0] += 1 }
  mutating func answered(_ event: String) { answers[event, default: 0] += 1 }

  /// Adds what another session of the same client, or another client, counted.
  mutating func add(_ other: ClientTally) {
    texts += other.texts.prefix(max(0, Self.maximumTexts - texts.count))
    emits.merge(other.emits, uniquingKeysWith: +)
    acks.merge(other.acks, uniquingKeysWith: +)
    events.merge(other.events, uniquingKeysWith: +)
    notSent += other.notSent
    answers.merge(other.answers, uniquingKeysWith: +)
  }
}
