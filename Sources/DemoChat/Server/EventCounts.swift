/// What a server counted of its events, by event name. Confined to the server's event loop.
final class EventCounts {
  private(set) var events: [String: EventCount] = [:]

  /// Most event names counted apart; a peer that invents more is counted under `(other)`.
  private static let maximumNames = 256

  func withEvent(_ name: String, _ change: (inout EventCount) -> Void) {
    let key = events[name] != nil || events.count < Self.maximumNames ? name : "(other)"
    change(&events[key, default: EventCount()])
  }
}

/// Counts for one event name, as the server saw them.
package struct EventCount: Sendable, Equatable {
  /// Emits of clients that arrived on a namespace they had joined.
  package var arrived = 0
  /// Of these, the ones a handler was run for.
  package var handled = 0
  /// Acks the server sent.
  package var acksSent = 0
  /// Emits of the server, one for each receiver.
  package var emitted = 0
  /// Acks of clients to emits of the server.
  package var acksReceived = 0

  package init() {}
}
