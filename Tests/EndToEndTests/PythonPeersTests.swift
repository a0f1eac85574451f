import Testing

extension RealPeers {
  /// python-socketio on both sides, in every combination of library and transport.
  @Suite struct PythonPeers {
    struct Combination: Sendable, CustomTestStringConvertible {
      let serverIsSync: Bool
      let client: String
      let transports: String

      var testDescription: String {
        "\(serverIsSync ? "sync" : "async") server, \(client) client, \(transports)"
      }

      static let all = [false, true].flatMap { server in
        ["sync", "async"].flatMap { client in
          ["polling", "websocket", "both"].map {
            Combination(serverIsSync: server, client: client, transports: $0)
          }
        }
      }
    }

    @Test(arguments: Combination.all)
    func theCaptureCountsAsThePeersDo(_ combination: Combination) async throws {
      let server = combination.serverIsSync ? ChatRun.PeerPlan.server("--sync") : .server()
      let run = try await ChatRun.play(
        .client(
          "--mode", combination.client, "--transports", combination.transports, "--clients", "3",
          "--namespaces", "/,/chat"),
        to: server)
      run.expectEqualCounts()
      let sessions = run.capture.records("session")
      #expect(sessions.count == 3)
      #expect(sessions.allSatisfy { $0["eio"] == .int(4) })
      #expect(run.capture.findings("upgrade_completed").count == (combination.transports == "both" ? 3 : 0))
      let ways = Set(run.capture.events().compactMap(\.transport))
      #expect(ways == [combination.transports == "polling" ? "polling" : "websocket"])
    }

    @Test(arguments: ["polling", "websocket", "both"])
    func aRefusedNamespaceIsAFindingAndNothingElse(_ transports: String) async throws {
      let run = try await ChatRun.play(
        .client("--refused", "--transports", transports, "--namespaces", "/,/chat"), to: .server())
      run.expectEqualCounts()
      #expect(run.server["refused"]?.counts == ["/admin": 1])
      let refusals = run.capture.findings("namespace_refused")
      #expect(refusals.map(\.namespace) == ["/admin"])
      #expect(refusals.first?["message"] == .string("not allowed"))
      #expect(run.capture.records("packet").filter { $0.socket == "connect_error" }.count == 1)
    }

    @Test func binaryIsKeptInBothDirections() async throws {
      let run = try await ChatRun.play(.client("--transports", "polling"), to: .server())
      let capture = run.capture
      let uploads = capture.emits(from: "client", event: "upload")
      #expect(uploads.compactMap { $0["attachments"]?.array?.count } == [1])
      let download = try #require(capture.emits(from: "client", event: "download").first)
      let answer = try #require(capture.ack(of: download))
      #expect(answer.socket == "binary_ack")
      // The file and the ack carry the same 3000 bytes.
      let file = try #require(capture.events(from: "server", event: "file").first)
      #expect(file["attachments"]?[0] == answer["attachments"]?[0])
      #expect(answer["attachments"]?[0]?.string?.count == 4000)
    }

    @Test func twoHundredClientsAtOnce() async throws {
      let run = try await ChatRun.play(
        .client("--clients", "200", "--only-messages", "--transports", "both", "--emits", "3"), to: .server())
      run.expectEqualCounts()
      #expect(run.server["most_open"]?.int == 200)
      #expect(run.capture.records("session").count == 200)
    }

    @Test func secretsOfTheConnectStayOut() async throws {
      let run = try await ChatRun.play(
        .client("--token", "let-me-in", "--namespaces", "/,/admin"), to: .server())
      run.expectEqualCounts()
      #expect(run.server["connections"]?.counts["/admin"] == 1)
      #expect(run.capture.records.allSatisfy { !$0.line.contains("let-me-in") })
    }
  }
}
