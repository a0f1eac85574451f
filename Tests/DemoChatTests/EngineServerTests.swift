import DemoChat
import JSONText
import NIOCore
import NIOPosix
import Testing

private let handshake = "/socket.io/?EIO=4&transport=polling"

@Suite(.timeLimit(.minutes(1))) struct EngineServerTests {
  /// Checks that the server still serves, on a session of its own.
  private func expectService(_ server: ChatServer, _ group: MultiThreadedEventLoopGroup) async throws {
    try await withClient(of: server, group) { client in
      _ = try await client.request(emit("enter_chat_room", in: "lobby"))
    }
  }

  /// Opens a polling session by hand; the connection is kept alive.
  private func openSession(_ connection: RawConnection) async throws -> String {
    try await connection.send(request("GET", handshake))
    let answer = await connection.read(until: "}")
    let start = try #require(answer.firstRange(of: #""sid":""#)).upperBound
    return String(answer[start...].prefix(20))
  }

  // MARK: HTTP

  @Test(arguments: [
    ("GET", "/socket.io/?EIO=4&transport=polling&sid=gone", #"{"code":1,"message":"Session ID unknown"}"#),
    ("POST", "/socket.io/?EIO=4&transport=polling&sid=gone", #"{"code":1,"message":"Session ID unknown"}"#),
    ("POST", handshake, #"{"code":2,"message":"Bad handshake method"}"#),
    ("GET", "/socket.io/?EIO=3&transport=polling", #"{"code":5,"message":"Unsupported protocol version"}"#),
    ("GET", "/socket.io/?EIO=4", #"{"code":0,"message":"Transport unknown"}"#),
    ("GET", "/socket.io/?EIO=4&transport=websocket", #"{"code":3,"message":"Bad request"}"#),
  ])
  func aRequestThatIsRefusedIsToldWhy(method: String, target: String, body: String) async throws {
    try await withChatServer { server, group in
      let connection = try await RawConnection.open(to: server.port, group)
      try await connection.send(request(method, target, body: method == "POST" ? "40" : nil))
      let answer = await connection.read(until: body)
      #expect(answer.hasPrefix("HTTP/1.1 400 "))
      await connection.close()
    }
  }

  @Test func aWebSocketForAnUnknownSessionIsNotUpgraded() async throws {
    try await withChatServer { server, group in
      let connection = try await RawConnection.open(to: server.port, group)
      try await connection.send(upgradeRequest("/socket.io/?EIO=4&transport=websocket&sid=gone"))
      let answer = await connection.read()
      #expect(answer.hasPrefix("HTTP/1.1 400 "))
      #expect(answer.hasSuffix("\r\n\r\nSession ID unknown"))
    }
  }

  @Test func compressionIsNotNegotiated() async throws {
    try await withChatServer { server, group in
      let connection = try await RawConnection.open(to: server.port, group)
      try await connection.send(upgradeRequest("/socket.io/?EIO=4&transport=websocket"))
      let answer = await connection.read(until: #""maxPayload":100000}"#)
      #expect(answer.hasPrefix("HTTP/1.1 101 "))
      #expect(answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
      #expect(!answer.lowercased().contains("extensions"))
      #expect(answer.contains(#""upgrades":[]"#))
      await connection.close()
    }
  }

  @Test func oneConnectionCarriesOneRequestAfterTheOther() async throws {
    try await withChatServer { server, group in
      let connection = try await RawConnection.open(to: server.port, group)
      let sid = try await openSession(connection)
      try await connection.send(request("POST", handshake + "&sid=" + sid, body: "40"))
      #expect(await connection.read(until: "\r\n\r\nok").hasPrefix("HTTP/1.1 200 "))
      try await connection.send(request("GET", handshake + "&sid=" + sid))
      #expect(await connection.read(until: #"40{"sid":""#).hasPrefix("HTTP/1.1 200 "))
      try await connection.send(request("GET", "/elsewhere", "Connection: close"))
      #expect(await connection.read().hasPrefix("HTTP/1.1 404 "))
    }
  }

  @Test func aBrokenPacketIsAnsweredOkAndEndsTheSession() async throws {
    try await withChatServer { server, group in
      let connection = try await RawConnection.open(to: server.port, group)
      let target = handshake + "&sid=" + (try await openSession(connection))
      try await connection.send(request("POST", target, body: "40\u{1E}x"))
      #expect(await connection.read(until: "\r\n\r\nok").hasPrefix("HTTP/1.1 200 "))
      try await connection.send(request("GET", target))
      #expect(await connection.read(until: "Session ID unknown").hasPrefix("HTTP/1.1 400 "))
      await connection.close()
    }
  }

  @Test func aSecondPollEndsTheFirstWithAClosePacket() async throws {
    try await withChatServer { server, group in
      let first = try await RawConnection.open(to: server.port, group)
      let second = try await RawConnection.open(to: server.port, group)
      let target = handshake + "&sid=" + (try await openSession(first))
      try await first.send(request("GET", target))
      try await second.send(request("POST", target, body: "40"))
      _ = await second.read(until: "\r\n\r\nok")
      _ = await first.read(until: #"40{"sid""#)
      try await first.send(request("GET", target))
      try await second.send(request("GET", target))
      let answers = [await first.read(until: "\r\n\r\n"), await second.read(until: "\r\n\r\n")]
      // Which of the two is first is the network's choice.
      #expect(answers.map { $0.prefix(12) }.sorted() == ["HTTP/1.1 200", "HTTP/1.1 400"])
      await first.close()
      await second.close()
    }
  }

  @Test func aBodyOverTheLimitIsRefused() async throws {
    try await withChatServer { server, group in
      let connection = try await RawConnection.open(to: server.port, group)
      let target = handshake + "&sid=" + (try await openSession(connection))
      try await connection.send(request("POST", target, body: String(repeating: "4", count: 100_001)))
      #expect(await connection.read(until: "\r\n\r\n").hasPrefix("HTTP/1.1 413 "))
      await connection.close()
    }
  }

  @Test func aBodyOfTooManyPacketsIsDroppedAsAWhole() async throws {
    try await withChatServer { server, group in
      try await withClient(of: server, group, .polling) { client in
        _ = try await client.request(emit("enter_chat_room", in: "lobby"))
        try await client.drained()
        let batch = emit("load_profile", in: "lobby")
        let dropped = try await client.emit(Array(repeating: batch, count: 17))
        try await client.drained()
        _ = try await client.request(batch)
        #expect(try await server.counts()["load_profile"]?.arrived == 1)
        await client.close()
        for outcome in dropped { #expect(try await outcome.get() == .connectionEnded) }
      }
    }
  }

  // MARK: namespaces

  @Test(arguments: ChatClient.Transport.allCases)
  func adminNeedsAToken(_ transport: ChatClient.Transport) async throws {
    try await withChatServer { server, group in
      try await withClient(of: server, group, transport) { client in
        await #expect(throws: ChatClientError.namespaceRefused(namespace: "/admin", message: "missing token"))
        {
          try await client.join("/admin")
        }
        try await client.join("/admin", auth: object(("token", .string("t"))))
        let ack = try await client.request(ClientEmit("list_users", namespace: "/admin"))
        #expect(ack.packet.text == #"3/admin,0[{"ok":true}]"#)
        await #expect(
          throws: ChatClientError.namespaceRefused(namespace: "/nowhere", message: "Invalid namespace")
        ) {
          try await client.join("/nowhere")
        }
      }
    }
  }

  @Test(arguments: ChatClient.Transport.allCases)
  func anEmitOnANamespaceNeverJoinedEndsTheConnection(_ transport: ChatClient.Transport) async throws {
    try await withChatServer { server, group in
      try await withClient(of: server, group, transport) { client in
        let outcomes = try await client.emit([ClientEmit("load_stats", namespace: "/stats")])
        #expect(try await outcomes[0].get() == .connectionEnded)
      }
    }
  }

  @Test(arguments: [
    #"2["disconnect"]"#, #"2{"no":"array"}"#, "29[]", "9", "", #"2["unfinished""#, #"511-["x"]"#, "4{}", "00",
  ])
  func aPacketNoParserAcceptsEndsTheConnection(_ text: String) async throws {
    try await withChatServer { server, group in
      try await withClient(of: server, group) { client in
        try await client.sendText(text)
        await #expect(throws: ChatClientError.connectionEnded) {
          _ = try await client.nextEvent(named: "never")
        }
      }
      try await expectService(server, group)
    }
  }

  // MARK: transports

  @Test func anUpgradeCarriesOnTheSession() async throws {
    try await withChatServer { server, group in
      try await withClient(of: server, group, .polling) { client in
        try await client.abandonUpgrade()
        // An abandoned upgrade leaves polling as it was.
        _ = try await client.request(emit("enter_chat_room", in: "lobby"))
      }
      try await withClient(of: server, group, .upgrade) { client in
        _ = try await client.request(emit("enter_chat_room", in: "lobby"))
      }
    }
  }

  @Test func aSilentClientIsGivenUp() async throws {
    var configuration = ChatServer.Configuration()
    // Long enough for a client that joins on a busy machine, which must not be given up before it falls silent.
    configuration.pingInterval = .seconds(1)
    configuration.pingTimeout = .seconds(1)
    try await withChatServer(configuration) { server, group in
      try await withClient(of: server, group) { client in
        try await client.freeze()
        await #expect(throws: ChatClientError.connectionEnded) {
          _ = try await client.nextEvent(named: "never")
        }
      }
    }
  }

  @Test func aTooLargeMessageIsClosedWith1009() async throws {
    try await withChatServer { server, group in
      let connection = try await RawConnection.open(to: server.port, group)
      try await connection.send(upgradeRequest("/socket.io/?EIO=4&transport=websocket"))
      _ = await connection.read(until: "}")
      // The header of a masked text frame of 100001 bytes is enough.
      try await connection.send([0x81, 0xFF, 0, 0, 0, 0, 0, 1, 0x86, 0xA1, 1, 2, 3, 4])
      #expect(await connection.readBytes() == [0x88, 0x02, 0x03, 0xF1])
    }
  }

  @Test(arguments: [
    [0x83, 0x80, 1, 2, 3, 4], [0xC1, 0x80, 1, 2, 3, 4], [0x81, 0x01, 0x32], [0x80, 0x80, 1, 2, 3, 4],
    [0x09, 0x80, 1, 2, 3, 4], [0x81, 0x81, 0, 0, 0, 0, 0xFF],
    [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
  ])
  func aFrameAgainstTheRulesEndsTheConnection(_ frame: [UInt8]) async throws {
    try await withChatServer { server, group in
      let connection = try await RawConnection.open(to: server.port, group)
      try await connection.send(upgradeRequest("/socket.io/?EIO=4&transport=websocket"))
      _ = await connection.read(until: "}")
      try await connection.send(frame)
      _ = await connection.read()
      try await expectService(server, group)
    }
  }

  // MARK: bad weather

  @Test func garbageIsSurvived() async throws {
    var random = SplitMix64(seed: UInt64.random(in: 0...UInt64.max))
    try await withChatServer { server, group in
      for _ in 0..<20 {
        let connection = try await RawConnection.open(to: server.port, group)
        // The server may close while the rest is still being sent.
        try? await connection.send((0..<2000).map { _ in UInt8(truncatingIfNeeded: random.next()) })
        await connection.close()
      }
      try await expectService(server, group)
    }
  }

  @Test func resetsAndHalfOpenConnectionsAreSurvived() async throws {
    try await withChatServer { server, group in
      let silent = try await RawConnection.open(to: server.port, group)
      let halfRequest = try await RawConnection.open(to: server.port, group)
      try await halfRequest.send("GET /socket.io/?EIO=4&tran")
      let polling = try await RawConnection.open(to: server.port, group)
      let sid = try await openSession(polling)
      try await polling.send(request("GET", handshake + "&sid=" + sid))
      try await polling.reset()
      let upgraded = try await RawConnection.open(to: server.port, group)
      try await upgraded.send(upgradeRequest("/socket.io/?EIO=4&transport=websocket"))
      _ = await upgraded.read(until: "}")
      try await upgraded.send([0x81, 0xFE, 0x01])
      try await upgraded.reset()
      try await expectService(server, group)
      // Stopping closes what is still open, from the server's side.
      await server.stop()
      _ = await silent.read()
      _ = await halfRequest.read()
    }
  }

  @Test func aClientThatShutsItsEndStillGetsTheSlowAnswer() async throws {
    var configuration = ChatServer.Configuration()
    configuration.ackTimeout = .milliseconds(20)
    try await withChatServer(configuration) { server, group in
      let connection = try await RawConnection.open(to: server.port, group)
      try await connection.send(upgradeRequest("/socket.io/?EIO=4&transport=websocket"))
      _ = await connection.read(until: "}")
      try await connection.send(maskedText("40") + maskedText(#"427["export_history",{}]"#))
      try await connection.halfClose()
      let heard = await connection.read()
      #expect(heard.contains(#"437[{"ok":true,"hits":3}]"#), "\(heard)")
    }
  }

  @Test func stoppingTellsTheClients() async throws {
    try await withChatServer { server, group in
      let clients = try await withThrowingTaskGroup(of: ChatClient.self) { tasks in
        for transport in ChatClient.Transport.allCases {
          tasks.addTask {
            try await ChatClient.connect(
              host: "127.0.0.1", port: server.port, group: group, transport: transport)
          }
        }
        return try await tasks.reduce(into: []) { $0.append($1) }
      }
      await server.stop()
      for client in clients {
        await #expect(throws: ChatClientError.connectionEnded) {
          _ = try await client.nextEvent(named: "never")
        }
        await client.close()
      }
    }
  }

  @Test func onlyLoopbackIsServed() async throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    await #expect(throws: ChatServerError.notLoopback(host: "0.0.0.0")) {
      _ = try await ChatServer.start(host: "0.0.0.0", group: group)
    }
    try await group.shutdownGracefully()
  }
}
