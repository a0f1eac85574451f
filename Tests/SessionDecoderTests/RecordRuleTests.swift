import AckCorrelation
import Foundation
import JSONText
import SessionDecoder
import Testing

/// What CAPTURE-FORMAT.md says of every record.
@Suite struct RecordRuleTests {
  /// A run in which every type of record occurs.
  private func everything() -> TapDriver {
    let tap = TapDriver { $0.ackTimeout = 10_000 }
    tap.open()
    tap.get(
      Array(
        #"0{"sid":"S","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":9}"#.utf8
      ),
      "/socket.io/?EIO=4&transport=polling")
    tap.post("40")
    tap.get(Array(#"40{"sid":"n"}"#.utf8))
    tap.post(#"420["a",{"b":1}]"#)
    tap.get(Array("430[1]".utf8))
    tap.post(#"421["rejected"]"#)
    tap.get(Array(#"42["exception",{"status":"error","message":"no"}]"#.utf8))
    tap.call { decoder, time in decoder.recordsLost(3, reason: "disk full", at: time) }
    tap.close()
    tap.upgrade("/socket.io/?EIO=4&transport=websocket&sid=S")
    tap.client("2probe")
    tap.server("3probe")
    tap.client("5")
    tap.client(#"451-2["b",{"_placeholder":true,"num":0}]"#)
    tap.client([1, 2, 3])
    tap.client(#"423["late"]"#)
    tap.call(after: 20_000) { decoder, time in decoder.expire(at: time) }
    tap.server("433[]")
    tap.frame(.server, 0x89, [1])
    tap.frame(.client, 0x8A, [1])
    tap.frame(.server, 0x88, [3, 0xE8, 0x62, 0x79, 0x65])
    tap.raw(.client, [0xFF, 0xFF])
    tap.close()
    tap.upgrade("/chat")
    tap.client(#"{"event":"m","data":{"x":[1]}}"#)
    tap.server([9])
    tap.close()
    tap.endCapture()
    return tap
  }

  @Test func everyTypeOccurs() {
    let types = Set(everything().records.compactMap { $0["type"]?.string })
    #expect(
      types == [
        "capture", "open", "session", "handshake", "exchange", "packet", "message", "control", "verdict",
        "finding", "undecodable", "gap", "close", "end",
      ])
  }

  @Test func seqRisesByOne() {
    let seqs = everything().records.map { $0["seq"]?.integer }
    #expect(seqs == Array(1...seqs.count))
  }

  @Test func membersStandInTheOrderOfTheFormat() throws {
    for record in everything().records {
      let type = try #require(record["type"]?.string)
      let known = try #require(Self.members[type], "\(type)")
      let names = record.memberNames
      let places = names.map { known.firstIndex(of: $0) }
      #expect(!places.contains(nil), "\(type) has a member that the format does not name: \(names)")
      #expect(places.compactMap { $0 } == places.compactMap { $0 }.sorted(), "\(type): \(names)")
      #expect(Set(names).count == names.count, "\(type): \(names)")
    }
  }

  /// The members of each type in their order. What CAPTURE-FORMAT.md leaves to VERDICTS.md comes last.
  private static let members: [String: [String]] = {
    let common = ["type", "seq", "ts", "conn", "session", "from", "transport"]
    let further: [String: [String]] = [
      "capture": ["schema", "tool", "mode", "listen", "upstream", "redaction", "ack_timeout_us", "started"],
      "open": ["client", "upstream", "tls"],
      "session": [
        "sid", "eio", "path", "ping_interval_ms", "ping_timeout_ms", "max_payload", "began_before_capture",
      ],
      "handshake": ["request", "response", "extensions"],
      "exchange": ["request", "response", "duration_us"],
      "packet": [
        "engine", "socket", "namespace", "id", "event", "args", "text", "base64", "data", "attachments",
        "bytes",
        "parser", "frames", "compressed", "eio", "ack_of", "latency_us", "refused", "refused_by", "truncated",
      ],
      "message": [
        "opcode", "text", "base64", "bytes", "event", "args", "refused", "refused_by", "frames", "compressed",
        "truncated",
      ],
      "control": ["opcode", "code", "reason", "base64"],
      "verdict": [
        "emit", "event", "namespace", "id", "verdict", "cause", "certainty", "evidence", "age_us", "final",
        "ended_by", "how", "silent", "next", "next_id", "evicted", "unverified",
      ],
      "finding": [
        "finding", "certainty", "evidence", "code", "status", "message", "namespace", "event", "id",
        "peer", "offset", "rule",
      ],
      "undecodable": ["offset", "reason"],
      "gap": ["lost", "reason"],
      "close": ["by", "code", "reason", "pending_emits", "bytes", "duration_us"],
      "end": ["connections", "sessions", "packets", "emits", "acks", "verdicts"],
    ]
    var members = further.mapValues { common + $0 }
    // A finding is about a session or a connection; who did it is one of the things that it names.
    members["finding"]?.removeAll { $0 == "from" || $0 == "transport" }
    members["finding"]?.insert("from", at: 8)
    return members
  }()

  @Test func theFirstAndTheLastLineAreToTheLetter() {
    let tap = TapDriver()
    tap.endCapture()
    #expect(
      tap.lines == [
        #"{"type":"capture","seq":1,"ts":"2026-09-21T14:13:20.000000Z","schema":"ackscope.capture/1","#
          + #""tool":"ackscope/test","mode":"reverse","listen":"http://127.0.0.1:1","upstream":"http://127.0.0.1:2","#
          + #""redaction":"default","ack_timeout_us":5000000,"started":"2026-09-21T14:13:20.000000Z"}"#,
        #"{"type":"end","seq":2,"ts":"2026-09-21T14:13:20.001000Z","connections":0,"sessions":0,"packets":0,"#
          + #""emits":0,"acks":0,"verdicts":{}}"#,
      ])
  }

  @Test func anEmitAndItsAckAreToTheLetter() {
    let tap = TapDriver()
    tap.connect()
    let before = tap.lines.count
    tap.client(#"427["send_message",{"roomId":1,"message":"hi"}]"#)
    tap.server(#"437[{"ok":true}]"#)
    #expect(
      Array(tap.lines[before...]) == [
        #"{"type":"packet","seq":8,"ts":"2026-09-21T14:13:20.007000Z","conn":1,"session":1,"from":"client","#
          + #""transport":"websocket","socket":"event","namespace":"/","id":7,"event":"send_message","#
          + #""args":[{"roomId":1,"message":"hi"}],"bytes":47}"#,
        #"{"type":"packet","seq":9,"ts":"2026-09-21T14:13:20.008000Z","conn":1,"session":1,"from":"server","#
          + #""transport":"websocket","socket":"ack","namespace":"/","id":7,"args":[{"ok":true}],"bytes":16,"#
          + #""ack_of":8,"latency_us":1000}"#,
      ])
  }

  @Test func timeNeverRunsBackwards() {
    let tap = TapDriver()
    tap.connect()
    for step: Int64 in [1000, -5000, 0, -1, 3000] {
      tap.call(after: step) { decoder, time in
        [0x81, 0x01, 0x32].withUnsafeBytes {
          decoder.bytesReceived(
            tap.connection, from: .server, UnsafeRawBufferPointer(rebasing: $0[...]), at: time)
        }
        decoder.recordsLost(1, reason: "test", at: time)
      }
    }
    let times = tap.records.compactMap { $0["ts"]?.string }
    #expect(times == times.sorted())
  }
}
