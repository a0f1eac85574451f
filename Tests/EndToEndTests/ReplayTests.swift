import Foundation
import Testing

extension RealPeers {
  /// What was recorded is played against fresh servers, good ones and broken ones.
  @Suite struct Replay {
    @Test(arguments: ["polling", "websocket", "both"])
    func aFreshServerIsTheSame(_ transports: String) async throws {
      let recording = try await RoomRecording.shared(["--transports", transports, "--burst", "5"])
      for arguments in [[], ["--pace", "recorded"]] {
        let result = try await recording.replay(arguments)
        #expect(result.status == .exited(0), "\(arguments): \(result.words)")
        #expect(result.report["unplayed"] == .int(0))
        #expect(result.report["sessions"] == .int(3))
      }
    }

    @Test func withExactEveryIdCounts() async throws {
      let recording = try await RoomRecording.shared(["--transports", "websocket", "--namespaces", "/"])
      let result = try await recording.replay(["--exact", "--ignore", "message $", "--timeout", "500ms"])
      #expect(result.status == .exited(1))
      #expect(result.kinds.contains("ack_changed"))
      #expect(!result.words.contains("'message'"))
    }

    @Test(arguments: ["polling", "both"])
    func aFreshServerOfRevision3IsTheSame(_ transports: String) async throws {
      let recording = try await RoomRecording.make(["--transports", transports], environment: .engineIO3)
      let result = try await recording.replay()
      #expect(result.status == .exited(0), "\(result.words)")
      #expect(result.report["unplayed"] == .int(0))
    }

    @Test(arguments: ["polling", "websocket"])
    func msgpackSessionsAreTheSame(_ transports: String) async throws {
      let msgpack = ["--serializer", "msgpack"]
      let recording = try await RoomRecording.make(["--transports", transports] + msgpack, server: msgpack)
      let result = try await recording.replay(server: msgpack)
      #expect(result.status == .exited(0), "\(result.words)")
      #expect(result.report["unplayed"] == .int(0))
    }

    /// Rooms 1 and 2 when it was recorded are rooms 41 and 42 now: too short to be noticed.
    @Test func shortIdsAreLearntByRule() async throws {
      let client = ["--transports", "websocket", "--namespaces", "/", "--short-ids"]
      let recording = try await RoomRecording.make(client, server: ["--short-ids"])
      let server = ["--short-ids", "--first", "41"]
      let without = try await recording.replay(["--timeout", "200ms"], server: server)
      #expect(without.status == .exited(1))
      let rule = try await recording.replay(
        ["--bind", "room = send ack of create_room $.id"], server: server)
      #expect(rule.status == .exited(0), "\(rule.words)")
    }

    /// A fault, the kind of difference that says so, and words that must be in it.
    struct Fault: Sendable, CustomTestStringConvertible {
      let regression: String
      let kind: String
      let words: String
      var testDescription: String { regression }

      static let all = [
        Fault(regression: "lost_ack", kind: "ack_missing", words: "no ack of 'send_message'"),
        Fault(regression: "changed_ack", kind: "ack_changed", words: "the ack of 'send_message'"),
        Fault(
          regression: "changed_event", kind: "event_changed",
          words: "event 'message' came with other arguments"),
        Fault(regression: "missing_event", kind: "event_missing", words: "event 'message' did not come"),
        Fault(regression: "extra_event", kind: "event_unexpected", words: "event 'typing' came"),
        Fault(
          regression: "exception", kind: "exception_instead_of_ack",
          words: "instead of the ack of 'send_message'"),
        Fault(regression: "close", kind: "close_unexpected", words: "the server closed the session"),
      ]
    }

    @Test(arguments: Fault.all)
    func eachRegressionIsSaidInWords(_ fault: Fault) async throws {
      let recording = try await RoomRecording.shared(["--transports", "websocket", "--namespaces", "/"])
      let result = try await recording.replay(
        ["--timeout", "500ms"], server: ["--regression", fault.regression])
      #expect(result.status == .exited(1))
      #expect(result.kinds.contains(fault.kind), "\(result.words)")
      #expect(result.words.contains(fault.words))
      // What follows from nothing but the planted fault is not in the way.
      if ["lost_ack", "changed_ack", "changed_event", "missing_event", "extra_event"].contains(
        fault.regression)
      {
        #expect(result.kinds == [fault.kind], "\(result.words)")
      }
      // Every difference says where in the recording it belongs.
      let seqs = result.differences.map { $0["seq"]?.int ?? 0 }
      #expect(seqs.allSatisfy { $0 > 1 })
    }

    @Test func aSlowerServerFailsWhereThatIsLimited() async throws {
      let recording = try await RoomRecording.make(
        ["--transports", "websocket", "--namespaces", "/"], server: ["--delay", "0.05"])
      let slow = ["--delay", "0.15"]
      #expect(try await recording.replay(server: slow).status == .exited(0))
      let ratio = try await recording.replay(["--max-latency-ratio", "2"], server: slow)
      #expect(ratio.status == .exited(1))
      #expect(ratio.kinds == ["latency_ratio"])
      #expect(ratio.words.contains("acks of 'send_message' took"))
      let p99 = try await recording.replay(["--max-p99", "100ms"], server: slow)
      #expect(p99.kinds == ["latency_p99"])
    }

    @Test func secretsComeFromTheCommandLineOrTheEnvironment() async throws {
      let recording = try await RoomRecording.make(
        ["--transports", "websocket", "--token", "open-sesame-1"], server: ["--token", "open-sesame-1"])
      let redacted = try await recording.replay(
        ["--timeout", "300ms"], server: ["--token", "open-sesame-1"])
      #expect(redacted.status == .exited(1))
      #expect(redacted.kinds.contains("connect_refused"))
      #expect("\(redacted.report["notes"] ?? .null)".contains("redacted: token"))
      for given in [["--auth", #"{"token":"open-sesame-1"}"#], ["--set", "token=open-sesame-1"]] {
        let result = try await recording.replay(given, server: ["--token", "open-sesame-1"])
        #expect(result.status == .exited(0), "\(given): \(result.words)")
      }
      let missing = try await ProxyProcess.finish(
        ["replay", recording.capture.path, "--to", "http://127.0.0.1:9", "--auth", "env:ACKSCOPE_TEST_UNSET"])
      #expect(missing.ending == .exited(2))
      #expect(missing.errors == ["ackscope: --auth: the environment has no ACKSCOPE_TEST_UNSET"])
    }

    @Test func theCaptureOfAKilledProxyReplaysAsFarAsItGoes() async throws {
      let recording = try await RoomRecording.make(["--transports", "both", "--crash"])
      let whole = try Data(contentsOf: recording.capture)
      try whole.dropLast(20).write(to: recording.capture)
      let result = try await recording.replay()
      #expect(result.status == .exited(0), "\(result.words)")
      #expect("\(result.report["notes"] ?? .null)".contains("torn"))
      #expect(result.report["sessions"] == .int(3))
    }

    @Test func theReplaysOwnCaptureIsOneLikeAnyOther() async throws {
      let recording = try await RoomRecording.make(["--transports", "both"])
      let own = recording.folder.file("replay.jsonl")
      let junit = recording.folder.file("replay.xml")
      let result = try await recording.replay(["--capture", own.path, "--junit", junit.path])
      #expect(result.status == .exited(0), "\(result.words)")
      let capture = try CaptureFile(contentsOf: own)
      capture.expectConsistency()
      let first = try CaptureFile(contentsOf: recording.capture)
      #expect(capture.eventCounts(from: "client") == first.eventCounts(from: "client"))
      #expect(capture.ackCounts(from: "server") == first.ackCounts(from: "server"))
      #expect(capture.findings("upgrade_completed").count == 3)
      let sids = Set(first.records("session").map { "\($0["sid"] ?? .null)" })
      #expect(capture.records("session").allSatisfy { !sids.contains("\($0["sid"] ?? .null)") })
      let xml = try String(contentsOf: junit, encoding: .utf8)
      #expect(xml.contains(#"<testsuites name="ackscope replay" tests="3" failures="0""#))
      // And it can be replayed in its turn.
      let again = RoomRecording(folder: recording.folder, capture: own, environment: .engineIO4)
      #expect(try await again.replay().status == .exited(0))
    }

    @Test func copiesAndRepetitionsAreFreshSessions() async throws {
      let recording = try await RoomRecording.shared(["--transports", "websocket", "--namespaces", "/"])
      let result = try await recording.replay(["--pace", "max", "--parallel", "3", "--repeat", "2"])
      #expect(result.report["copies"] == .int(6))
      #expect(result.report["sessions"] == .int(18))
      #expect(result.report["unplayed"] == .int(0))
    }

    @Test func aFilterPlaysTheSessionsThatMatch() async throws {
      let recording = try await RoomRecording.shared(["--transports", "websocket", "--namespaces", "/"])
      let result = try await recording.replay(["--sessions", "~ev create_room", "--timeout", "200ms"])
      #expect(result.report["sessions"] == .int(1))
    }
  }
}

extension RealPeers.Replay {
  @Test(arguments: ["polling", "websocket"])
  func aRefusedHandshakeIsSaidWithItsStatus(_ transports: String) async throws {
    let recording = try await RoomRecording.shared(["--transports", transports, "--burst", "5"])
    let text = try String(contentsOf: recording.capture, encoding: .utf8)
    let elsewhere = recording.folder.file("elsewhere-\(transports).jsonl")
    try text.replacingOccurrences(of: "/socket.io/", with: "/elsewhere/").write(
      to: elsewhere, atomically: true, encoding: .utf8)
    let moved = RoomRecording(folder: recording.folder, capture: elsewhere, environment: .engineIO4)
    let result = try await moved.replay()
    #expect(result.status == .exited(1))
    #expect(result.kinds == ["handshake_failed"])
    #expect(result.words.contains("the server refused the handshake with status "), "\(result.words)")
  }
}

extension RealPeers.Replay {
  /// What another tool recorded.
  @Test(arguments: [[], ["--pace", "recorded"]])
  func aHARBecomesARecordingToReplay(_ pace: [String]) async throws {
    let har = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("HTTPArchiveTests/Resources/mitmproxy.har")
    let folder = try TemporaryFolder()
    let capture = folder.file("chat.jsonl")
    let converted = try await ProxyProcess.finish(["convert", har.path, capture.path])
    #expect(converted.ending == .exited(0), "\(converted.errors)")
    let recording = RoomRecording(folder: folder, capture: capture, environment: .engineIO4)
    let result = try await recording.replay(pace)
    #expect(result.status == .exited(0), "\(result.words)")
    #expect(result.report["sessions"] == .int(3) && result.report["unplayed"] == .int(0))
  }
}

extension RealPeers.Replay {
  /// Servers end idle connections without a word, some behind every answer: a client makes new ones.
  @Test(arguments: ["polling", "both"])
  func connectionsThatTheServerEndedAreMadeAnew(_ transports: String) async throws {
    let recording = try await RoomRecording.shared(["--transports", transports, "--burst", "5"])
    let result = try await recording.replay(server: ["--keep-alive", "0"])
    #expect(result.status == .exited(0), "\(result.words)")
    #expect(result.report["unplayed"] == .int(0))
  }

  /// Ctrl-C: what was not played is no difference, and the run is no proof either.
  @Test func aReplayThatIsStoppedSaysSo() async throws {
    let recording = try await RoomRecording.shared(["--transports", "websocket", "--namespaces", "/"])
    let (serving, port) = try await PeerProcess.startServer(script: "room_server.py")
    let own = recording.folder.file("stopped.jsonl")
    let watching = try await ProxyProcess.start(upstream: "http://127.0.0.1:\(port)")
    let replay = try ProxyProcess.run([
      "replay", recording.capture.path, "--to", watching.address, "--speed", "0.001", "--capture", own.path,
    ])
    // Its first client is there, and waits for its time.
    _ = try await watching.record { $0["socket"] == .string("connect") && $0["from"] == .string("server") }
    replay.signal(SIGINT)
    #expect(await replay.end() == .exited(1))
    let lines = replay.output.all
    #expect(lines.contains("note: stopped before everything was played"), "\(lines)")
    #expect(lines.last == "stopped; what was played until then is the same as recorded")
    #expect(try CaptureFile(contentsOf: own).records("end").count == 1)
    _ = await watching.stop()
    await serving.stop()
  }

  @Test func whatCannotBeWrittenIsSaidBeforeAnythingIsPlayed() async throws {
    let recording = try await RoomRecording.shared(["--transports", "websocket", "--namespaces", "/"])
    let result = try await ProxyProcess.finish([
      "replay", recording.capture.path, "--to", "http://127.0.0.1:9", "--junit", "/nowhere/at/all.xml",
    ])
    #expect(result.ending == .exited(74))
    #expect(
      result.errors == [
        "ackscope: --junit: '/nowhere/at/all.xml' cannot be written: No such file or directory"
      ])
  }
}

/// Replays that end before anything is played.
@Suite struct RefusedReplayTests {
  @Test func nobodyThereIsStatus69() async throws {
    let folder = try TemporaryFolder()
    let lines = [
      #"{"type":"capture","seq":1,"ts":"2026-11-24T10:00:00Z","schema":"ackscope.capture/1"}"#,
      #"{"type":"session","seq":2,"ts":"2026-11-24T10:00:01Z","conn":1,"session":1,"sid":"a","eio":4,"path":"/socket.io/"}"#,
    ]
    let file = try folder.file("c.jsonl", holding: lines.joined(separator: "\n") + "\n")
    let port = try ClosedPort()
    let result = try await ProxyProcess.finish([
      "replay", file.path, "--to", "http://127.0.0.1:\(port.number)",
    ])
    #expect(result.ending == .exited(69))
    #expect(result.errors.count == 1)
    #expect(
      result.errors.first?.hasSuffix("cannot connect to 127.0.0.1:\(port.number): Connection refused") == true
    )
  }

  @Test(arguments: [
    ("", "the file is empty"), ("hello\n", "not a JSON object"), (#"{"type":"x"}"# + "\n", "no record"),
    (
      #"{"type":"capture","seq":1,"ts":"2026-11-24T10:00:00Z","schema":"ackscope.capture/1"}"# + "\n",
      "holds no Socket.IO session"
    ),
  ])
  func foreignFilesAreOneClearLine(_ text: String, _ words: String) async throws {
    let folder = try TemporaryFolder()
    let file = try folder.file("c.jsonl", holding: text)
    let result = try await ProxyProcess.finish(["replay", file.path, "--to", "http://127.0.0.1:9"])
    #expect(result.ending == .exited(2))
    #expect(result.errors.count == 1)
    #expect(result.errors.first?.contains(words) == true, "\(result.errors)")
  }

  @Test func aHARIsNoCaptureAndThereIsAWayOut() async throws {
    let folder = try TemporaryFolder()
    let file = try folder.file("page.har", holding: "{\n}\n")
    for command in [["replay", "--to", "http://127.0.0.1:9"], ["mock"]] {
      let result = try await ProxyProcess.finish(command + [file.path])
      #expect(result.ending == .exited(2) && result.errors.count == 1)
      #expect(result.errors.first?.contains("ackscope convert") == true, "\(result.errors)")
    }
  }

  @Test(arguments: [
    ["--query", "=x"], ["--timeout", "x"],
    ["--to", "127.0.0.1:9"], ["--bind", "room"], ["--ignore", "$["], ["--set", "x"], ["--header", "x"],
    ["--auth", "{"], ["--sessions", "~"], ["--speed", "0"], ["--pace", "max", "--speed", "2"],
  ])
  func wrongArgumentsAreOneClearLine(_ arguments: [String]) async throws {
    let to = arguments.first == "--to" ? [] : ["--to", "http://127.0.0.1:9"]
    let result = try await ProxyProcess.finish(["replay", "/nowhere.jsonl"] + to + arguments)
    #expect(result.ending == .exited(2))
    #expect(result.errors.count == 1, "\(result.errors)")
    #expect(result.errors.first?.contains(arguments[0]) == true, "\(result.errors)")
  }
}
