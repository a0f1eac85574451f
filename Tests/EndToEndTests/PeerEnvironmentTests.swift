import Testing

/// The peers against each other, without a proxy: what fails here is not the proxy's fault.
@Suite struct PeersAlone {
  @Test(arguments: [PeerEnvironment.Kind.engineIO4, .engineIO3])
  func serverAndClientCountTheSame(_ kind: PeerEnvironment.Kind) async throws {
    let (server, port) = try await PeerProcess.startServer(script: "chat_server.py", environment: kind)
    let client = try await PeerProcess.start(
      script: "chat_client.py",
      arguments: ["http://127.0.0.1:\(port)", "--clients", "3", "--namespaces", "/,/chat", "--failures"],
      environment: kind)
    let sent = try await client.finishedReport()
    let got = try await server.report()

    #expect(sent["clients"]?.int == 3)
    #expect(sent["emitted"]?.counts.isEmpty == false)
    #expect(sent["emitted"] == got["received"])
    #expect(sent["acks_received"] == got["acks_sent"])
    #expect(sent["received"] == got["emitted"])
    #expect(sent["acks_received"]?.counts["/ forgets"] == nil)
    #expect(await server.stop() == .exited(0))
  }

  @Test(arguments: [("4", PeerEnvironment.Kind.engineIO4), ("2", .engineIO3)])
  func theOfficialClientCountsAsTheServerDoes(_ library: String, _ kind: PeerEnvironment.Kind) async throws {
    let (server, port) = try await PeerProcess.startServer(script: "chat_server.py", environment: kind)
    let client = try await PeerProcess.start(
      script: "js_client.js",
      arguments: [
        "--library", library, "http://127.0.0.1:\(port)", "--clients", "3", "--namespaces", "/,/chat",
      ],
      environment: .javaScript)
    let sent = try await client.finishedReport()
    let got = try await server.report()

    #expect(sent["transports"]?.counts == ["websocket": 3])
    #expect(sent["emitted"]?.counts.isEmpty == false)
    #expect(sent["emitted"] == got["received"])
    #expect(sent["acks_received"] == got["acks_sent"])
    #expect(sent["received"] == got["emitted"])
    #expect(await server.stop() == .exited(0))
  }

  @Test func aPeerEndsWithItsInputOrBySignal() async throws {
    let (first, port) = try await PeerProcess.startServer(script: "raw_server.py", environment: .plain)
    let (second, otherPort) = try await PeerProcess.startServer(script: "raw_server.py", environment: .plain)
    #expect(port != otherPort)
    #expect(await first.stop() == .exited(0))
    second.child.signal(9)
    #expect(await second.stop() == .signalled(9))
  }

  @Test func aPeerThatFailsIsAnErrorWithItsWords() async throws {
    let client = try await PeerProcess.start(script: "chat_client.py", arguments: ["--no-such-option"])
    await #expect { _ = try await client.nextLine() } throws: { "\($0)".contains("usage: chat_client.py") }
  }
}
