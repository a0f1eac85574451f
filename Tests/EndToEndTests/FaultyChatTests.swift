import Testing

extension RealPeers {
  /// Two hundred sessions at once, with every fault that can be provoked on the wire mixed in: what the proxy says of
  /// each emit, held against what its peers know (see `faulty_chat.py`).
  @Suite struct FaultyChats {
    @Test func everyVerdictIsTrueAndNoSureCauseIsWrong() async throws {
      // Any seed must do; the one of a failure is in its message.
      let seed = Int.random(in: 0..<1_000_000)
      let run = try await FaultyChat.play(sessions: 188, olderSessions: 12, seed: seed)
      let capture = run.capture
      capture.expectConsistency()
      #expect(run.truth["errors"]?.array == [], "seed \(seed)")
      #expect(capture.records("session").count >= 200, "seed \(seed)")

      let truth = FaultyChatTruth(of: run)
      let mistakes = truth.mistakes(in: capture)
      #expect(mistakes.isEmpty, "seed \(seed)\n\(mistakes.prefix(10).joined(separator: "\n"))")
      let counts = truth.verdictCounts(in: capture)
      #expect(run.inspection["verdicts"]?.counts.filter { $0.value > 0 } == counts, "seed \(seed)")

      for (finding, count) in truth.findingCounts {
        #expect(capture.findings(finding).count == count, "\(finding), seed \(seed)")
      }
      // Everything that can be provoked was: a chat in which nothing goes wrong would pass the rest.
      let verdicts = Set(counts.keys)
      #expect(
        verdicts == [
          "acknowledged", "late", "rejected", "answered_by_event", "superseded", "unanswered", "unconfirmed",
        ], "seed \(seed)")
      let causes = Set(
        capture.records("verdict").filter { $0["final"] == .bool(true) }.compactMap { $0["cause"]?.string })
      #expect(
        causes.isSuperset(of: [
          "after_ack_timeout", "after_peer_left", "exception_event", "retried",
          "no_handler_or_no_return", "conditional_path", "disconnected_before_ack",
          "ping_timeout", "payload_too_large", "namespace_not_connected", "invalid_packet",
          "poll_batch_too_large",
          "session_unknown", "not_delivered", "decoding_stopped",
        ]), "seed \(seed): \(causes)")
    }
  }
}
