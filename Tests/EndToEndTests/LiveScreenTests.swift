import Foundation
import Testing

extension RealPeers {
  /// The live view in a real terminal, over a chat with a real server.
  @Suite struct LiveScreens {
    /// A row of the board, as it stands on the screen.
    private struct BoardRow {
      /// Seconds that it has waited.
      let age: Double
      let text: String

      /// The row of an event's emit, or nil where the board has none. Rows of the stream begin with the time of day.
      init?(_ rows: [String], event: String) {
        let units = ["µs": 1e-6, "ms": 1e-3, "s": 1, "min": 60]
        for row in rows {
          let words = row.split(separator: " ")
          guard words.count > 4, ["·", "!", "✗"].contains(words[0]), words.contains(Substring(event)),
            let number = Double(words[1]), let unit = units[String(words[2])]
          else { continue }
          age = number * unit
          text = words.dropFirst(3).joined(separator: " ")
          return
        }
        return nil
      }
    }

    /// A chat server, a proxy with its live view before it, and a client that has joined.
    private struct Chat {
      let server: PeerProcess
      let pane: TerminalPane
      let peer: WebSocketPeer

      static func begin(columns: Int, rows: Int, ackTimeout: String) async throws -> Chat {
        let (server, port) = try await PeerProcess.startServer(
          script: "chat_server.py", arguments: ["--say-events"])
        let pane = try await TerminalPane.run(
          try ProxyProcess.binary(),
          [
            "proxy", "http://127.0.0.1:\(port)", "--listen", "127.0.0.1:0", "--ack-timeout", ackTimeout,
            "--capture", "capture.jsonl",
          ], columns: columns, rows: rows)
        let listens = try await pane.wait(for: "the proxy's address") { rows in
          rows.first?.firstMatch(of: /http:\/\/127\.0\.0\.1:(\d+) →/).flatMap { Int($0.1) }
        }
        return Chat(server: server, pane: pane, peer: try await WebSocketPeer.join(port: listens))
      }

      /// Emits, and waits until the server's handler has it; returns the moments before and after.
      func emit(_ id: Int, _ event: String, _ argument: String) async throws -> (
        before: ContinuousClock.Instant, after: ContinuousClock.Instant
      ) {
        let before = ContinuousClock.now
        try peer.send(#"42\#(id)["\#(event)",\#(argument)]"#)
        _ = try await server.next { $0["received"]?.string == event }
        return (before, ContinuousClock.now)
      }

      /// Waits until the emit of an event stands on the board with these words.
      func row(_ event: String, _ words: String) async throws -> BoardRow {
        try await pane.wait(for: "\(event) … \(words)") { rows in
          BoardRow(rows, event: event).flatMap { $0.text.contains(words) ? $0 : nil }
        }
      }

      /// Waits until the emit of an event has left the board.
      func left(_ event: String) async throws {
        try await pane.wait(for: "a board without \(event)") { rows in
          BoardRow(rows, event: event) == nil ? () : nil
        }
      }

      /// Expects the age of an emit to tick, and to be what has gone by since it was sent.
      func expectAge(
        of event: String, since sent: (before: ContinuousClock.Instant, after: ContinuousClock.Instant)
      ) async throws {
        let least = (ContinuousClock.now - sent.after) / .seconds(1)
        let shown = try await pane.wait(for: "\(event), older than \(least) s") { rows in
          BoardRow(rows, event: event).flatMap { $0.age >= least - 0.1 ? $0.age : nil }
        }
        // Shown ages are rounded to a tenth of a second.
        #expect(shown <= (ContinuousClock.now - sent.before) / .seconds(1) + 0.1)
      }
    }

    @Test func anEmitIsOnTheBoardWithItsReasonUntilItIsAnswered() async throws {
      let chat = try await Chat.begin(columns: 140, rows: 44, ackTimeout: "1s")
      let (pane, peer) = (chat.pane, chat.peer)

      // The handler that forgets, the one that raises, and one that takes as long as its client likes.
      let forgotten = try await chat.emit(1, "forgets", #"{"to":"nobody"}"#)
      let raised = try await chat.emit(2, "raises", #""now""#)
      let slow = try await chat.emit(3, "call_me", #""well?""#)
      let question = try await peer.text { $0.contains(#"["question""#) }
      for (event, sent) in [("forgets", forgotten), ("raises", raised), ("call_me", slow)] {
        let row = try await chat.row(event, "overdue")
        #expect(row.text.contains("#1 → client"))
        #expect(row.age >= 1)
        try await chat.expectAge(of: event, since: sent)
      }
      // The server waits for its client as well.
      #expect(try await chat.row("question", "overdue").text.contains("#1 ← server"))
      #expect(try await chat.row("forgets", "overdue").text.contains(#"[{"to":"nobody"}]"#))
      try await pane.wait(for: "1 Unacknowledged 4")

      // Answered ones leave, the others stay.
      let id = question.dropFirst(2).prefix { $0.isNumber }
      try peer.send(#"43\#(id)["here I am"]"#)
      _ = try await peer.text { $0.hasPrefix("433[") }
      try await chat.left("call_me")
      try await chat.left("question")
      _ = try await chat.row("forgets", "overdue")
      _ = try await chat.row("raises", "overdue")
      try await pane.wait(for: "1 Unacknowledged 2")
      // An answer in time never stays.
      try peer.send(#"424["nothing"]"#)
      _ = try await peer.text { $0.hasPrefix("434[") }
      try await pane.wait(for: "5 emits  3 acks")
      #expect(BoardRow(try await pane.rows(), event: "nothing") == nil)

      // When the client goes, silence gets its final verdict, which stays until it is cleared.
      try peer.close()
      for event in ["forgets", "raises"] {
        _ = try await chat.row(event, "unanswered: no_handler_or_no_return")
      }
      try await pane.press("Enter")
      try await pane.wait(for: "Timeline")
      try await pane.wait(for: "connection closed by client, code 1000")
      try await pane.press("q", "c")
      try await chat.left("forgets")
      try await pane.wait(for: "1 Unacknowledged 0")

      // What the screen said is what the capture says.
      try await pane.press("q")
      try await pane.wait(for: "ended with 0")
      let lines = try pane.text(of: "capture.jsonl").split(separator: "\n").map(String.init)
      let capture = try CaptureFile(lines: lines, isTorn: false)
      capture.expectConsistency()
      #expect(capture.outcomes(event: "forgets") == ["unanswered no_handler_or_no_return"])
      #expect(capture.outcomes(event: "raises") == ["unanswered no_handler_or_no_return"])
      #expect(capture.outcomes(event: "call_me") == ["late after_ack_timeout"])
      await chat.server.stop()
    }

    @Test func theScreenFollowsTheSizeOfItsTerminal() async throws {
      let chat = try await Chat.begin(columns: 120, rows: 40, ackTimeout: "30s")
      _ = try await chat.emit(1, "forgets", "{}")
      for (columns, rows) in [(40, 10), (80, 24), (200, 60), (40, 10)] {
        try await chat.pane.resize(columns: columns, rows: rows)
        try await chat.pane.wait(for: "the board at \(columns) × \(rows)") { lines in
          // The last row has the keys, the first the header, and the emit is between them.
          lines.count == rows && lines.last?.hasPrefix("? help") == true && lines.first?.isEmpty == false
            && lines.contains { $0.contains("forgets") } ? () : nil
        }
      }
      try chat.peer.close()
      await chat.server.stop()
    }

    /// Plays the demo's capture at once, up to its end.
    private static func played(_ settings: [String] = [], _ arguments: String..., columns: Int = 120)
      async throws -> TerminalPane
    {
      let pane = try await TerminalPane.run(
        "env", settings + [try ProxyProcess.binary(), "watch", demo] + arguments, columns: columns, rows: 40)
      if arguments.contains("max") { try await pane.wait(for: " END ") }
      return pane
    }

    private static let demo = PeerEnvironment.installed.deletingLastPathComponent()
      .deletingLastPathComponent()
      .appendingPathComponent("captures/demo.jsonl").path

    private static func place(of text: String, in rows: [String]) throws -> (row: Int, column: Int) {
      for (number, row) in rows.enumerated() {
        if let range = row.range(of: text) {
          return (number, row.distance(from: row.startIndex, to: range.lowerBound))
        }
      }
      throw PeerFailure("not on the screen: \(text)")
    }

    @Test(arguments: TerminalPane.MouseProtocol.allCases)
    func theMouseSelectsOpensAndScrolls(_ mouse: TerminalPane.MouseProtocol) async throws {
      let pane = try await Self.played(["TERM=\(mouse.terminal)"], "--speed", "max")
      try await pane.wait(for: "▏ are_you_there id 7")
      let row = try Self.place(of: "who_is_online", in: try await pane.rows())
      try await pane.click(row: row.row, column: row.column, by: mouse)
      try await pane.wait(for: "▏ who_is_online id 6")
      try await pane.turnWheelDown(row: row.row, column: row.column, by: mouse)
      try await pane.wait(for: "▏ search_history id 3")
      let tab = try Self.place(of: "2 Events", in: try await pane.rows())
      try await pane.click(row: tab.row, column: tab.column, by: mouse)
      try await pane.wait(for: "verdicts")
      try await pane.click(row: row.row, column: row.column, by: mouse)
      try await pane.wait(for: "▏ who_is_online id 6")
      try await pane.click(row: row.row, column: row.column, by: mouse)
      try await pane.wait(for: "Timeline")
      try await pane.press("q", "?")
      try await pane.wait(for: "What is a lost message here?")
      try await pane.turnWheelDown(row: 20, column: 20, by: mouse)
      try await pane.waitUntilGone("What is a lost message here?")
    }

    @Test func aPlayedCaptureIsPausedSteppedAndSkipped() async throws {
      let pane = try await Self.played([], "--speed", "0.5")
      try await pane.wait(for: "▶ 0.5×")
      try await pane.press("+")
      try await pane.wait(for: "▶ 1×")
      try await pane.press("Space")
      try await pane.wait(for: "PAUSED")
      let standing = try await pane.rows()
      try await pane.press("v")
      try await pane.wait(for: "stopped where an emit ended without an ack")
      #expect(try await pane.rows().first != standing.first)
      try await pane.press("Enter")
      try await pane.wait(for: "Evidence")
      try await pane.press("e")
      try await pane.wait(for: " END ")
    }

    @Test func aCaptureThatGrowsIsFollowedIntoTheNextFile() async throws {
      let lines = try String(contentsOfFile: Self.demo, encoding: .utf8).split(separator: "\n").map(
        String.init)
      let folder = try TemporaryFolder()
      let (first, second) = (folder.file("chat.000001.jsonl"), folder.file("chat.000002.jsonl"))
      func text(_ lines: some Sequence<String>) -> Data { Data(lines.map { $0 + "\n" }.joined().utf8) }
      try text(lines[..<100]).write(to: first)
      let pane = try await TerminalPane.run(
        try ProxyProcess.binary(), ["watch", "--follow", first.path], columns: 120, rows: 40)
      try await pane.wait(for: " following ")
      func emits(_ lines: some Sequence<String>) -> Int {
        lines.count { $0.contains(#""event":"#) && $0.hasPrefix(#"{"type":"packet""#) }
      }
      try await pane.wait(for: "\(emits(lines[..<100])) emits")
      let handle = try FileHandle(forWritingTo: first)
      try handle.seekToEnd()
      // A line comes in two pieces.
      let piece = text(lines[100..<200])
      try handle.write(contentsOf: piece.prefix(piece.count - 20))
      try handle.write(contentsOf: piece.suffix(20))
      try await pane.wait(for: "\(emits(lines[..<200])) emits")
      let seam =
        #"{"type":"rotated","seq":100000,"ts":"2026-11-23T10:10:05.000000Z","next":"chat.000002.jsonl"}"#
      try text([lines[0]] + lines[200...]).write(to: second)
      try handle.write(contentsOf: text([seam]))
      try handle.close()
      try await pane.wait(for: "\(emits(lines)) emits")
      try await pane.wait(for: " END ")
      try await pane.wait(for: "chat.000002.jsonl")
    }

    @Test func aFilterIsExplainedWhileItIsTypedAndWhatIsChosenCanBeTaken() async throws {
      let pane = try await Self.played([], "--speed", "max")
      try await pane.press("/")
      try await pane.type("~age 2s")
      try await pane.wait(for: "~age needs a comparison such as >2s")
      try await pane.press("C-u")
      try await pane.type("~v rejected")
      try await pane.wait(for: "✓ Enter applies")
      try await pane.press("Enter")
      try await pane.wait(for: "filter: ~v rejected")
      try await pane.wait(for: "a board with what was rejected alone") { rows in
        let board = rows.filter { $0.hasPrefix("✗ ") }
        return board.count == 2 && board.allSatisfy { $0.contains("rejected: exception_event") } ? () : nil
      }
      try await pane.press("w")
      try await pane.wait(for: "save slice as: emit-")
      try await pane.press("C-u")
      try await pane.type("slice.jsonl")
      try await pane.press("Enter")
      try await pane.wait(for: "saved slice.jsonl")
      let slice = pane.folder.file("slice.jsonl").path
      let command = try await ProxyProcess.finish(["inspect", "--format", "json", slice])
      #expect(command.ending == .exited(0), "\(command.errors)")
      let summary = try JSON(parsing: command.output.joined())
      #expect(summary["verdicts"]?["rejected"] != nil)
    }

    @Test(arguments: [
      (["TERM=xterm"], "3[1-7]", "38[;:]"), (["TERM=xterm-256color"], "38[;:]5[;:]160", "38[;:]2"),
      (["TERM=screen"], "3[1-7]", "38[;:]"), (["TERM=vt100"], "1", "3[1-8]"),
      (["TERM=xterm-256color", "NO_COLOR=1"], "1", "3[1-8]"),
    ])
    func aTerminalGetsTheColoursThatItHas(_ settings: [String], _ has: String, _ lacks: String) async throws {
      let pane = try await Self.played(settings, "--speed", "max")
      try await pane.wait(for: "✗    200 ms #21 → client")
      let colored = try await pane.colored()
      func isThere(_ codes: String) throws -> Bool {
        // After the escape sequence's beginning, or after other codes of it; 39 is the terminal's own colour.
        try colored.contains(Regex("\u{1B}\\[([0-9;:]*;)?\(codes)[;:m]"))
      }
      #expect(try isThere(has))
      #expect(try !isThere(lacks))
    }

    @Test(arguments: [SIGTERM, SIGHUP, SIGABRT])
    func aSignalLeavesTheTerminalAsItWas(_ signal: Int32) async throws {
      let pane = try await TerminalPane.run(
        "sh", ["-c", #"echo $$ > pid; exec "$0" "$@""#, try ProxyProcess.binary(), "watch", Self.demo],
        columns: 100, rows: 30)
      try await pane.wait(for: "1 Unacknowledged")
      let process = try #require(Int32(try pane.text(of: "pid").filter { $0.isNumber }))
      #expect(kill(process, signal) == 0)
      try await pane.wait(for: signal == SIGTERM ? "ended with 0" : "ended with \(128 + signal)")
      try await pane.wait(for: "looked at")
      #expect(try pane.text(of: "before") == pane.text(of: "after"))
      #expect(try await pane.rows().allSatisfy { !$0.contains("1 Unacknowledged") })
      #expect(try await pane.modes() == "0 0 1", "no mouse, no second screen, a cursor")
    }

    @Test func anUpstreamThatIsDownIsSaidInTheHeader() async throws {
      let closed = try ClosedPort()
      let pane = try await TerminalPane.run(
        try ProxyProcess.binary(),
        ["proxy", "http://127.0.0.1:\(closed.number)", "--listen", "127.0.0.1:0", "--no-capture"],
        columns: 100, rows: 30)
      let port = try await pane.wait(for: "the proxy's address") { rows in
        rows.first?.firstMatch(of: /http:\/\/127\.0\.0\.1:(\d+) →/).flatMap { Int($0.1) }
      }
      let client = try RawConnection(port: port)
      #expect(try await client.fetch("GET", "/socket.io/?EIO=4&transport=polling").status == 502)
      client.finishWriting()
      let alert = try await pane.wait(for: "an alert") { rows in
        rows.dropFirst(3).first { $0.hasPrefix(" ✗ ") }
      }
      #expect(alert.contains("127.0.0.1:\(closed.number)"))
    }

    @Test(arguments: ["q", "C-c"])
    func theTerminalIsGivenBackAsItWas(_ key: String) async throws {
      let pane = try await TerminalPane.run(
        try ProxyProcess.binary(),
        ["proxy", "http://127.0.0.1:1", "--listen", "127.0.0.1:0", "--no-capture"],
        columns: 80, rows: 24)
      try await pane.wait(for: "Waiting for the first connection.")
      try await pane.press(key)
      try await pane.wait(for: "ended with 0")
      try await pane.wait(for: "looked at")
      #expect(try pane.text(of: "before") == pane.text(of: "after"))
      #expect(try await pane.rows().allSatisfy { !$0.contains("Waiting for") })
    }

    @Test func aStoppedScreenComesBackWithTheProcess() async throws {
      let pane = try await TerminalPane.shell(columns: 100, rows: 30)
      try await pane.wait(for: "ready>")
      try await pane.type("stty -g > before; '\(try ProxyProcess.binary())' watch '\(Self.demo)' --speed max")
      try await pane.press("Enter")
      try await pane.wait(for: " END ")
      try await pane.press("C-z")
      try await pane.waitUntilGone(" END ")
      try await pane.type("stty -g > after; echo back")
      try await pane.press("Enter")
      try await pane.wait(for: "a line that says back") { rows in rows.contains("back") ? () : nil }
      #expect(try pane.text(of: "before") == pane.text(of: "after"))
      try await pane.type("fg")
      try await pane.press("Enter")
      try await pane.wait(for: "1 Unacknowledged 20")
      try await pane.press("q")
      try await pane.waitUntilGone("1 Unacknowledged 20")
    }

    @Test func aDumbTerminalGetsLines() async throws {
      let pane = try await TerminalPane.run(
        "env",
        [
          "TERM=dumb", try ProxyProcess.binary(), "demo", "--duration", "1s", "--no-capture",
        ], columns: 100, rows: 30)
      try await pane.wait(for: "ended with 0")
      #expect(try await pane.rows().contains { $0.contains(" → ") || $0.contains(" ← ") })
    }
  }
}
