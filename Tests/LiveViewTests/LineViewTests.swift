import CaptureFormat
import Foundation
import JSONText
import Testing

@testable import LiveView

@Suite struct LineViewTests {
  static func capture() throws -> [UInt8] {
    Array(try #require(FileManager.default.contents(atPath: Snapshot.path("Resources", "chat.jsonl"))))
  }

  static func show(_ bytes: [UInt8], _ options: LineView.Options = .init()) -> String {
    var view = LineView(options: options)
    var sink = ByteSink()
    bytes.withUnsafeBytes { view.recordsWritten($0, into: &sink) }
    return String(decoding: sink.bytes, as: UTF8.self)
  }

  static func record(_ members: String, type: String = "packet") -> String {
    """
    {"type":"\(type)","seq":1,"ts":"2026-11-23T10:00:02.120345Z","conn":3,\(members)}

    """
  }

  @Test func aSessionReadsAsItsSnapshot() throws {
    Snapshot.expect(Self.show(try Self.capture()), matches: "chat.txt")
  }

  @Test func coloursOnlyWhenToldSo() throws {
    var options = LineView.Options()
    options.isColored = true
    let colored = Self.show(try Self.capture(), options)
    Snapshot.expect(colored.replacing("\u{1B}", with: "ESC"), matches: "chat-colored.txt")
    let plain = Self.show(try Self.capture())
    #expect(!plain.utf8.contains(0x1B))
    // Colour adds nothing but colour: without its codes the text is the same.
    #expect(colored.replacing(/\u{1B}\[[0-9;]*m/, with: "") == plain)
  }

  @Test func nothingFromTheWireReachesTheTerminal() throws {
    let hostile = [
      "\u{202E}", "\u{9B}", "\u{7F}", "\u{2028}", "\\u001b[2J", "\\n", "\\r", "\\u0007", "\\u202e",
    ]
    for text in hostile {
      for members in [
        "\"from\":\"client\",\"socket\":\"event\",\"namespace\":\"/\(text)\",\"id\":1,\"event\":\"a\(text)\",\"args\":[\"\(text)\",{\"\(text)\":1}]",
        "\"from\":\"client\",\"socket\":\"connect_error\",\"namespace\":\"/\(text)\",\"data\":{\"message\":\"\(text)\"}",
        "\"from\":\"client\",\"socket\":\"event\",\"namespace\":\"/\",\"text\":\"\(text)\"",
      ] {
        Self.expectHarmless(Self.show(Array(Self.record(members).utf8)), lines: 1)
      }
      for type in ["verdict", "finding", "open", "close", "session", "undecodable", "gap", "message"] {
        let members =
          "\"emit\":1,\"event\":\"\(text)\",\"verdict\":\"\(text)\",\"cause\":\"\(text)\",\"certainty\":\"\(text)\",\"final\":true,"
          + "\"finding\":\"\(text)\",\"\(text)\":\"\(text)\",\"reason\":\"\(text)\",\"by\":\"\(text)\",\"sid\":\"\(text)\","
          + "\"client\":\"\(text)\",\"upstream\":\"\(text)\",\"text\":\"\(text)\",\"namespace\":\"\(text)\""
        Self.expectHarmless(Self.show(Array(Self.record(members, type: type).utf8)), lines: 1)
      }
    }
  }

  private static func expectHarmless(_ shown: String, lines: Int) {
    #expect(shown.utf8.count { $0 == 0x0A } == lines, "\(shown.debugDescription)")
    for scalar in shown.unicodeScalars where scalar != "\n" {
      let category = scalar.properties.generalCategory
      #expect(
        category != .control && category != .lineSeparator && category != .format, "\(shown.debugDescription)"
      )
    }
  }

  @Test func heartbeatsAreNotShown() {
    for engine in ["ping", "pong", "noop", "upgrade", "open"] {
      #expect(Self.show(Array(Self.record("\"from\":\"client\",\"engine\":\"\(engine)\"").utf8)) == "")
    }
    #expect(
      Self.show(Array(Self.record("\"from\":\"client\",\"engine\":\"close\"").utf8)).contains("engine close"))
  }

  @Test func argumentsEndWithinTheirColumns() throws {
    var options = LineView.Options()
    options.argumentColumns = 12
    let args =
      "\"from\":\"client\",\"socket\":\"event\",\"namespace\":\"/\",\"event\":\"e\",\"args\":[\"漢字漢字漢字\"]"
    #expect(Self.show(Array(Self.record(args).utf8), options).hasSuffix("/ e  [\"漢字漢字…\n"))
    options.argumentColumns = 0
    #expect(Self.show(Array(Self.record(args).utf8), options).hasSuffix("/ e\n"))
  }

  @Test func anAckNamesTheEventItAnswers() {
    let emit = Self.record(
      "\"from\":\"client\",\"socket\":\"event\",\"namespace\":\"/\",\"id\":7,\"event\":\"join\",\"args\":[]")
    let ack = Self.record(
      "\"from\":\"server\",\"socket\":\"ack\",\"namespace\":\"/\",\"id\":7,\"args\":[],\"ack_of\":1,\"latency_us\":1845"
    )
    #expect(Self.show(Array((emit + ack).utf8)).hasSuffix("#3   ← / join id 7  ✓ ack 1.8 ms\n"))
    #expect(Self.show(Array(ack.utf8)).hasSuffix("#3   ← / id 7  ✓ ack 1.8 ms\n"))
  }

  @Test func namesOfEmitsAreForgottenBeyondTheLimit() {
    var text = ""
    for seq in 1...3 {
      text += """
        {"type":"packet","seq":\(seq),"ts":"2026-11-23T10:00:02Z","from":"client","socket":"event","namespace":"/","id":\(seq),"event":"e\(seq)"}

        """
    }
    for seq in 1...3 {
      text += """
        {"type":"packet","seq":\(seq + 3),"ts":"2026-11-23T10:00:02Z","from":"server","socket":"ack","namespace":"/","id":\(seq),"ack_of":\(seq)}

        """
    }
    var options = LineView.Options()
    options.rememberedEmits = 2
    let lines = Self.show(Array(text.utf8), options).split(separator: "\n").suffix(3)
    #expect(lines.map { $0.contains(" e") } == [false, true, true])
  }

  @Test func damageAndTornBytesAreSaid() {
    #expect(Self.show(Array("{\"type\":\"gap\"\n".utf8)).hasPrefix("✗ damaged record at byte "))
    #expect(Self.show([]) == "")
  }
}
