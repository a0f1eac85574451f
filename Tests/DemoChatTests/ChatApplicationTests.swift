import DemoChat
import JSONText
import NIOCore
import Testing

@Suite(.timeLimit(.minutes(1))) struct ChatApplicationTests {
  @Test(arguments: ChatClient.Transport.allCases)
  func enteringARoomIsAcknowledgedAndAskedBack(_ transport: ChatClient.Transport) async throws {
    try await withChatServer { server, group in
      try await withClient(of: server, group, transport) { client in
        let ack = try await client.request(emit("enter_chat_room", in: "lobby"))
        #expect(ack.packet.text == #"30[{"ok":true,"roomId":"lobby","members":1}]"#)
        let question = try await client.nextEvent(named: "are_you_there")
        #expect(question.ackID == 0)
        // The next answer comes behind the client's ack to the question, in the order of its packets.
        _ = try await client.request(emit("load_profile", in: "lobby"))
        #expect(try await server.counts()["are_you_there"]?.acksReceived == 1)
      }
    }
  }

  @Test(arguments: ChatClient.Transport.allCases)
  func aMessageIsAcknowledgedAndReachesTheOthersOnly(_ transport: ChatClient.Transport) async throws {
    try await withChatServer { server, group in
      try await withClient(of: server, group) { listener in
        _ = try await listener.request(emit("enter_chat_room", in: "lobby"))
        try await withClient(of: server, group, transport) { author in
          _ = try await author.request(emit("enter_chat_room", in: "lobby"))
          let ack = try await author.request(
            emit("send_message", in: "lobby", ("message", .string("hé \u{1E}"))))
          #expect(ack.packet.payload == .array([object(("ok", .boolean(true)), ("id", .integer(1)))]))
          let heard = try await listener.nextEvent(named: "receive_message")
          #expect(
            heard.arguments == [
              object(("roomId", .string("lobby")), ("id", .integer(1)), ("message", .string("hé \u{1E}")))
            ])
          #expect(heard.ackID == nil)
          #expect(try await author.tally().events["receive_message"] == nil)
        }
      }
    }
  }

  @Test(arguments: ChatClient.Transport.allCases)
  func anAvatarTravelsAsAttachmentBothWays(_ transport: ChatClient.Transport) async throws {
    let picture = (0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    try await withChatServer { server, group in
      try await withClient(of: server, group, transport) { listener in
        _ = try await listener.request(emit("enter_chat_room", in: "lobby"))
        try await withClient(of: server, group, transport) { author in
          _ = try await author.request(emit("enter_chat_room", in: "lobby"))
          let ack = try await author.request(
            ClientEmit(
              "upload_avatar", [object(("roomId", .string("lobby")), ("picture", .attachment(0)))],
              attachments: [picture]))
          #expect(ack.packet.kind == .binaryAck)
          #expect(ack.attachments == [Array(picture.prefix(32))])
          let heard = try await listener.nextEvent(named: "avatar_changed")
          #expect(heard.attachments == [picture])
        }
      }
    }
  }

  @Test func aMessageOutsideItsRoomIsAnsweredByAnExceptionThatQuotesIt() async throws {
    try await withChatServer { server, group in
      try await withClient(of: server, group) { client in
        let data = object(("roomId", .string("attic")), ("message", .string("hello?")))
        let outcomes = try await client.emit([ClientEmit("send_message", [data])])
        let exception = try await client.nextEvent(named: "exception")
        #expect(exception.arguments.first?["status"]?.string == "error")
        #expect(exception.arguments.first?["cause"]?["pattern"]?.string == "send_message")
        #expect(exception.arguments.first?["cause"]?["data"] == data)
        await client.close()
        #expect(try await outcomes[0].get() == .connectionEnded)
      }
    }
  }

  @Test func whatOneHandlerForgetsDoesNotKeepTheNextFromAnswering() async throws {
    try await withChatServer { server, group in
      try await withClient(of: server, group) { client in
        _ = try await client.request(emit("enter_chat_room", in: "lobby"))
        let forgotten = try await client.emit([
          emit("mark_read", in: "lobby"), emit("no_such_event", in: "lobby"),
          emit("who_is_online", in: "lobby"),
        ])
        let list = try await client.nextEvent(named: "online_list")
        #expect(list.arguments == [object(("count", .integer(1)))])
        // Answers come in order, so one that came shows that the others are not on their way.
        _ = try await client.request(emit("send_message", in: "lobby", ("message", .string("x"))))
        let counts = try await server.counts()
        #expect(counts["mark_read"]?.handled == 1)
        #expect(counts["mark_read"]?.acksSent == 0)
        #expect(counts["who_is_online"]?.acksSent == 0)
        await client.close()
        for outcome in forgotten { #expect(try await outcome.get() == .connectionEnded) }
      }
    }
  }

  @Test func onlyTheAuthorsDeletionIsAcknowledged() async throws {
    try await withChatServer { server, group in
      try await withClient(of: server, group) { client in
        _ = try await client.request(emit("enter_chat_room", in: "lobby"))
        _ = try await client.request(emit("send_message", in: "lobby", ("message", .string("x"))))
        let foreign = try await client.emit([emit("delete_message", in: "lobby", ("id", .integer(2)))])
        _ = try await client.request(emit("delete_message", in: "lobby", ("id", .integer(1))))
        #expect(try await server.counts()["delete_message"]?.acksSent == 1)
        await client.close()
        #expect(try await foreign[0].get() == .connectionEnded)
      }
    }
  }

  @Test func theThirdAttemptOfAStatusIsAcknowledged() async throws {
    try await withChatServer { server, group in
      try await withClient(of: server, group) { client in
        let status = ClientEmit("set_status", [object(("status", .string("away")))])
        let attempts = try await client.emit([status, status, status])
        guard case .acknowledged(let ack) = try await attempts[2].get() else {
          Issue.record("the third attempt was not acknowledged")
          return
        }
        #expect(ack.packet.id == 2)
        #expect(try await server.counts()["set_status"]?.acksSent == 1)
      }
    }
  }

  @Test func aProfileIsLoadedOnlyAfterTheFirstRoom() async throws {
    try await withChatServer { server, group in
      try await withClient(of: server, group) { client in
        let early = try await client.emit([ClientEmit("load_profile")])
        _ = try await client.request(emit("enter_chat_room", in: "lobby"))
        let late = try await client.request(ClientEmit("load_profile"))
        #expect(late.packet.id == 2)
        await client.close()
        #expect(try await early[0].get() == .connectionEnded)
      }
    }
  }

  @Test func aSlowAnswerComesBehindLaterOnes() async throws {
    var configuration = ChatServer.Configuration()
    configuration.ackTimeout = .milliseconds(20)
    try await withChatServer(configuration) { server, group in
      let connection = try await RawConnection.open(to: server.port, group)
      try await connection.send(upgradeRequest("/socket.io/?EIO=4&transport=websocket"))
      _ = await connection.read(until: "}")
      try await connection.send(
        maskedText("40") + maskedText(#"420["search_history",{}]"#)
          + maskedText(#"421["enter_chat_room",{"roomId":"lobby"}]"#))
      let answers = await connection.read(until: "430[")
      #expect(answers.contains("431["))
      await connection.close()
    }
  }

  @Test func anEmitOvertakenByDisconnectIsNotHandled() async throws {
    try await withChatServer { server, group in
      try await withClient(of: server, group) { client in
        try await client.emit([ClientEmit("leave_note")], thenDisconnect: true)
        // Joining again is answered behind whatever the note would have been answered with.
        try await client.join()
        let count = try await server.counts()["leave_note"]
        #expect(count?.arrived == 1)
        #expect(count?.handled == 0)
      }
    }
  }
}
