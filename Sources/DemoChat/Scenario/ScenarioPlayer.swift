import NIOCore

/// Plays one client's script against a port.
struct ScenarioPlayer {
  let script: ClientScript
  let host: String
  let port: Int
  let group: any EventLoopGroup
  /// The scenario's length; 0 plays without pauses.
  let duration: Duration
  /// How long an answer may take that is due when the client is about to leave.
  let patience: TimeAmount

  private var report: ScenarioReport.Client
  private var client: ChatClient?
  private var due: [(event: String, outcome: EventLoopFuture<EmitOutcome>)] = []

  init(
    script: ClientScript, host: String, port: Int, group: any EventLoopGroup, duration: Duration,
    patience: TimeAmount
  ) {
    self.script = script
    self.host = host
    self.port = port
    self.group = group
    self.duration = duration
    self.patience = patience
    report = ScenarioReport.Client(name: script.name)
  }

  /// Plays the script to its end; all connections are closed when it returns or throws.
  ///
  /// - Throws: `ChatClientError.unreachable` where nobody listens, `CancellationError`.
  mutating func play(from start: ContinuousClock.Instant) async throws -> ScenarioReport.Client {
    do {
      for step in script.steps {
        try await ContinuousClock().sleep(until: start + duration * step.time)
        try await perform(step.action)
      }
      await settle()
      await finish { await $0.close() }
    } catch {
      await finish { await $0.vanish() }
      throw error
    }
    return report
  }

  private mutating func perform(_ action: ScriptStep.Action) async throws {
    switch action {
    case .connect(let transport):
      await settle()
      await finish { await $0.close() }
      client = try await connect(transport, revision: 4)
      report.sessions += 1
    case .connectInVain(let revision):
      do {
        client = try await connect(.polling, revision: revision)
      } catch ChatClientError.handshakeRefused {
        report.refusals += 1
      }
    case .join(let namespace, let auth):
      do {
        _ = try await client?.join(namespace, auth: auth)
      } catch ChatClientError.namespaceRefused {
        report.refusals += 1
      } catch ChatClientError.connectionEnded {
        // The emits that follow count as not sent.
      }
    case .emit(let emits, let answered): try await send(emits, answered: answered)
    case .emitUnwisely(let emits):
      await settle()
      try await client?.drained()
      try await send(emits, answered: false)
      try await client?.drained()
    case .settle: await settle()
    case .emitAndDisconnect(let emit): try await send([emit], answered: false, thenDisconnect: true)
    case .sendText(let text): try await client?.sendText(text)
    case .sendReservedFrame: try await client?.sendReservedFrame()
    case .abandonUpgrade:
      // Whether the attempt succeeds is for the onlooker to tell; the session goes on by polling.
      do { try await client?.abandonUpgrade() } catch is ChatClientError {}
    case .freeze:
      await settle()
      try await client?.freeze()
    case .leave:
      await settle()
      await finish { await $0.close() }
    case .vanish:
      await settle()
      await finish { await $0.vanish() }
    }
  }

  private func connect(_ transport: ChatClient.Transport, revision: Int) async throws -> ChatClient {
    try await ChatClient.connect(
      host: host, port: port, group: group, transport: transport, behaviour: script.behaviour,
      revision: revision)
  }

  private mutating func send(_ emits: [ClientEmit], answered: Bool, thenDisconnect: Bool = false) async throws
  {
    guard let client else {
      report.tally.notSent += emits.count
      return
    }
    let outcomes = try await client.emit(emits, thenDisconnect: thenDisconnect)
    guard answered else { return }
    for (emit, outcome) in zip(emits, outcomes) where emit.wantsAck { due.append((emit.event, outcome)) }
  }

  /// Waits for the acks that must still come, as long as the client's patience lasts.
  private mutating func settle() async {
    guard let client, !due.isEmpty else { return }
    let deadline = client.vanish(after: patience)
    for emit in due { _ = try? await emit.outcome.get() }
    deadline.cancel()
  }

  /// Ends the client, if there is one, and takes over what it counted.
  private mutating func finish(_ end: (ChatClient) async -> Void) async {
    guard let client else { return }
    self.client = nil
    await end(client)
    if let tally = try? await client.tally() { report.tally.add(tally) }
    for emit in due {
      switch try? await emit.outcome.get() {
      case .acknowledged, .notAsked, .notSent: break
      case .connectionEnded, nil: report.missingAcks.append(emit.event)
      }
    }
    due.removeAll()
  }
}
