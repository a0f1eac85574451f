import HTTPArchive
import JSONText
import Testing

/// HARs as browsers write them.
@Suite struct HARReaderTests {
  private static func har(_ entries: String...) -> String {
    #"{"log":{"version":"1.2","creator":{"name":"WebInspector","version":"537.36"},"pages":[],"entries":["#
      + entries.joined(separator: ",") + "]}}"
  }

  private static func message(_ type: String, _ time: String, _ data: String, opcode: Int = 1) -> String {
    var sink = ByteSink()
    sink.append(jsonString: data)
    let literal = String(decoding: sink.bytes, as: UTF8.self)
    return #"{"type":"\#(type)","time":\#(time),"opcode":\#(opcode),"data":\#(literal)}"#
  }

  private static func webSocket(
    _ messages: String..., url: String = "wss://chat.example/socket.io/?EIO=4&transport=websocket"
  ) -> String {
    #"{"_resourceType":"websocket","startedDateTime":"2026-11-23T10:00:00.000Z","time":9000.5,"request":{"method":"GET","url":"\#(url)","#
      + #""headers":[{"name":"Cookie","value":"sid=1"},{"name":"Upgrade","value":"websocket"},{"name":"Connection","value":"Upgrade"}]},"#
      + #""response":{"status":101,"headers":[{"name":"Upgrade","value":"websocket"}],"content":{"size":0}},"timings":{"wait":3,"blocked":-1},"#
      + #""_webSocketMessages":["# + messages.joined(separator: ",") + "]}"
  }

  private static func poll(
    _ method: String, _ at: String, target: String, posted: String? = nil, answer: String?, status: Int = 200,
    time: Double = 5
  ) -> String {
    func literal(_ text: String) -> String { JSONValue.string(text).text }
    let data = posted.map { #","postData":{"mimeType":"text/plain","text":\#(literal($0))}"# } ?? ""
    let text = answer.map { #","text":\#(literal($0))"# } ?? ""
    return
      #"{"startedDateTime":"2026-11-23T\#(at)Z","time":\#(time),"request":{"method":"\#(method)","url":"https://chat.example\#(target)","headers":[]\#(data)},"#
      + #""response":{"status":\#(status),"headers":[{"name":"content-encoding","value":"gzip"}],"content":{"size":9,"mimeType":"text/plain"\#(text)}}}"#
  }

  private static let opening = message(
    "receive", "1795428000.010000", #"0{"sid":"abc","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#)

  @Test func messagesOfAWebSocketBecomeEmitsAndAcks() throws {
    let converted = try Converted(
      har: Self.har(
        Self.webSocket(
          Self.opening, Self.message("send", "1795428000.02", "40"),
          Self.message("receive", "1795428000.021", #"40{"sid":"x"}"#),
          Self.message("send", "1795428001.000001", #"420["send_message",{"n":1}]"#),
          Self.message("receive", "1795428001.001501", #"430[{"ok":true}]"#),
          Self.message("send", "1795428002", #"421["lost"]"#))))
    #expect(converted.records.first?["schema"]?.string == "ackscope.capture/1")
    #expect(converted.records.first?["upstream"]?.string == "https://chat.example")
    let ack = try #require(converted.packets("ack").first)
    #expect(ack["latency_us"]?.integer == 1500)
    #expect(converted.packets("event").first?["ts"]?.string == "2026-11-23T10:00:01.000001Z")
    #expect(converted.verdicts == [#""lost" 1 "unanswered" "capture_ended" "proved""#])
    #expect(converted.account.withoutEnd == 1)
    #expect(converted.records.last?["type"]?.string == "end")
    let session = try #require(converted.records.first { $0["type"]?.string == "session" })
    #expect(session["sid"]?.string == "abc" && session["eio"]?.integer == 4)
  }

  @Test func binaryMessagesAreAttachments() throws {
    let converted = try Converted(
      har: Self.har(
        Self.webSocket(
          Self.opening,
          Self.message("send", "1795428001", #"451-7["upload",{"_placeholder":true,"num":0}]"#),
          Self.message("send", "1795428001.1", "AQID", opcode: 2))))
    let upload = try #require(converted.packets("binary_event").first)
    #expect(upload["attachments"]?.text == #"["AQID"]"#)
    #expect(upload["id"]?.integer == 7)
  }

  @Test func pollingIsReadFromBodies() throws {
    let base = "/socket.io/?EIO=4&transport=polling"
    let converted = try Converted(
      har: Self.har(
        Self.poll("GET", "10:00:00.000", target: base, answer: #"0{"sid":"abc","upgrades":["websocket"]}"#),
        Self.poll(
          "POST", "10:00:00.100", target: base + "&sid=abc", posted: "40\u{1E}420[\"hi\"]", answer: "ok"),
        Self.poll(
          "GET", "10:00:00.100", target: base + "&sid=abc", answer: "40{\"sid\":\"x\"}\u{1E}430[]", time: 20),
        Self.poll("GET", "10:00:00.200", target: base + "&sid=abc", answer: nil)))
    #expect(converted.packets("event").count == 1)
    #expect(converted.packets("ack").first?["latency_us"]?.integer == 20_000)
    #expect(converted.account.withoutBody == 1 && converted.account.polls == 4)
    #expect(Set(converted.records.compactMap { $0["conn"]?.integer }).count == 2, "two requests overlap")
  }

  @Test func engineIO3IsReadAsItIs() throws {
    let converted = try Converted(
      har: Self.har(
        Self.webSocket(
          Self.opening, Self.message("receive", "1795428000.02", "40"),
          Self.message("send", "1795428001", #"451-["upload",{"_placeholder":true,"num":0}]"#),
          Self.message("send", "1795428001.1", "BAECAw==", opcode: 2),
          url: "ws://chat.example:3000/socket.io/?EIO=3&transport=websocket")))
    #expect(converted.records.first { $0["type"]?.string == "session" }?["eio"]?.integer == 3)
    #expect(converted.packets("binary_event").first?["attachments"]?.text == #"["AQID"]"#)
  }

  @Test func secretsStayOut() throws {
    let har = Self.har(
      Self.webSocket(
        Self.opening, Self.message("send", "1795428000.02", #"40{"token":"let-me-in","pin":"0815"}"#),
        url: "wss://chat.example/socket.io/?EIO=4&transport=websocket&access_token=let-me-in"))
    let converted = try Converted(har: har, redact: ["pin"])
    #expect(
      converted.lines.allSatisfy {
        !$0.contains("let-me-in") && !$0.contains("0815") && !$0.contains("sid=1")
      })
    let kept = try Converted(har: har, keepsSecrets: true)
    #expect(kept.lines.contains { $0.contains("let-me-in") && $0.contains("sid=1") })
  }

  @Test func handshakesWithoutTheirHeadersAreStillHandshakes() throws {
    let entry =
      #"{"startedDateTime":"2026-11-23T12:00:00.000+02:00","time":-1,"request":{"method":"GET","url":"ws://h/socket.io/?EIO=4&transport=websocket"},"#
      + #""response":{"status":-1},"_webSocketMessages":[\#(Self.opening)]}"#
    let converted = try Converted(har: "\u{FEFF}" + Self.har(entry))
    #expect(converted.records.first?["ts"]?.string == "2026-11-23T10:00:00.000000Z")
    #expect(converted.records.contains { $0["type"]?.string == "session" })
  }

  @Test func messagesOfOtherWebSocketsAreKept() throws {
    let converted = try Converted(
      har: Self.har(
        Self.webSocket(
          Self.message("send", "1795428001", #"{"event":"chat","data":1}"#), url: "wss://other.example/feed"))
    )
    #expect(converted.records.first { $0["type"]?.string == "message" }?["event"]?.string == "chat")
  }

  @Test(arguments: [
    ("", HARRefusal.Reason.empty), ("{}", .noEntries), (#"{"log":{"entries":{}}}"#, .noEntries),
    ("hello", .notJSON("unexpected character in JSON", offset: 0)),
    (#"{"log":{"entries":[}"#, .notJSON("unexpected character in JSON", offset: 19)),
    (#"{"log":{"entries":[{"request":{"url":"https://h/page"}}]}}"#, .nothingToDecode(entries: 1)),
  ])
  func whatIsNoHARIsRefused(_ text: String, _ reason: HARRefusal.Reason) {
    #expect { try Converted(har: text) } throws: { error in
      guard let refusal = error as? HARRefusal else { return false }
      return refusal.reason == reason && refusal.message(for: "a.har").contains("a.har")
    }
  }

  @Test func cutAnywhereItIsRefusedAndNeverCrashes() throws {
    let whole = Self.har(Self.webSocket(Self.opening, Self.message("send", "1795428000.02", "40")))
    for length in 0..<whole.utf8.count {
      let cut = String(decoding: whole.utf8.prefix(length), as: UTF8.self)
      #expect(throws: HARRefusal.self) { try Converted(har: cut) }
    }
  }

  @Test func strangeValuesAreNotBelieved() throws {
    let strange = Self.webSocket(
      Self.opening, #"{"type":"send","time":1e300,"opcode":99999,"data":"x"}"#,
      #"{"type":"send","time":"soon","data":7}"#, #"{"type":"both","data":""}"#, "7",
      #"{"type":"receive","time":-9e18,"opcode":8,"data":""}"#)
    let converted = try Converted(har: Self.har(strange))
    #expect(converted.records.last?["type"]?.string == "end")
  }
}
