import Testing

extension RealPeers {
  /// A finding each, brought about by a real server or client.
  @Suite struct Findings {
    @Test func aClientOfAnOlderRevisionIsRefused() async throws {
      let stage = try await Stage.start()
      let answer = try await RawConnection(port: stage.port).fetch(
        "GET", "/socket.io/?EIO=3&transport=polling", ["Connection: close"])
      #expect(answer.status == 400)
      let capture = try await stage.capture()
      #expect(capture.findings("version_mismatch").count == 1)
      #expect(capture.findings("handshake_refused").count == 1)
    }

    @Test func anUpgradeThatWasTriedAndGivenUp() async throws {
      let stage = try await Stage.start()
      let peer = try await PollingPeer.join(port: stage.port)
      let probe = try await WebSocketPeer.open(
        port: stage.port, target: "/socket.io/?EIO=4&transport=websocket&sid=\(peer.sid)")
      try probe.send("2probe")
      #expect(try await probe.text { _ in true } == "3probe")
      try probe.close()
      _ = try await stage.proxy.record { $0.type == "close" && $0["code"] == .int(1000) }
      #expect(try await peer.post(#"421["nothing"]"#) == 200)
      _ = try await peer.poll { $0.contains("431[") }
      let capture = try await stage.capture()
      #expect(capture.findings("upgrade_abandoned").count == 1)
      #expect(capture.outcomes(event: "nothing") == ["acknowledged"])
    }

    @Test func oneIDUsedTwice() async throws {
      let stage = try await Stage.start()
      let peer = try await WebSocketPeer.join(port: stage.port)
      for _ in 0..<2 { try peer.send(#"421["slow",{"delay":0.02}]"#) }
      for _ in 0..<2 { _ = try await peer.text { $0.hasPrefix("431[") } }
      try peer.close()
      let capture = try await stage.capture()
      #expect(capture.findings("duplicate_emit").count == 1)
      #expect(capture.outcomes(event: "slow") == ["acknowledged", "acknowledged"])
    }

    @Test func oneEmitAnsweredTwiceAndOneThatNobodyMade() async throws {
      let stage = try await Stage.start()
      let peer = try await WebSocketPeer.join(port: stage.port)
      try peer.send(#"42["ask_me","why?"]"#)
      let question = try await peer.text { $0.contains("question") }
      let id = question.dropFirst(2).prefix { $0.isNumber }
      for answer in ["43\(id)[1]", "43\(id)[1]", "4399[2]", #"425["nothing"]"#] { try peer.send(answer) }
      _ = try await peer.text { $0.hasPrefix("435[") }
      try peer.close()
      let capture = try await stage.capture()
      #expect(capture.findings("duplicate_ack").count == 1)
      #expect(capture.findings("stray_ack").map(\.id) == [99])
    }

    @Test func aServerThatCrashesTakesAllWithIt() async throws {
      let stage = try await Stage.start(server: ["--say-events"])
      var peers: [WebSocketPeer] = []
      for _ in 0..<5 { peers.append(try await WebSocketPeer.join(port: stage.port)) }
      try stage.server.send(#"{"crash":true}"#)
      for peer in peers { _ = await peer.connection.readToEnd() }
      for peer in peers { peer.connection.finishWriting() }
      _ = try await stage.proxy.record { $0["finding"] == .string("mass_disconnect") }
      let capture = try await stage.capture()
      #expect(capture.findings("mass_disconnect").map { $0["sessions"] } == [.int(5)])
    }

    /// A proxy that stops ends many sessions at one instant too, which is no news about the server.
    @Test func aProxyThatStopsIsNoMassDisconnect() async throws {
      let stage = try await Stage.start()
      var peers: [WebSocketPeer] = []
      for _ in 0..<5 { peers.append(try await WebSocketPeer.join(port: stage.port)) }
      for peer in peers { try peer.send(#"421["slow",{"delay":60}]"#) }
      for _ in peers { _ = try await stage.proxy.record { $0.event == "slow" } }
      async let ending = stage.capture()
      for peer in peers { try await peer.awaitClose() }
      let capture = try await ending
      #expect(capture.findings("mass_disconnect").isEmpty)
      let verdicts = capture.emits(event: "slow").compactMap(capture.finalVerdict)
      #expect(verdicts.map { $0["ended_by"]?.string } == Array(repeating: "proxy", count: 5))
    }

    @Test func anEmitBehindTheCloseOfItsOwnPeer() async throws {
      let stage = try await Stage.start()
      let peer = try await WebSocketPeer.join(port: stage.port)
      try peer.connection.write(
        WebSocketPeer.frame(opcode: 8, [0x03, 0xE8])
          + WebSocketPeer.frame(opcode: 1, Array(#"421["nothing"]"#.utf8)))
      _ = await peer.connection.readToEnd()
      peer.connection.finishWriting()
      let capture = try await stage.capture()
      #expect(capture.findings("sent_after_close").map(\.from) == ["client"])
      #expect(capture.outcomes(event: "nothing").allSatisfy { $0.hasPrefix("unanswered") })
    }

    @Test func aParserThatNobodyElseHas() async throws {
      let stage = try await Stage.start(server: ["--serializer", "marked"])
      let peer = try await WebSocketPeer.open(
        port: stage.port, target: "/socket.io/?EIO=4&transport=websocket")
      try peer.send(#"4![0,"/",null,null]"#)
      _ = try await peer.text { $0.hasPrefix("4![0,") }
      try peer.send(#"4![2,"/",1,["nothing"]]"#)
      _ = try await peer.text { $0.hasPrefix("4![3,") }
      try peer.close()
      let capture = try await stage.capture()
      #expect(capture.findings("custom_parser").count == 1)
      #expect(capture.events().isEmpty)
    }

    @Test func emitsOfAnOfflineBufferComeInABurst() async throws {
      let (first, port) = try await PeerProcess.startServer(script: "chat_server.py")
      let proxy = try await ProxyProcess.start(upstream: "http://127.0.0.1:\(port)")
      let client = try await PeerProcess.start(
        script: "js_client.js",
        arguments: [proxy.address, "--reconnect", "--hold", "--only-messages", "--at-once", "3"],
        environment: .javaScript)
      _ = try await client.next("phase")
      try first.send(#"{"crash":true}"#)
      #expect(await first.child.end() == .exited(9))
      // The client has noticed when it asks for a new session and is told that there is none.
      _ = try await proxy.record { $0.type == "exchange" && $0["response"]?["status"] == .int(502) }
      try client.send(#"{"go":true}"#)
      _ = try await client.next { $0["phase"] == .string("emitted") }
      let (second, _) = try await PeerProcess.startServer(
        script: "chat_server.py", arguments: ["--port", "\(port)"])
      try client.send(#"{"go":true}"#)
      _ = try await client.next("report")
      #expect(await proxy.stop() == .exited(0))
      await second.stop()
      let capture = try proxy.capture()
      capture.expectConsistency()
      #expect(capture.findings("buffered_burst").count == 1)
      #expect(capture.outcomes(event: "nothing") == Array(repeating: "acknowledged", count: 3))
    }
  }
}
