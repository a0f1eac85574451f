/// What the clients of a scenario counted themselves: to check the server and the proxy against, and for a closing
/// line.
package struct ScenarioReport: Sendable, Equatable {
  /// One client, over all its sessions.
  package struct Client: Sendable, Equatable {
    package var name: String
    package var tally = ClientTally()
    /// Sessions it opened.
    package var sessions = 0
    /// Connects and joins that were refused, as they must be.
    package var refusals = 0
    /// Emits the server should have acknowledged and did not.
    package var missingAcks: [String] = []
  }

  package var clients: [Client] = []

  /// All clients' counts together.
  package var total: ClientTally {
    clients.reduce(into: ClientTally()) { $0.add($1.tally) }
  }

  /// Emits of all clients.
  package var emits: Int { total.emits.values.reduce(0, +) }
  /// Acks that clients received.
  package var acks: Int { total.acks.values.reduce(0, +) }
}
