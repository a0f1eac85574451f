import HTTPArchive
import JSONText
import Testing

/// A capture that became a HAR and a capture again says the same.
@Suite struct RoundTripTests {
  private func expectSame(_ before: Converted, ignoring ignored: Set<String> = []) throws -> HARLosses {
    let har = try before.har()
    // Whoever reads it finds one JSON value with entries.
    #expect(try JSONValue(parsing: har.text)["log"]?["entries"]?.array?.isEmpty == false)
    let after = try Converted(har: har.text, keepsSecrets: true)
    let difference = after.story.difference(from: before.story)
    #expect(difference.isEmpty, "\(difference)")
    func verdicts(_ converted: Converted) -> [String] {
      converted.verdicts.filter { verdict in !ignored.contains { verdict.contains($0) } }
    }
    let changed = verdicts(after).difference(from: verdicts(before))
    #expect(changed.isEmpty, "\(changed)")
    return har.losses
  }

  /// What no HAR tells: which bytes never reached the server, or could not be decoded; and a capture that is not complete
  /// becomes one that is.
  private static let cannotBeTold: Set = [
    "demo.jsonl", "overdue.jsonl", "pending.jsonl", "unanswered-decoding-stopped.jsonl",
    "unanswered-not-delivered.jsonl",
  ]

  @Test func everySampleKeepsEmitsAcksAndVerdicts() throws {
    let names = try Converted.sampleNames().filter { !Self.cannotBeTold.contains($0) }
    #expect(names.count > 20)
    for name in names { _ = try expectSame(try .sample(name)) }
  }

  @Test(arguments: ["unanswered-decoding-stopped.jsonl", "unanswered-not-delivered.jsonl"])
  func whatWillBeJudgedOtherwiseIsSaid(_ name: String) throws {
    let losses = try Converted.sample(name).har().losses
    #expect(losses.unprovable > 0 && losses.lines.contains { $0.contains("another one") })
  }

  /// Both transports, upgrades, binary, namespaces, refusals, closes of every kind. What is left out is an ack that came after
  /// its client had closed one leg: when legs end is not in a capture.
  @Test func theDemoKeepsEmitsAcksAndVerdicts() throws {
    let losses = try expectSame(try .sample("demo.jsonl"), ignoring: ["\"export_history\""])
    #expect(losses.verdicts == 21 && losses.undecodable == 1)
    #expect(losses.lines.count == 2)
  }

  private func capture(_ records: String...) throws -> Converted {
    let lines = records.enumerated().map { index, record in
      let fields = #"","seq":\#(index + 1),"ts":"2026-11-23T10:00:0\#(index / 10).\#(index % 10)00000Z""#
      let type = record.prefix { $0 != "," }
      return "{\"type\":\"\(type)\(fields)\(record.dropFirst(type.count))}"
    }
    return try Converted(capture: lines)
  }

  private static let head =
    #"capture,"schema":"ackscope.capture/1","upstream":"http://h:1","ack_timeout_us":700000"#

  @Test func pollingOfEngineIO3KeepsItsLengths() throws {
    let poll =
      #""request":{"method":"GET","target":"/socket.io/?EIO=3&transport=polling&sid=s"},"response":{"status":200},"duration_us":10"#
    let converted = try capture(
      Self.head, #"open,"conn":1"#, #"session,"conn":1,"session":1,"sid":"s","eio":3,"path":"/socket.io/""#,
      #"exchange,"conn":1,"session":1,"request":{"method":"GET","target":"/socket.io/?EIO=3&transport=polling","headers":[]},"response":{"status":200,"headers":[]},"duration_us":10"#,
      #"packet,"conn":1,"session":1,"from":"server","transport":"polling","engine":"open","data":{"sid":"s","upgrades":[]}"#,
      #"exchange,"conn":1,"session":1,\#(poll)"#,
      #"packet,"conn":1,"session":1,"from":"server","transport":"polling","socket":"binary_event","namespace":"/","id":3,"event":"é😀","args":[{"_placeholder":true,"num":0}],"attachments":["AQID"]"#
    )
    let har = try converted.har().text
    #expect(har.contains(#"42:451-3[\"é😀\",{\"_placeholder\":true,\"num\":0}]6:b4AQID"#))
    let after = try Converted(har: har)
    #expect(after.packets("binary_event").first?["attachments"]?.text == #"["AQID"]"#)
  }

  @Test func jsonpIsWrittenAsItTravelled() throws {
    let target = "/socket.io/?EIO=4&transport=polling&j=7"
    let converted = try capture(
      Self.head, #"open,"conn":1"#, #"session,"conn":1,"session":1,"sid":"s","eio":4,"path":"/socket.io/""#,
      #"exchange,"conn":1,"session":1,"request":{"method":"GET","target":"\#(target)","headers":[]},"response":{"status":200,"headers":[]},"duration_us":10"#,
      #"packet,"conn":1,"session":1,"from":"server","transport":"polling","engine":"open","data":{"sid":"s","upgrades":[]}"#,
      #"packet,"conn":1,"session":1,"from":"client","transport":"polling","socket":"event","namespace":"/","id":0,"event":"a&b","args":["x\\ny\n+%"]"#,
      #"exchange,"conn":1,"session":1,"request":{"method":"POST","target":"\#(target)&sid=s"},"response":{"status":200},"duration_us":10"#
    )
    let after = try Converted(har: try converted.har().text)
    #expect(after.story == converted.story)
  }

  @Test func otherParsersAndCutPayloadsAreCounted() throws {
    let losses = try capture(
      Self.head, #"open,"conn":1"#,
      #"handshake,"conn":1,"request":{"method":"GET","target":"/x","headers":[]},"response":{"status":101,"headers":[]}"#,
      #"packet,"conn":1,"from":"client","transport":"websocket","socket":"event","namespace":"/","event":"e","args":[],"parser":"msgpack","frames":2,"compressed":true"#,
      #"message,"conn":1,"from":"client","transport":"websocket","opcode":"text","text":"abc","truncated":true"#,
      #"gap,"lost":3,"reason":"disk full""#
    ).har().losses
    #expect(losses.otherParsers == 1 && losses.fragmented == 1 && losses.compressed == 1)
    #expect(losses.truncated == 1 && losses.gaps == 1)
    #expect(losses.lines.count == 4)
  }
}
