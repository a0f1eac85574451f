import NIOCore
import Testing

@testable import DemoChat

@Suite(.timeLimit(.minutes(1))) struct ChatScenarioTests {
  /// A scenario without pauses, and a server whose heartbeat does not matter.
  private static func play(seed: UInt64) async throws -> (ScenarioReport, [String: EventCount]) {
    let scenario = ChatScenario(seed: seed, duration: .zero)
    var configuration = scenario.serverConfiguration
    configuration.pingInterval = .seconds(25)
    // Slow answers take half as long again: clients that leave before have left, on a busy machine too.
    configuration.ackTimeout = .seconds(1)
    nonisolated(unsafe) var result: (ScenarioReport, [String: EventCount])?
    try await withChatServer(configuration) { server, group in
      let report = try await scenario.run(port: server.port, group: group)
      result = (report, try await server.counts())
    }
    return try #require(result)
  }

  @Test func oneSeedYieldsTheSameEmitsByEachClient() async throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    let first = try await Self.play(seed: seed).0
    let second = try await Self.play(seed: seed).0
    for (one, other) in zip(first.clients, second.clients) {
      #expect(one.name == other.name, "seed \(seed)")
      // What finds its session already gone is not sent; which emits these are depends on who was quicker.
      #expect(
        one.tally.texts.count + one.tally.notSent == other.tally.texts.count + other.tally.notSent,
        "seed \(seed), \(one.name)")
      var rest = (one.tally.notSent <= other.tally.notSent ? one : other).tally.texts[...]
      let isPart = (one.tally.notSent <= other.tally.notSent ? other : one).tally.texts.allSatisfy { text in
        guard let place = rest.firstIndex(of: text) else { return false }
        rest = rest[(place + 1)...]
        return true
      }
      #expect(isPart, "seed \(seed), \(one.name)")
    }
    #expect(first.emits > 50)
  }

  @Test func anotherSeedYieldsOtherEmits() {
    let first = ChatScenario(seed: 1).scripts()
    let second = ChatScenario(seed: 2).scripts()
    #expect(first.map(\.name) != second.map(\.name))
    #expect(first.count == second.count)
  }

  @Test(arguments: [Duration.zero, .seconds(3), .seconds(10), .seconds(3600)])
  func aScriptIsInTheOrderOfItsTimesAndBounded(_ duration: Duration) {
    for script in ChatScenario(seed: 7, duration: duration).scripts() {
      #expect(zip(script.steps, script.steps.dropFirst()).allSatisfy { $0.time <= $1.time })
      #expect(script.steps.allSatisfy { (0...1).contains($0.time) })
      #expect(script.steps.count < 1000)
    }
  }

  @Test(arguments: 0..<4) func whatClientsCountIsWhatTheServerCounts(_ round: Int) async throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    let (report, counts) = try await Self.play(seed: seed)
    for client in report.clients {
      #expect(client.missingAcks == [], "seed \(seed), \(client.name)")
      // The one whose session was forgotten may learn of it before it sends.
      #expect(client.tally.notSent <= (client == report.clients[2] ? 1 : 0), "seed \(seed), \(client.name)")
    }
    let total = report.total
    // These never reach a handler's namespace, by design: the whole emit or a part of its repetitions is refused.
    let arrivals = [
      "enter_chat_room", "mark_read", "delete_message", "load_profile", "set_status", "who_is_online",
    ]
    for event in arrivals {
      #expect(counts[event]?.arrived == total.emits[event], "seed \(seed), \(event)")
    }
    for event in arrivals + ["send_message", "upload_avatar", "list_users", "leave_note"] {
      #expect(counts[event]?.acksSent ?? 0 == total.acks[event] ?? 0, "seed \(seed), \(event)")
    }
    // The too large picture, the message in the too large body and the one for the forgotten session are lost.
    #expect(counts["upload_avatar"]?.arrived == total.emits["upload_avatar"].map { $0 - 1 }, "seed \(seed)")
    #expect(
      counts["send_message"]?.arrived == total.emits["send_message"].map { $0 - 2 + total.notSent },
      "seed \(seed)")
    #expect(counts["typing"]?.arrived == total.emits["typing"].map { $0 - 16 }, "seed \(seed)")
    #expect(counts["load_stats"] == nil, "seed \(seed)")
    // A client that vanishes may take its answer with it.
    #expect(
      (counts["are_you_there"]?.acksReceived ?? 0) <= total.answers["are_you_there"] ?? 0, "seed \(seed)")
    #expect((counts["are_you_there"]?.acksReceived ?? 0) >= 7, "seed \(seed)")
  }

  @Test func everyFaultOccurs() async throws {
    let report = try await Self.play(seed: 42).0
    let total = report.total
    func unanswered(_ event: String) -> Int { (total.emits[event] ?? 0) - (total.acks[event] ?? 0) }
    for event in [
      "mark_read", "delete_message", "load_profile", "set_status", "who_is_online", "leave_note",
      "load_stats",
      "export_history", "search_history", "upload_avatar", "send_message",
    ] {
      #expect(unanswered(event) > 0, "\(event)")
    }
    for event in [
      "delete_message", "load_profile", "set_status", "search_history", "upload_avatar", "send_message",
    ] {
      #expect((total.acks[event] ?? 0) > 0, "\(event)")
    }
    #expect(total.events["exception"] == 2)
    #expect(total.events["online_list"] == 1)
    #expect(total.acks["list_users"] == 1)
    // One client has no listener for what the server asks.
    #expect(report.clients[3].tally.events["are_you_there"] == 1)
    #expect(report.clients[3].tally.answers == [:])
    #expect((total.answers["are_you_there"] ?? 0) > 0)
    // `/admin` without token, and the handshake of another revision.
    #expect(report.clients.map(\.refusals).reduce(0, +) == 2)
  }

  @Test func aPortNobodyListensOnIsOneClearError() async throws {
    try await withChatServer { server, group in
      let port = server.port
      await server.stop()
      await #expect {
        _ = try await ChatScenario(seed: 1, duration: .seconds(60)).run(port: port, group: group)
      } throws: { error in
        guard case ChatClientError.unreachable(host: "127.0.0.1", port: port, _) = error else { return false }
        return String(describing: error).hasPrefix("cannot connect to 127.0.0.1:\(port): ")
      }
    }
  }
}
