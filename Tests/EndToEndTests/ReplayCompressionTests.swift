import Testing

extension RealPeers.Replay {
  /// A client that offers permessage-deflate, and keeps its window from message to message as the server does: the recorded offer is made again.
  @Test func whatWasCompressedIsCompressedAgain() async throws {
    let recording = try await RoomRecording.make(
      ["--transports", "websocket", "--burst", "5", "--deflate"], server: ["--deflate"])
    let own = recording.folder.file("own.jsonl")
    let result = try await recording.replay(["--capture", own.path], server: ["--deflate"])
    #expect(result.status == .exited(0), "\(result.words)")
    #expect(result.report["unplayed"] == .int(0))
    let capture = try CaptureFile(contentsOf: own)
    capture.expectConsistency()
    let packets = capture.records("packet").filter { $0["socket"] == .string("event") }
    for peer in ["client", "server"] {
      let sent = packets.filter { $0["from"] == .string(peer) }
      #expect(!sent.isEmpty && sent.allSatisfy { $0["compressed"] == .bool(true) }, "\(peer)")
    }
    #expect(
      capture.records("handshake").allSatisfy {
        "\($0["extensions"] ?? .null)".contains("permessage-deflate")
      })
  }

  /// The server takes what was offered, or not.
  @Test func anUpgradedSessionIsCompressedWhereTheServerTakesTheOffer() async throws {
    let recording = try await RoomRecording.make(
      ["--transports", "both", "--deflate"], server: ["--deflate"])
    for server in [["--deflate"], []] {
      let own = recording.folder.file("own\(server.count).jsonl")
      let result = try await recording.replay(["--capture", own.path], server: server)
      #expect(result.status == .exited(0), "\(result.words)")
      let capture = try CaptureFile(contentsOf: own)
      let compressed = capture.records("packet").contains { $0["compressed"] == .bool(true) }
      #expect(compressed == !server.isEmpty)
    }
  }
}
