import Foundation
import Testing

extension RealPeers.Secrets {
  /// How the peers of a recording talk.
  struct Talk: Sendable, CustomTestStringConvertible {
    let transport: String
    var serializer = "default"
    var isCompressed = false

    var arguments: [String] { ["--serializer", serializer] + (isCompressed ? ["--deflate"] : []) }
    var testDescription: String {
      "\(transport), \(serializer)\(isCompressed ? ", compressed" : "")"
    }

    static let all = [
      Talk(transport: "polling"), Talk(transport: "websocket"),
      Talk(transport: "polling", serializer: "msgpack"),
      Talk(transport: "websocket", serializer: "msgpack"), Talk(transport: "websocket", isCompressed: true),
      Talk(transport: "websocket", serializer: "msgpack", isCompressed: true),
    ]
  }

  /// Searches all that was written for what was planted.
  private static func expectNone(
    _ name: String, in lines: [String], sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(lines.contains { !$0.isEmpty }, "\(name) is empty", sourceLocation: sourceLocation)
    let found = lines.filter(PlantedSecret.isIn)
    #expect(found.isEmpty, "\(name): \(found.joined(separator: "\n"))", sourceLocation: sourceLocation)
  }

  private static func expectNone(
    _ name: String, in file: URL, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let text = try String(contentsOf: file, encoding: .utf8)
    expectNone(name, in: text.components(separatedBy: "\n"), sourceLocation: sourceLocation)
  }

  /// A chat of `secret_chat.py` behind a proxy.
  private static func record(
    _ talk: Talk, in folder: TemporaryFolder, as name: String, server: [String] = []
  ) async throws -> URL {
    let (serving, port) = try await PeerProcess.startServer(
      script: "secret_chat.py", arguments: ["server"] + talk.arguments + server)
    let file = folder.file(name)
    let proxy = try await ProxyProcess.start([
      "proxy", "http://127.0.0.1:\(port)", "--listen", "127.0.0.1:0", "--capture", file.path, "--view",
      "lines",
    ])
    let client = try await PeerProcess.start(
      script: "secret_chat.py",
      arguments: ["client", proxy.address, "--transport", talk.transport] + talk.arguments)
    _ = try await client.finishedReport()
    #expect(await proxy.stop() == .exited(0))
    await serving.stop()
    expectNone("the lines", in: proxy.child.output.all)
    expectNone("the diagnostics", in: proxy.child.errors.all)
    return file
  }

  @Test(arguments: Talk.all)
  func noOutputHoldsWhatIsPlantedInAChat(_ talk: Talk) async throws {
    let folder = try TemporaryFolder()
    let file = try await Self.record(talk, in: folder, as: "chat.jsonl")
    let capture = try CaptureFile(contentsOf: file)
    // What is not secret is there: the chat was understood.
    #expect(capture.emits(from: "client", event: "login").count == 3)
    #expect(capture.emits(from: "client", event: "upload").count == 1)
    let login = capture.emits(from: "client", event: "login").first?["args"]?[0]
    #expect(login?["user"] == .string("ann"))
    #expect(login?["password"]?.string?.hasPrefix("[redacted:") == true)
    if talk.isCompressed {
      #expect(capture.records("packet").contains { $0["compressed"] == .bool(true) })
    }
    try Self.expectNone("the capture", in: file)

    let second = try await Self.record(talk, in: folder, as: "changed.jsonl", server: ["--changed"])
    for arguments in [
      ["inspect", file.path], ["inspect", file.path, "--format", "json"],
      ["inspect", file.path, "--format", "csv"],
      ["diff", file.path, second.path], ["diff", file.path, second.path, "--format", "json"],
      ["diff", file.path, second.path, "--strict"],
      ["convert", file.path, "-", "--to", "csv"], ["convert", file.path, "-", "--to", "har"],
    ] {
      let finished = try await ProxyProcess.finish(arguments)
      Self.expectNone(arguments.joined(separator: " "), in: finished.output)
      #expect(!finished.errors.contains(where: PlantedSecret.isIn))
    }
    let slice = folder.file("slice.jsonl")
    let written = try await ProxyProcess.finish([
      "inspect", file.path, second.path, "--write", slice.path, "--filter", "~ev login",
    ])
    #expect(written.ending == .exited(0), "\(written.errors)")
    try Self.expectNone("the slice", in: slice)
  }

  /// What a replay is told to send in place of what was redacted, and what the server says to it.
  @Test(arguments: [Talk.all[0], Talk.all[1], Talk.all[3]])
  func noReportOfAReplayHoldsASecret(_ talk: Talk) async throws {
    let folder = try TemporaryFolder()
    let file = try await Self.record(talk, in: folder, as: "chat.jsonl")
    let (serving, port) = try await PeerProcess.startServer(
      script: "secret_chat.py", arguments: ["server", "--changed"] + talk.arguments)
    let junit = folder.file("report.xml")
    for format in ["json", "text"] {
      let own = folder.file("replay-\(format).jsonl")
      let child = try ChildProcess(
        ProxyProcess.binary(),
        [
          "replay", file.path, "--to", "http://127.0.0.1:\(port)", "--format", format, "--junit", junit.path,
          "--capture", own.path, "--auth", #"{"token":"planted-auth","pin":"1234"}"#, "--header",
          "Authorization: Bearer planted-header", "--header", "X-Door: env:ACKSCOPE_TEST_DOOR", "--query",
          "token=planted-query", "--query", "door=env:ACKSCOPE_TEST_DOOR", "--set", "password=planted-set",
          "--set", "user=env:ACKSCOPE_TEST_DOOR", "--set", "api_key=planted-key", "--timeout", "2s",
        ], environment: ["ACKSCOPE_TEST_DOOR": "planted-door"])
      #expect(await child.end() == .exited(1))
      let lines = child.output.all
      #expect(lines.contains { $0.contains("login") }, "\(lines)")
      Self.expectNone("the report as \(format)", in: lines)
      #expect(!child.errors.all.contains(where: PlantedSecret.isIn), "\(child.lastErrors)")
      try Self.expectNone("the JUnit report", in: junit)
      try Self.expectNone("the replay's own capture", in: own)
    }
    await serving.stop()
  }

  @Test func aMockSaysNoSecretOfItsClients() async throws {
    let folder = try TemporaryFolder()
    let talk = Talk(transport: "websocket")
    let file = try await Self.record(talk, in: folder, as: "chat.jsonl")
    let mock = try await ProxyProcess.start(["mock", file.path, "--listen", "127.0.0.1:0", "--speed", "10"])
    let peer = try await WebSocketPeer.open(
      port: mock.port, target: "/socket.io/?EIO=4&transport=websocket&token=planted-1")
    _ = try await peer.text { $0.hasPrefix("0{") }
    try peer.send(#"40{"token":"planted-2"}"#)
    _ = try await peer.text { $0.hasPrefix("4") }
    try peer.send(#"421["unheard_of",{"password":"planted-3"}]"#)
    try peer.send(#"422["login",{"user":"ann","password":"planted-4"}]"#)
    _ = try await peer.text { $0.hasPrefix("432") }
    try peer.close()
    _ = await mock.stop()
    #expect(!mock.child.errors.all.isEmpty)
    #expect(!(mock.child.errors.all + mock.child.output.all).contains(where: PlantedSecret.isIn))
  }

  @Test func theLiveScreenShowsNoSecret() async throws {
    let folder = try TemporaryFolder()
    let file = try await Self.record(Talk(transport: "websocket"), in: folder, as: "chat.jsonl")
    let pane = try await TerminalPane.run(
      try ProxyProcess.binary(), ["watch", file.path, "--speed", "max"], columns: 150, rows: 40)
    try await pane.wait(for: "upload")
    var seen: [String] = try await pane.rows()
    // Every tab, and the record that is selected in it.
    for keys in [["Tab"], ["Enter"], ["Escape"], ["Tab"], ["Enter"], ["Escape"], ["Tab"], ["Enter"]] {
      for key in keys { try await pane.press(key) }
      seen += try await pane.rows()
    }
    try await pane.press("q")
    #expect(seen.contains { $0.contains("login") })
    #expect(!seen.contains(where: PlantedSecret.isIn))
  }

  @Test func whatIsWrongWithAnOptionIsSaidWithoutItsSecret() async throws {
    for arguments in [
      ["--header", "planted-1"], ["--header", "Authorization Bearer planted-2"], ["--query", "planted-3"],
      ["--set", "planted-4"], ["--auth", #"{"token":"planted-5"#],
      ["--header", "Authorization: planted-6\u{1}"],
      ["--to", "http://ann:planted-7@127.0.0.1:9"],
    ] {
      let to = arguments.first == "--to" ? [] : ["--to", "http://127.0.0.1:9"]
      let refused = try await ProxyProcess.finish(["replay", "/nowhere.jsonl"] + to + arguments)
      #expect(refused.ending == .exited(2))
      #expect(refused.errors.first?.contains(arguments[0]) == true, "\(refused.errors)")
      #expect(!refused.errors.contains(where: PlantedSecret.isIn), "\(refused.errors)")
    }
  }
}
