import Testing

extension RealPeers {
  /// Peers that speak otherwise than today's default.
  @Suite struct Dialects {
    @Test(arguments: ["sync", "async"], ["polling", "websocket", "both"])
    func engineIO3PeersCountTheSame(_ mode: String, _ transports: String) async throws {
      let run = try await ChatRun.play(
        .client(
          "--mode", mode, "--transports", transports, "--clients", "2", "--namespaces", "/,/chat",
          environment: .engineIO3),
        to: .server(environment: .engineIO3))
      run.expectEqualCounts()
      #expect(run.capture.records("session").allSatisfy { $0["eio"] == .int(3) })
    }

    @Test(arguments: ["polling", "websocket", "both"])
    func msgpackPeersCountTheSame(_ transports: String) async throws {
      let run = try await ChatRun.play(
        .client(
          "--serializer", "msgpack", "--transports", transports, "--clients", "2", "--namespaces", "/,/chat"),
        to: .server("--serializer", "msgpack"))
      run.expectEqualCounts()
      #expect(run.capture.events().allSatisfy { $0["parser"] == .string("msgpack") })
    }

    @Test func compressedMessagesCountTheSame() async throws {
      let run = try await ChatRun.play(
        .client("--deflate", "--transports", "websocket", "--clients", "2", "--payload-bytes", "3000"),
        to: .server("--deflate"))
      run.expectEqualCounts()
      let messages = run.capture.events(from: "client", event: "send_message")
      #expect(messages.allSatisfy { $0["compressed"] == .bool(true) })
      // What is kept is what was said, not what was on the wire.
      #expect(messages.allSatisfy { $0.line.contains(String(repeating: "x", count: 3000)) })
      #expect(messages.allSatisfy { ($0["bytes"]?.int ?? .max) < 1000 })
    }

    /// python-socketio's server sends the handler's ack although the namespace is left; its client drops it.
    @Test(arguments: ["polling", "websocket"])
    func theAckOfAKickedClientIsOnRecordBehindTheDisconnect(_ transports: String) async throws {
      let run = try await ChatRun.play(
        .client("--kicked", "--only-messages", "--transports", transports, "--clients", "2"), to: .server())
      run.capture.expectConsistency()
      #expect(run.capture.eventCounts(from: "client") == run.client["emitted"]?.counts)
      #expect(run.capture.ackCounts(from: "server") == run.server["acks_sent"]?.counts)
      #expect(run.client["acks_received"]?.counts["/ kick"] == nil)
      for kick in run.capture.emits(from: "client", event: "kick") {
        let ack = try #require(run.capture.ack(of: kick))
        #expect(
          run.capture.records[kick.seq..<ack.seq].contains {
            $0.socket == "disconnect" && $0.from == "server" && $0["session"] == kick["session"]
          })
      }
    }
  }
}
