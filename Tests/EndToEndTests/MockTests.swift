import Testing

extension RealPeers {
  /// `ackscope mock`: a client that was recorded meets the mock instead of its server, and sees the same.
  @Suite struct Mock {
    /// What a client says that it did and got, without how long it took.
    private static func story(_ report: JSON) -> [String: JSON?] {
      Dictionary(
        ["clients", "emitted", "acks_asked", "acks_received", "received", "answered", "transports", "errors"]
          .map { ($0, report[$0]) }, uniquingKeysWith: { $1 })
    }

    /// Records a chat, then plays the same client against the mock of it; returns what the mock said.
    @discardableResult
    private func expectSame(
      _ client: ChatRun.PeerPlan, _ server: ChatRun.PeerPlan = .server(), mock arguments: [String] = [],
      sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> [String] {
      let run = try await ChatRun.play(client, to: server)
      let folder = try TemporaryFolder()
      let file = try folder.file(
        "chat.jsonl", holding: run.capture.records.map(\.line).joined(separator: "\n") + "\n")
      let mock = try await ProxyProcess.start(
        ["mock", file.path, "--listen", "127.0.0.1:0", "--strict"] + arguments)
      let peer = try await PeerProcess.start(
        script: client.script, arguments: [mock.address] + client.arguments,
        environment: client.environment)
      let report: JSON
      do {
        report = try await peer.finishedReport()
      } catch {
        throw PeerFailure("\(error)\nthe mock: \(mock.child.lastErrors)")
      }
      #expect(Self.story(report) == Self.story(run.client), sourceLocation: sourceLocation)
      #expect(await mock.stop() == .exited(0), "\(mock.child.lastErrors)", sourceLocation: sourceLocation)
      return mock.child.errors.all
    }

    @Test(arguments: ["polling", "websocket", "both"], ["sync", "async"])
    func pythonClientsSeeTheSame(_ transports: String, _ mode: String) async throws {
      try await expectSame(
        .client(
          "--mode", mode, "--transports", transports, "--clients", "3", "--room-size", "3", "--namespaces",
          "/,/chat"),
        mock: ["--speed", "10"])
    }

    @Test(arguments: ["4", "2"], ["polling", "websocket", "both"])
    func javaScriptClientsSeeTheSame(_ library: String, _ transports: String) async throws {
      try await expectSame(
        .javaScript(library, "--transports", transports, "--clients", "2", "--namespaces", "/,/chat"),
        .server(environment: library == "4" ? .engineIO4 : .engineIO3))
    }

    @Test(arguments: ["polling", "both"])
    func pythonClientsOfEngineIO3SeeTheSame(_ transports: String) async throws {
      try await expectSame(
        .client("--transports", transports, "--namespaces", "/,/chat", environment: .engineIO3),
        .server(environment: .engineIO3))
    }

    @Test func clientsThatUseMsgpackSeeTheSame() async throws {
      try await expectSame(
        .client("--serializer", "msgpack", "--transports", "both"), .server("--serializer", "msgpack"))
    }

    @Test func failuresArePlayedToo() async throws {
      try await expectSame(.client("--failures", "--slow", "0.2", "--transports", "both"))
      try await expectSame(.client("--kicked", "--transports", "both"))
      try await expectSame(.client("--refused", "--transports", "polling"), mock: ["--speed", "max"])
    }

    @Test func whatHasNoAnswerIsSaidAndFailsWhenStrict() async throws {
      let run = try await ChatRun.play(.client("--only-messages", "--transports", "websocket"), to: .server())
      let folder = try TemporaryFolder()
      let file = try folder.file(
        "chat.jsonl", holding: run.capture.records.map(\.line).joined(separator: "\n") + "\n")
      let mock = try await ProxyProcess.start(
        ["mock", file.path, "--listen", "127.0.0.1:0", "--strict", "--speed", "max"])
      // One note more than was recorded.
      let client = try await PeerProcess.start(
        script: "chat_client.py",
        arguments: [mock.address, "--only-messages", "--transports", "websocket", "--notes", "3"])
      _ = try await client.finishedReport()
      #expect(await mock.stop() == .exited(1))
      let complaints = mock.child.errors.all.filter { $0.contains("no answer") }
      #expect(complaints.count == 1, "\(mock.child.errors.all)")
      #expect(complaints.first?.contains(#"/ note ["nobody acknowledges this",2]"#) == true)
    }

    @Test func sessionsBeginAgainWithLoop() async throws {
      let run = try await ChatRun.play(.client("--only-messages"), to: .server())
      let folder = try TemporaryFolder()
      let file = try folder.file(
        "chat.jsonl", holding: run.capture.records.map(\.line).joined(separator: "\n") + "\n")
      let mock = try await ProxyProcess.start(
        ["mock", file.path, "--listen", "127.0.0.1:0", "--strict", "--speed", "max", "--loop"])
      for _ in 0..<3 {
        let client = try await PeerProcess.start(
          script: "chat_client.py", arguments: [mock.address, "--only-messages"])
        let report = try await client.finishedReport()
        #expect(Self.story(report) == Self.story(run.client))
      }
      #expect(await mock.stop() == .exited(0), "\(mock.child.lastErrors)")
    }

    /// The two of them meet: what one says as the recorded clients did, the other answers as the recorded server did.
    @Test(arguments: ["polling", "websocket", "both"])
    func aReplayAgainstTheMockIsTheSame(_ transports: String) async throws {
      let recording = try await RoomRecording.shared(["--transports", transports, "--burst", "5"])
      let mock = try await ProxyProcess.start(
        ["mock", recording.capture.path, "--listen", "127.0.0.1:0", "--strict"])
      let result = try ReplayResult(
        try await ProxyProcess.finish(
          ["replay", recording.capture.path, "--to", mock.address, "--format", "json"]))
      #expect(result.status == .exited(0), "\(result.words)")
      #expect(result.report["unplayed"] == .int(0))
      #expect(await mock.stop() == .exited(0), "\(mock.child.lastErrors)")
    }

    @Test func aPortInUseIsOneClearLine() async throws {
      let run = try await ChatRun.play(.client("--only-messages"), to: .server())
      let folder = try TemporaryFolder()
      let file = try folder.file(
        "chat.jsonl", holding: run.capture.records.map(\.line).joined(separator: "\n") + "\n")
      let mock = try await ProxyProcess.start(["mock", file.path, "--listen", "127.0.0.1:0"])
      let second = try await ProxyProcess.finish(["mock", file.path, "--listen", "127.0.0.1:\(mock.port)"])
      #expect(second.ending == .exited(2))
      #expect(
        second.errors.last
          == "ackscope: cannot listen on 127.0.0.1:\(mock.port): the port is in use; choose another with --listen HOST:PORT"
      )
      _ = await mock.stop()
    }

    @Test func aCaptureOfNothingAndAForeignFileAreRefused() async throws {
      let folder = try TemporaryFolder()
      let foreign = try folder.file("foreign.jsonl", holding: "hello\n")
      let empty = try folder.file(
        "empty.jsonl",
        holding:
          #"{"type":"capture","seq":1,"ts":"2026-11-23T10:00:00.000000Z","schema":"ackscope.capture/1"}"#
          + "\n")
      for (file, lines) in [(foreign, 1), (empty, 2)] {
        let command = try await ProxyProcess.finish(["mock", file.path])
        #expect(command.ending == .exited(2))
        #expect(command.errors.count == lines && command.errors.allSatisfy { $0.contains(file.path) })
      }
    }
  }
}
