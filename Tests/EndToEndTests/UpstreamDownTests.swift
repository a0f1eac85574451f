import Testing

/// A server that is not there, from the start or from some moment on.
@Suite(.serialized) struct UpstreamDown {
  @Test func everyRequestIsABadGatewayAndTheProxyStaysUp() async throws {
    let closed = try ClosedPort()
    let proxy = try await ProxyProcess.start(upstream: "http://127.0.0.1:\(closed.number)")
    for _ in 0..<3 {
      let client = try RawConnection(port: proxy.port)
      let answer = try await client.fetch("GET", "/socket.io/?EIO=4&transport=polling")
      #expect(answer.status == 502)
      #expect(String(decoding: answer.body, as: UTF8.self).contains("127.0.0.1:\(closed.number)"))
      client.finishWriting()
    }
    let upgrade = try RawConnection(port: proxy.port)
    let answer = try await upgrade.fetch(
      "GET", "/socket.io/?EIO=4&transport=websocket", WebSocketPeer.upgradeFields)
    #expect(answer.status == 502)
    upgrade.finishWriting()
    #expect(await proxy.stop() == .exited(0))
    let capture = try proxy.capture()
    capture.expectConsistency()
    #expect(capture.records("exchange").filter { $0["response"]?["status"] == .int(502) }.count == 3)
    #expect(proxy.child.lastErrors.contains("cannot be reached"))
  }

  @Test func emitsToAServerThatIsGoneAreNotDelivered() async throws {
    let (server, port) = try await PeerProcess.startServer(script: "chat_server.py")
    let proxy = try await ProxyProcess.start(upstream: "http://127.0.0.1:\(port)")
    let client = try await PollingPeer.join(port: proxy.port)
    #expect(try await client.post(#"421["nothing"]"#) == 200)
    _ = try await client.poll { $0.contains("431[") }
    try server.send(#"{"crash":true}"#)
    #expect(await server.child.end() == .exited(9))
    #expect(try await client.post(#"422["nothing"]"#) == 502)
    #expect(await proxy.stop() == .exited(0))
    let capture = try proxy.capture()
    capture.expectConsistency()
    #expect(capture.outcomes(event: "nothing") == ["acknowledged", "unanswered not_delivered"])
    let lost = try #require(capture.emits(event: "nothing").last.flatMap(capture.finalVerdict))
    #expect(lost["certainty"] == .string("proved"))
  }
}
