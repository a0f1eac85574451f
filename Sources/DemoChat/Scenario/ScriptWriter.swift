import JSONText

/// Writes the clients' scripts: a pure function of seed and number of messages.
struct ScriptWriter {
  private var random: SplitMix64
  private let messages: Int
  private let retryInterval: Double

  /// - Parameters:
  ///   - messages: how many messages a talkative client sends.
  ///   - retryInterval: between two attempts of an emit, as a part of the scenario.
  init(seed: UInt64, messages: Int, retryInterval: Double) {
    random = SplitMix64(seed: seed)
    self.messages = messages
    self.retryInterval = retryInterval
  }

  /// The scripts of all clients.
  mutating func scripts() -> [ClientScript] {
    let names = ChatPhrases.choose(9, of: ChatPhrases.names, &random)
    let rooms = ChatPhrases.choose(2, of: ChatPhrases.rooms, &random)
    let casts: [(inout ScriptWriter, String, String) -> ClientScript] = [
      { $0.reader($1, $2) }, { $0.author($1, $2) }, { $0.poller($1, $2) }, { $0.deaf($1, $2) },
      { $0.admin($1, $2) },
      { $0.retrier($1, $2) }, { $0.leaver($1, $2) }, { $0.frozen($1, $2) }, { $0.clumsy($1, $2) },
    ]
    return zip(casts, names).enumerated().map { index, pair in
      // Each client draws from numbers of its own, so that a change to one script leaves the others alone.
      var writer = ScriptWriter(seed: random.next(), messages: messages, retryInterval: retryInterval)
      var script = pair.0(&writer, pair.1, rooms[index % rooms.count])
      script.sort()
      return script
    }
  }

  // MARK: the cast

  /// Well-behaved on a WebSocket; its server forgets acks and is slow.
  private mutating func reader(_ name: String, _ room: String) -> ClientScript {
    var script = entering(name, room, by: .webSocket)
    talk(&script, room)
    script.at(0.25, .emit([emit("search_history", room, ("query", .string("café")))], answered: true))
    script.at(0.45, .emit([emit("mark_read", room, ("upTo", .integer(1)))], answered: false))
    script.at(0.60, .emit([emit("mark_read", room, ("upTo", .integer(2)))], answered: false))
    script.at(1, .settle)
    return script
  }

  /// Well-behaved, upgrades from polling to WebSocket; sends pictures, deletes messages.
  private mutating func author(_ name: String, _ room: String) -> ClientScript {
    var script = entering(name, room, by: .upgrade)
    talk(&script, room)
    script.at(0.30, .emit([avatar(room, size: 2048 + random.below(4096))], answered: true))
    // The first message was sent by then: `talk` starts with one.
    script.at(0.40, .emit([emit("delete_message", room, ("id", .integer(1)))], answered: true))
    script.at(
      0.50, .emit([emit("delete_message", room, ("id", .integer(900 + random.below(99))))], answered: false))
    return script
  }

  /// Polls only; posts too much at once, tries an upgrade and gives it up, and outlives its session.
  private mutating func poller(_ name: String, _ room: String) -> ClientScript {
    var script = entering(name, room, by: .polling)
    talk(&script, room, until: 0.5)
    script.at(0.35, .abandonUpgrade)
    let typing = emit("typing", room, wantsAck: false)
    let lost = emit("send_message", room, ("message", .string(ChatPhrases.phrase(&random))))
    script.at(0.55, .emitUnwisely(Array(repeating: typing, count: 16) + [lost]))
    script.at(0.65, .emitUnwisely([ClientEmit("server_restart", wantsAck: false)]))
    script.at(0.70, .emit([message(room)], answered: false))
    return script
  }

  /// Has no listener for what the server asks, and writes to a room before it entered it.
  private mutating func deaf(_ name: String, _ room: String) -> ClientScript {
    var script = ClientScript(name: name, behaviour: ChatClient.Behaviour(deafTo: ["are_you_there"]))
    start(&script, by: .webSocket)
    script.at(0.05, .emit([message(room)], answered: false))
    enter(&script, name, room, at: 0.08)
    talk(&script, room)
    script.at(0.50, .emit([message("attic")], answered: false))
    return script
  }

  /// Is refused by `/admin`, then admitted; then uses a namespace it never joined, which ends its session.
  private mutating func admin(_ name: String, _ room: String) -> ClientScript {
    var script = entering(name, room, by: .upgrade)
    talk(&script, room, until: 0.55)
    script.at(0.15, .join(namespace: "/admin", auth: nil))
    let token = JSONValue.object([("token", .string("demo-\(random.next())"))])
    script.at(0.25, .join(namespace: "/admin", auth: token))
    script.at(0.30, .emit([ClientEmit("list_users", [.object([])], namespace: "/admin")], answered: true))
    script.at(0.60, .emitUnwisely([ClientEmit("load_stats", [.object([])], namespace: "/stats")]))
    start(&script, by: .webSocket, at: 0.65)
    enter(&script, name, room, at: 0.68)
    script.at(0.75, .emit([message(room)], answered: true))
    return script
  }

  /// Sends again what was not acknowledged in time, and meets a handler that is registered too late.
  private mutating func retrier(_ name: String, _ room: String) -> ClientScript {
    var script = ClientScript(name: name)
    start(&script, by: .webSocket)
    script.at(
      0.04, .emit([ClientEmit("load_profile", [.object([("name", .string(name))])])], answered: false))
    enter(&script, name, room, at: 0.10)
    script.at(0.20, .emit([ClientEmit("load_profile", [.object([("name", .string(name))])])], answered: true))
    let status = ClientEmit("set_status", [.object([("status", .string("back at \(10 + random.below(8))"))])])
    for attempt in 0..<3 {
      script.at(0.30 + Double(attempt) * retryInterval, .emit([status], answered: attempt == 2))
    }
    script.at(0.60, .emit([emit("who_is_online", room)], answered: false))
    talk(&script, room, from: 0.62)
    return script
  }

  /// Leaves with acks pending: once in order, once without a word.
  private mutating func leaver(_ name: String, _ room: String) -> ClientScript {
    var script = entering(name, room, by: .webSocket)
    talk(&script, room, until: 0.25)
    script.at(0.30, .emit([emit("search_history", room, ("query", .string("bye")))], answered: false))
    script.at(0.32, .leave)
    start(&script, by: .webSocket, at: 0.40)
    // In a room of its own: what others say would reset the connection before the answer came.
    enter(&script, name, name + "-alone", at: 0.43)
    script.at(0.50, .emit([emit("export_history", room)], answered: false))
    script.at(0.52, .vanish)
    return script
  }

  /// Stops answering pings.
  private mutating func frozen(_ name: String, _ room: String) -> ClientScript {
    var script = entering(name, room, by: .webSocket)
    talk(&script, room, until: 0.25)
    script.at(0.30, .freeze)
    script.at(0.32, .emit([emit("mark_read", room, ("upTo", .integer(3)))], answered: false))
    return script
  }

  /// Everything it sends ends its session: too much, too broken, too late, and in the wrong protocol.
  private mutating func clumsy(_ name: String, _ room: String) -> ClientScript {
    var script = ClientScript(name: name)
    script.at(0.02, .connectInVain(revision: 3))
    start(&script, by: .webSocket, at: 0.05)
    enter(&script, name, room, at: 0.08)
    script.at(0.15, .emitUnwisely([avatar(room, size: 150_000)]))
    start(&script, by: .webSocket, at: 0.25)
    // An event of that name is the library's own, and refused.
    script.at(0.30, .sendText(#"29["disconnect",{"reason":"done"}]"#))
    start(&script, by: .webSocket, at: 0.40)
    script.at(
      0.45, .emitAndDisconnect(emit("leave_note", room, ("note", .string(ChatPhrases.phrase(&random))))))
    script.at(0.55, .leave)
    start(&script, by: .webSocket, at: 0.60)
    script.at(0.64, .emit([emit("search_history", room, ("query", .string("why")))], answered: false))
    script.at(0.66, .sendReservedFrame)
    return script
  }

  // MARK: phrases of scripts

  private func entering(_ name: String, _ room: String, by transport: ChatClient.Transport) -> ClientScript {
    var script = ClientScript(name: name)
    start(&script, by: transport)
    enter(&script, name, room, at: 0.05)
    return script
  }

  private func start(_ script: inout ClientScript, by transport: ChatClient.Transport, at time: Double = 0) {
    script.at(time, .connect(transport))
    script.at(time, .join(namespace: "/", auth: nil))
  }

  private func enter(_ script: inout ClientScript, _ name: String, _ room: String, at time: Double) {
    script.at(time, .emit([emit("enter_chat_room", room, ("name", .string(name)))], answered: true))
  }

  /// Messages at random times; the first one at once.
  private mutating func talk(
    _ script: inout ClientScript, _ room: String, from: Double = 0.12, until: Double = 0.85
  ) {
    let count = max(2, Int(Double(messages) * (until - from)))
    for index in 0..<count {
      let time = index == 0 ? from : from + random.fraction() * (until - from)
      script.at(time, .emit([emit("typing", room, wantsAck: false)], answered: false))
      script.at(time, .emit([message(room)], answered: true))
    }
  }

  private mutating func message(_ room: String) -> ClientEmit {
    emit("send_message", room, ("message", .string(ChatPhrases.phrase(&random))))
  }

  private mutating func avatar(_ room: String, size: Int) -> ClientEmit {
    let picture = (0..<size).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    return ClientEmit(
      "upload_avatar", [.object([("roomId", .string(room)), ("picture", .attachment(0))])],
      attachments: [picture])
  }

  private func emit(_ event: String, _ room: String, _ more: (String, JSONValue)..., wantsAck: Bool = true)
    -> ClientEmit
  {
    ClientEmit(
      event, [.object([("roomId", .string(room))] + more.map { (name: $0.0, value: $0.1) })],
      wantsAck: wantsAck)
  }
}
