import Testing

extension RealPeers {
  /// `ackscope demo` as anybody runs it.
  @Suite struct Demo {
    @Test func theSameSeedPlaysTheSameChat() async throws {
      let folder = try TemporaryFolder()
      async let first = play(folder.file("1.jsonl").path)
      async let second = play(folder.file("2.jsonl").path)
      let chats = [try await first, try await second]
      for (name, chat) in zip(["1", "2"], chats) {
        #expect(chat.ending == .exited(0), "\(chat.errors)")
        let summary = chat.output.joined(separator: "\n")
        for part in ["Totals ", "Verdicts ", "Emits without an ack: ", "Findings: "] {
          #expect(summary.contains(part))
        }
        let capture = try CaptureFile(contentsOf: folder.file("\(name).jsonl"))
        capture.expectConsistency()
        // Where the server's reset overtakes its close frame, nobody is told why.
        let uploads = capture.outcomes(event: "upload_avatar")
        #expect(
          uploads == ["acknowledged", "unanswered payload_too_large"]
            || uploads == ["acknowledged", "unanswered not_delivered"], "\(uploads)")
        let told = try #require(chat.errors.last { $0.contains("the clients counted") })
        let counts = told.matches(of: /\d+/).compactMap { Int($0.output) }
        // The demo writes one packet by hand, under a name that no client could emit.
        #expect(counts.first == capture.events(from: "client").filter { $0.event != "disconnect" }.count)
      }
      let emits = try ["1", "2"].map { try Self.emits(CaptureFile(contentsOf: folder.file("\($0).jsonl"))) }
      #expect(emits[0].count > 5)
      #expect(emits[0].count == emits[1].count)
      // A busy machine may let a session end before its last emits.
      let differing = zip(emits[0], emits[1]).filter { !$0.hasPrefix($1) && !$1.hasPrefix($0) }
      #expect(differing.isEmpty)
    }

    private func play(_ capture: String) async throws -> FinishedCommand {
      try await ProxyProcess.finish(["demo", "--duration", "3s", "--seed", "7", "--capture", capture])
    }

    /// What each session's client emitted, in order; the sessions sorted, since their numbers depend on who came first.
    private static func emits(_ capture: CaptureFile) -> [String] {
      let sessions = Dictionary(grouping: capture.events(from: "client")) { $0["session"]?.int ?? -1 }
      return sessions.values.map { events in
        events.map { "\($0.namespace ?? "") \($0.event ?? "") \($0.id ?? -1) \($0["args"] ?? .null)" }
          .joined(separator: "\n")
      }.sorted()
    }
  }
}
