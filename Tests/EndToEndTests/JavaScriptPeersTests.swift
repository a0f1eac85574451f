import Testing

extension RealPeers {
  /// The official JavaScript clients against python-socketio's servers.
  @Suite struct JavaScriptPeers {
    @Test(arguments: ["4", "2"], ["polling", "websocket", "both"])
    func theCaptureCountsAsThePeersDo(_ library: String, _ transports: String) async throws {
      let run = try await ChatRun.play(
        .javaScript(library, "--transports", transports, "--clients", "3", "--namespaces", "/,/chat"),
        to: .server(environment: library == "4" ? .engineIO4 : .engineIO3))
      run.expectEqualCounts()
      #expect(run.capture.records("session").count == 3)
      #expect(run.capture.findings("upgrade_completed").count == (transports == "both" ? 3 : 0))
    }

    @Test func retriesAreOneEmitInSeveralAttempts() async throws {
      let run = try await ChatRun.play(
        .javaScript(
          "4", "--transports", "websocket", "--only-messages", "--failures", "--retries", "2",
          "--ack-timeout",
          "150", "--slow", "0.01", "--emits", "2"),
        to: .server(), proxy: ["--ack-timeout", "100ms"], expectsErrors: true)
      let capture = run.capture
      capture.expectConsistency()
      #expect(run.client["errors"]?.array?.count == 3, "three emits are given up")
      for event in ["forgets", "raises", "no_such_event"] {
        #expect(run.client["emitted"]?.counts["/ \(event)"] == 1)
        #expect(run.server["received"]?.counts["/ \(event)"] == 3)
        let attempts = capture.emits(from: "client", event: event)
        #expect(attempts.count == 3)
        for attempt in attempts.dropLast() {
          #expect(capture.outcome(of: attempt) == "superseded")
          #expect(capture.finalVerdict(on: attempt)?["cause"] == .string("retried"))
        }
        #expect(attempts.last.flatMap(capture.outcome) == "unanswered")
      }
      let groups = capture.findings("retry_group")
      #expect(groups.compactMap(\.event).sorted() == ["forgets", "no_such_event", "raises"])
      #expect(groups.allSatisfy { $0["attempts"] == .int(3) })
      #expect(capture.outcomes(event: "slow") == ["acknowledged"])
    }

    @Test func aClientComesBackAfterItsServerWasGone() async throws {
      let (first, port) = try await PeerProcess.startServer(script: "chat_server.py")
      let proxy = try await ProxyProcess.start(upstream: "http://127.0.0.1:\(port)")
      let client = try await PeerProcess.start(
        script: "js_client.js",
        arguments: [proxy.address, "--reconnect", "--hold", "--only-messages"], environment: .javaScript)
      _ = try await client.next("phase")
      try first.send(#"{"crash":true}"#)
      #expect(await first.child.end() == .exited(9))
      // The client has noticed when it asks for a new session and is told that there is none.
      _ = try await proxy.record { $0.type == "exchange" && $0["response"]?["status"] == .int(502) }
      let (second, _) = try await PeerProcess.startServer(
        script: "chat_server.py", arguments: ["--port", "\(port)"])
      try client.send(#"{"go":true}"#)
      try client.send(#"{"go":true}"#)
      let report = try await client.next("report")
      let counted = try await second.report()
      #expect(await proxy.stop() == .exited(0))
      let capture = try proxy.capture()
      capture.expectConsistency()
      #expect(capture.records("session").count == 2)
      #expect(capture.eventCounts(from: "client") == report["emitted"]?.counts)
      #expect(capture.ackCounts(from: "server") == report["acks_received"]?.counts)
      #expect(counted["received"]?.counts["/ send_message"] == 4)
      #expect(capture.outcomes(event: "send_message") == Array(repeating: "acknowledged", count: 4))
      await second.stop()
    }
  }
}
