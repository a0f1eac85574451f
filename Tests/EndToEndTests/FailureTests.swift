import Testing

extension RealPeers {
  /// Handlers that forget, raise, are slow or missing: what the proxy makes of the silence.
  @Suite struct Failures {
    private static let timeout = ["--ack-timeout", "100ms"]

    @Test(arguments: PythonPeers.Combination.all.filter { $0.client == "async" })
    func eachSilenceHasItsCause(_ combination: PythonPeers.Combination) async throws {
      let server = combination.serverIsSync ? ChatRun.PeerPlan.server("--sync") : .server()
      let run = try await ChatRun.play(
        .client("--failures", "--only-messages", "--transports", combination.transports, "--clients", "2"),
        to: server, proxy: Self.timeout)
      run.expectEqualCounts()
      for event in ["forgets", "raises", "no_such_event"] {
        #expect(
          run.capture.outcomes(event: event)
            == Array(repeating: "unanswered no_handler_or_no_return", count: 2), "\(event)")
        for emit in run.capture.emits(event: event) {
          // First overdue, then given up.
          let verdicts = run.capture.verdicts(on: emit)
          #expect(verdicts.map { $0["verdict"]?.string } == ["overdue", "unanswered"])
          #expect(verdicts.last?["certainty"] == .string("inferred"))
        }
      }
      #expect(run.capture.outcomes(event: "slow") == Array(repeating: "late after_ack_timeout", count: 2))
      for emit in run.capture.emits(event: "slow") {
        #expect(run.capture.finalVerdict(on: emit)?["certainty"] == .string("proved"))
      }
    }

    @Test func aQuestionThatNobodyAnswersIsTheClients() async throws {
      let (server, port) = try await PeerProcess.startServer(script: "chat_server.py")
      let proxy = try await ProxyProcess.start(
        upstream: "http://127.0.0.1:\(port)", arguments: Self.timeout)
      let peer = try await WebSocketPeer.join(port: proxy.port)
      for _ in 0..<3 {
        try peer.send(#"42["ask_and_forget_answer","are_you_there"]"#)
        _ = try await peer.text { $0.contains("are_you_there") }
      }
      _ = try await proxy.record { $0["verdict"] == .string("overdue") }
      #expect(await proxy.stop() == .exited(0))
      let capture = try proxy.capture()
      capture.expectConsistency()
      let outcomes = capture.outcomes(from: "server", event: "are_you_there")
      #expect(outcomes.count == 3)
      #expect(outcomes.allSatisfy { $0.hasPrefix("unanswered") })
      #expect(capture.findings("listener_missing").isEmpty == false)
      #expect(await server.stop() == .exited(0))
    }

    @Test func leavingBeforeTheAckIsProved() async throws {
      let (server, port) = try await PeerProcess.startServer(
        script: "chat_server.py", arguments: ["--say-events"])
      let proxy = try await ProxyProcess.start(upstream: "http://127.0.0.1:\(port)")
      let peer = try await WebSocketPeer.join(port: proxy.port)
      try peer.send(#"427["slow",{"delay":60}]"#)
      _ = try await server.next("received")
      try peer.close()
      let ending = try await proxy.record { $0.type == "close" }
      #expect(ending["by"] == .string("client"))
      #expect(ending["pending_emits"] == .int(1))
      #expect(await proxy.stop() == .exited(0))
      let capture = try proxy.capture()
      capture.expectConsistency()
      #expect(capture.outcomes(event: "slow") == ["unanswered disconnected_before_ack"])
      let verdict = try #require(capture.emits(event: "slow").first.flatMap(capture.finalVerdict))
      #expect(verdict["certainty"] == .string("proved"))
      let evidence = try #require(verdict["evidence"]?.array?.compactMap(\.int).compactMap(capture.record))
      #expect(evidence.contains { $0["opcode"] == .string("close") && $0.from == "client" }, "\(evidence)")
      await server.stop()
    }

    @Test func anEngineIO3ServerAcknowledgesWhatItHasNoHandlerFor() async throws {
      let run = try await ChatRun.play(
        .client("--failures", "--only-messages", environment: .engineIO3),
        to: .server(environment: .engineIO3),
        proxy: Self.timeout)
      run.expectEqualCounts()
      #expect(run.capture.outcomes(event: "no_such_event") == ["acknowledged"])
      #expect(run.capture.outcomes(event: "forgets") == ["unanswered no_handler_or_no_return"])
    }
  }
}
