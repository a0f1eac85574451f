import Testing

extension RealPeers {
  /// A cause of silence each, brought about by a real server or client.
  @Suite struct Causes {
    @Test func aHandlerThatAnswersAtOtherTimes() async throws {
      let stage = try await Stage.start(ackTimeout: "1s")
      let peer = try await WebSocketPeer.join(port: stage.port)
      for (id, argument) in [(1, "true"), (2, "false"), (3, "true")] {
        try peer.send(#"42\#(id)["sometimes",\#(argument)]"#)
        if argument == "true" { _ = try await peer.text { $0.hasPrefix("43\(id)[") } }
      }
      try await stage.overdue(1)
      try peer.close()
      let capture = try await stage.capture()
      #expect(
        capture.outcomes(event: "sometimes")
          == ["acknowledged", "acknowledged", "unanswered conditional_path"])
    }

    @Test func aHandlerThatWasNotThereYet() async throws {
      let stage = try await Stage.start(server: ["--say-events"], ackTimeout: "1s")
      let peer = try await WebSocketPeer.join(port: stage.port)
      try peer.send(#"421["latecomer",1]"#)
      try await stage.overdue(1)
      try stage.server.send(#"{"register":"latecomer"}"#)
      _ = try await stage.server.next("registered")
      for id in 2...3 {
        try peer.send(#"42\#(id)["latecomer",\#(id)]"#)
        _ = try await peer.text { $0.hasPrefix("43\(id)[") }
      }
      try peer.close()
      let capture = try await stage.capture()
      #expect(
        capture.outcomes(event: "latecomer")
          == ["acknowledged", "acknowledged", "unanswered handler_registered_late"])
    }

    @Test func aDisconnectInTheSameBurst() async throws {
      let stage = try await Stage.start()
      let peer = try await WebSocketPeer.join(port: stage.port)
      try peer.connection.write(
        WebSocketPeer.frame(opcode: 1, Array(#"421["slow",{"delay":60}]"#.utf8))
          + WebSocketPeer.frame(opcode: 1, Array("41".utf8)))
      _ = try await stage.proxy.record { $0.socket == "disconnect" }
      try peer.close()
      let capture = try await stage.capture()
      #expect(capture.outcomes(event: "slow") == ["unanswered overtaken_by_disconnect"])
    }

    @Test func aClientThatAnswersNoHeartbeat() async throws {
      let stage = try await Stage.start(
        server: ["--ping-interval", "0.3", "--ping-timeout", "0.2"])
      let peer = try await WebSocketPeer.join(port: stage.port)
      try peer.send(#"421["slow",{"delay":60}]"#)
      try await peer.awaitClose()
      let capture = try await stage.capture()
      #expect(capture.outcomes(event: "slow") == ["unanswered ping_timeout"])
      #expect(capture.findings("ping_timeout").map { $0["silent"]?.string } == ["client"])
    }

    @Test func aMessageAboveTheServersLimit() async throws {
      let stage = try await Stage.start(server: ["--max-body", "1000"])
      let peer = try await WebSocketPeer.join(port: stage.port)
      try peer.send(#"421["echo","\#(String(repeating: "x", count: 1000))"]"#)
      try await peer.awaitClose()
      let capture = try await stage.capture()
      #expect(capture.outcomes(event: "echo") == ["unanswered payload_too_large"])
    }

    @Test func aNamespaceThatWasNeverJoined() async throws {
      let stage = try await Stage.start()
      let peer = try await WebSocketPeer.join(port: stage.port)
      try peer.send(#"42/chat,1["nothing"]"#)
      try peer.send(#"422["nothing"]"#)
      _ = try await peer.text { $0.hasPrefix("432[") }
      try peer.close()
      let capture = try await stage.capture()
      #expect(
        capture.outcomes(namespace: "/chat", event: "nothing") == ["unanswered namespace_not_connected"])
      #expect(capture.outcomes(namespace: "/", event: "nothing") == ["acknowledged"])
    }

    /// The receiver is the JavaScript client here, since python-socketio closes for none.
    @Test func aPacketThatNoParserTakes() async throws {
      let stage = try await Stage.start(server: ["--say-events"])
      let client = try await PeerProcess.start(
        script: "js_client.js",
        arguments: [stage.proxy.address, "--hold", "--only-messages", "--transports", "websocket"],
        environment: .javaScript)
      _ = try await client.next("phase")
      try stage.server.send(#"{"message":"21[\"question\",{]"}"#)
      _ = try await stage.proxy.record { $0.type == "close" }
      await client.stop()
      let capture = try await stage.capture()
      let verdict = try #require(
        capture.records("verdict").first { $0["cause"] == .string("invalid_packet") })
      #expect(verdict.event == "question" && verdict["verdict"] == .string("unanswered"))
      #expect(capture.findings("closed_because").count == 1)
    }

    @Test func moreThanSixteenPacketsInOnePost() async throws {
      let stage = try await Stage.start(ackTimeout: "100ms")
      let peer = try await PollingPeer.join(port: stage.port)
      let emits = (1...17).map { #"42\#($0)["nothing"]"# }
      _ = try await peer.post(emits.joined(separator: "\u{1E}"))
      try await stage.overdue(17)
      let capture = try await stage.capture()
      #expect(
        capture.outcomes(event: "nothing")
          == Array(repeating: "unanswered poll_batch_too_large", count: 17))
    }

    @Test func aServerThatWasStartedAnewKnowsNoSession() async throws {
      let stage = try await Stage.start(server: ["--say-events"])
      let peer = try await PollingPeer.join(port: stage.port)
      try stage.server.send(#"{"crash":true}"#)
      #expect(await stage.server.child.end() == .exited(9))
      let (second, _) = try await PeerProcess.startServer(
        script: "chat_server.py", arguments: ["--port", "\(stage.serverPort)"])
      #expect(try await peer.post(#"421["nothing"]"#) == 400)
      let capture = try await stage.capture()
      await second.stop()
      #expect(capture.outcomes(event: "nothing") == ["unanswered session_unknown"])
      #expect(capture.findings("session_unknown").count == 1)
    }

    @Test func theEndOfTheCaptureIsNoAnswer() async throws {
      let stage = try await Stage.start()
      let peer = try await PollingPeer.join(port: stage.port)
      #expect(try await peer.post(#"421["slow",{"delay":60}]"#) == 200)
      let capture = try await stage.capture()
      #expect(capture.outcomes(event: "slow") == ["unanswered capture_ended"])
    }

    @Test func anEmitThatAsksForNoAck() async throws {
      let stage = try await Stage.start()
      let peer = try await WebSocketPeer.join(port: stage.port)
      try peer.send(#"42["note","for nobody"]"#)
      try peer.send(#"421["nothing"]"#)
      _ = try await peer.text { $0.hasPrefix("431[") }
      try peer.close()
      let capture = try await stage.capture()
      let note = try #require(capture.events(from: "client", event: "note").first)
      #expect(capture.verdicts(on: note).isEmpty)
      #expect(capture.records.last?["verdicts"]?.counts == ["acknowledged": 1, "unconfirmed": 1])
    }

    /// The threads of the synchronous server answer a poll without a look at who is still there.
    @Test func anAckForAClientThatIsGone() async throws {
      let stage = try await Stage.start(server: ["--sync", "--say-events"])
      let peer = try await PollingPeer.join(port: stage.port)
      let poll = try peer.startPoll()
      #expect(try await peer.post(#"421["slow",{"delay":0.5}]"#) == 200)
      _ = try await stage.server.next("received")
      poll.finishWriting()
      _ = try await stage.proxy.record { $0.isAck }
      let capture = try await stage.capture()
      #expect(capture.outcomes(event: "slow") == ["late after_peer_left"])
    }

    @Test func answersBehindAFrameThatIsNone() async throws {
      let stage = try await Stage.start()
      let peer = try await WebSocketPeer.join(port: stage.port)
      try peer.send(#"421["ask_and_forget_answer","question"]"#)
      _ = try await peer.text { $0.contains("question") }
      // RSV2 belongs to no extension that was agreed on (RFC 6455 §5.2).
      var frame = WebSocketPeer.frame(opcode: 1, Array("431[]".utf8))
      frame[0] |= 0x20
      try peer.connection.write(frame)
      try await peer.awaitClose()
      let capture = try await stage.capture()
      #expect(capture.outcomes(from: "server", event: "question") == ["unanswered decoding_stopped"])
      #expect(capture.findings("protocol_error").map(\.from) == ["client"])
    }
  }
}
