import Testing

extension RealPeers {
  /// A gateway that answers as NestJS does: with exceptions and events where others acknowledge.
  @Suite struct NestGateways {
    /// A gateway with a proxy before it and a client in the root namespace.
    private struct Gateway {
      let server: PeerProcess
      let proxy: ProxyProcess
      let peer: WebSocketPeer

      static func start(nest version: Int = 11, namespace: String = "/") async throws -> Gateway {
        let (server, port) = try await PeerProcess.startServer(
          script: "nest_server.py", arguments: ["--nest", "\(version)"])
        let proxy = try await ProxyProcess.start(
          upstream: "http://127.0.0.1:\(port)", arguments: ["--ack-timeout", "100ms"])
        let peer = try await WebSocketPeer.join(port: proxy.port, namespace: namespace)
        return Gateway(server: server, proxy: proxy, peer: peer)
      }

      /// Ends in order; returns the capture once it was found consistent.
      func capture() async throws -> CaptureFile {
        try peer.close()
        #expect(await proxy.stop() == .exited(0))
        #expect(await server.stop() == .exited(0))
        let capture = try proxy.capture()
        capture.expectConsistency()
        return capture
      }
    }

    @Test func anExceptionWithItsCauseRejectsExactlyThatEmit() async throws {
      let gateway = try await Gateway.start()
      try gateway.peer.send(#"421["throws_text",{"n":1}]"#)
      try gateway.peer.send(#"422["guarded",{"n":2}]"#)
      try gateway.peer.send(#"423["sum",[1,2,3]]"#)
      var exceptionsToCome = 2
      while exceptionsToCome > 0 {
        let text = try await gateway.peer.text { $0.contains("exception") || $0.hasPrefix("433[") }
        if text.contains("exception") { exceptionsToCome -= 1 } else { #expect(text == "433[6]") }
      }
      _ = try await gateway.proxy.record { $0.isAck }
      let capture = try await gateway.capture()
      #expect(capture.outcomes(event: "sum") == ["acknowledged"])
      let exceptions = capture.events(from: "server", event: "exception")
      #expect(exceptions.count == 2)
      for event in ["throws_text", "guarded"] {
        #expect(capture.outcomes(event: event) == ["rejected exception_event"])
        let verdict = try #require(capture.emits(event: event).first.flatMap(capture.finalVerdict))
        #expect(verdict["certainty"] == .string("strong"))
        let evidence = try #require(verdict["evidence"]?.array?.compactMap(\.int).compactMap(capture.record))
        #expect(evidence.contains { $0.event == "exception" && $0.line.contains(#""pattern":"\#(event)""#) })
      }
    }

    @Test func anExceptionWithoutItsCauseIsInferred() async throws {
      let gateway = try await Gateway.start(nest: 10)
      try gateway.peer.send(#"421["throws_text",{"n":1}]"#)
      _ = try await gateway.peer.text { $0.contains("exception") }
      let capture = try await gateway.capture()
      #expect(capture.outcomes(event: "throws_text") == ["rejected exception_event"])
      let verdict = capture.emits(event: "throws_text").first.flatMap(capture.finalVerdict)
      #expect(verdict?["certainty"] == .string("inferred"))
    }

    @Test func aHandlerThatReturnsNullIsSilent() async throws {
      let gateway = try await Gateway.start()
      try gateway.peer.send(#"421["fire",{}]"#)
      try gateway.peer.send(#"422["void"]"#)
      for value in ["zero", "empty", "no"] { try gateway.peer.send(#"429["\#(value)"]"#) }
      var overdue = 0
      _ = try await gateway.proxy.record { record in
        if record["verdict"] == .string("overdue") { overdue += 1 }
        return overdue == 2
      }
      let capture = try await gateway.capture()
      for event in ["fire", "void"] {
        #expect(capture.outcomes(event: event) == ["unanswered no_handler_or_no_return"])
      }
    }

    /// 0, "" and false are answers; null is none.
    @Test func whatIsFalseIsAcknowledgedAllTheSame() async throws {
      let gateway = try await Gateway.start()
      for (id, event) in ["zero", "empty", "no"].enumerated() {
        try gateway.peer.send(#"42\#(id)["\#(event)"]"#)
        _ = try await gateway.peer.text { $0.hasPrefix("43\(id)[") }
      }
      let capture = try await gateway.capture()
      for (event, args) in [("zero", "[0]"), ("empty", #"[""]"#), ("no", "[false]")] {
        #expect(capture.outcomes(event: event) == ["acknowledged"])
        #expect(capture.acks(from: "server").contains { $0.line.contains(#""args":\#(args)"#) })
      }
    }

    @Test func anEventInPlaceOfAnAckIsAnAnswer() async throws {
      let gateway = try await Gateway.start()
      try gateway.peer.send(#"421["events",{"n":1}]"#)
      _ = try await gateway.peer.text { $0.hasPrefix(#"42["events""#) }
      _ = try await gateway.proxy.record { $0["verdict"] == .string("overdue") }
      let capture = try await gateway.capture()
      #expect(capture.outcomes(event: "events") == ["answered_by_event returned_event_object"])
      let verdict = try #require(capture.emits(event: "events").first.flatMap(capture.finalVerdict))
      #expect(verdict["certainty"] == .string("inferred"))
      let answer = try #require(capture.events(from: "server", event: "events").first)
      #expect(verdict["evidence"]?.array?.contains(.int(answer.seq)) == true)
    }

    @Test func onlyTheFirstItemOfAStreamIsAnAck() async throws {
      let gateway = try await Gateway.start(namespace: "/chat")
      try gateway.peer.send(#"42/chat,7["stream"]"#)
      _ = try await gateway.peer.text { $0.hasPrefix("43/chat,7[") }
      try gateway.peer.send(#"42/chat,8["msg",{"n":1}]"#)
      _ = try await gateway.peer.text { $0.hasPrefix("43/chat,8[") }
      let capture = try await gateway.capture()
      #expect(capture.outcomes(namespace: "/chat", event: "stream") == ["acknowledged"])
      #expect(capture.outcomes(namespace: "/chat", event: "msg") == ["acknowledged"])
      #expect(capture.findings("stray_ack").isEmpty && capture.findings("duplicate_ack").isEmpty)
    }

    @Test func aPlainWebSocketHasMessagesWithEvents() async throws {
      let (server, port) = try await PeerProcess.startServer(script: "nest_server.py")
      let proxy = try await ProxyProcess.start(upstream: "http://127.0.0.1:\(port)")
      let peer = try await WebSocketPeer.open(port: proxy.port, target: "/ws")
      try peer.send(#"{"event":"events","data":{"n":1}}"#)
      #expect(try await peer.text { _ in true } == #"{"event":"events","data":{"n":1}}"#)
      try peer.send("no JSON at all")
      try peer.send(#"{"event":"sum","data":[1,2]}"#)
      #expect(try await peer.text { _ in true } == "3")
      try peer.close()
      _ = try await proxy.record { $0.type == "close" }
      #expect(await proxy.stop() == .exited(0))
      let capture = try proxy.capture()
      capture.expectConsistency()
      let messages = capture.records("message")
      #expect(messages.map(\.from) == ["client", "server", "client", "client", "server"])
      #expect(messages.map(\.event) == ["events", "events", nil, "sum", nil])
      #expect(messages[2]["text"] == .string("no JSON at all"))
      #expect(messages[3]["args"] == .array([.array([.int(1), .int(2)])]))
      #expect(capture.records("packet").isEmpty && capture.records("session").isEmpty)
      await server.stop()
    }
  }
}
