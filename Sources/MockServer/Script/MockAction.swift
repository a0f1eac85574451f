import RecordedSessions

/// Something that the mock is to do for one of its clients.
package struct MockAction: Sendable {
  /// What to do.
  package enum What: Sendable {
    /// Let the client into a namespace.
    case connect
    /// Refuse it.
    case refuse(RecordedPayload?)
    /// Put the client out of it.
    case disconnect
    /// Send an event; the place tells what its ack answers.
    case emit(RecordedEmit, StepPlace)
    case ack(id: String, RecordedPayload)
    /// End the session as the recorded server did.
    case close(RecordedClose)
  }

  /// The client, by the number it got when it came.
  package var client: Int
  package var namespace: String
  package var what: What
  /// Microseconds that the recorded server took.
  package var delay: Int64
  /// The address of the recorded step: of what is due at one moment, the first recorded comes first.
  package var seq = 0
}

/// What a client's packet leads to.
package struct MockResponse: Sendable {
  package var actions: [MockAction] = []
  /// Why there was no answer, in one line for people, where there was none.
  package var complaint: String?

  /// The actions in the order in which the recorded server took them.
  mutating func order() { actions.sort { ($0.delay, $0.seq) < ($1.delay, $1.seq) } }
}

/// Why a handshake is refused.
package struct MockRefusal: Sendable, Equatable {
  package var status: Int
  package var code: Int?
  package var message: String
  /// Set where the recording has nothing for it, in one line for people; nil where it was refused in the recording.
  package var complaint: String?
}

/// A client's handshake.
package struct MockHandshake: Sendable {
  package var eio: Int
  package var isWebSocket: Bool
  package var path: String
  /// What the application added to the query.
  package var query: [(name: String, value: String)]

  package init(eio: Int, isWebSocket: Bool, path: String, query: [(name: String, value: String)]) {
    self.eio = eio
    self.isWebSocket = isWebSocket
    self.path = path
    self.query = query
  }
}
