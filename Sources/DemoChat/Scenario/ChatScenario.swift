import NIOCore

/// Many clients chatting for a while: seeded, so that the same seed and duration yield the same emits by each client,
/// in the same order. Every fault of ``ChatApplication`` and every bad habit of a client occurs at least once.
package struct ChatScenario: Sendable {
  /// The seed everything random is drawn from.
  package let seed: UInt64
  /// How long the clients chat; the last answers may take a little longer. Zero plays without pauses.
  package let duration: Duration

  package init(seed: UInt64, duration: Duration = .seconds(10)) {
    self.seed = seed
    self.duration = max(duration, .zero)
  }

  /// The time after which an ack counts as late, fit for the scenario's length: a tenth of it, from 50 ms to 5 s.
  ///
  /// Whoever judges the traffic should use it, and the server must: see ``serverConfiguration``.
  package var ackTimeout: Duration { min(max(duration / 10, .milliseconds(50)), .seconds(5)) }

  /// A server's configuration with which every fault falls into the scenario's length.
  package var serverConfiguration: ChatServer.Configuration {
    var configuration = ChatServer.Configuration()
    configuration.ackTimeout = TimeAmount(ackTimeout)
    // A client that freezes at a third is found out before the end.
    let beat = min(max(duration / 6, .milliseconds(250)), .seconds(20))
    configuration.pingInterval = TimeAmount(beat)
    configuration.pingTimeout = TimeAmount(beat)
    return configuration
  }

  /// Plays all clients against a server, or a proxy before it; nothing of them is left when it returns or throws.
  ///
  /// - Throws: `ChatClientError.unreachable` where nobody listens at that port, `CancellationError`.
  package func run(
    host: String = "127.0.0.1", port: Int, group: any EventLoopGroup
  ) async throws -> ScenarioReport {
    let start = ContinuousClock.now
    let patience = TimeAmount(ackTimeout * 3 + .seconds(2))
    return try await withThrowingTaskGroup(of: (Int, ScenarioReport.Client).self) { tasks in
      for (index, script) in scripts().enumerated() {
        tasks.addTask {
          var player = ScenarioPlayer(
            script: script, host: host, port: port, group: group, duration: duration, patience: patience)
          return (index, try await player.play(from: start))
        }
      }
      var clients: [(Int, ScenarioReport.Client)] = []
      for try await client in tasks { clients.append(client) }
      return ScenarioReport(clients: clients.sorted { $0.0 < $1.0 }.map(\.1))
    }
  }

  /// What each client does.
  func scripts() -> [ClientScript] {
    // Three messages in two seconds by each talkative client; a short scenario is not a quiet one.
    let seconds = Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
    let messages = Int(min(max(seconds * 1.5, 6), 240))
    // A retry comes after half the ack timeout: an attempt is superseded before it is overdue.
    var writer = ScriptWriter(seed: seed, messages: messages, retryInterval: 0.05)
    return writer.scripts()
  }
}
