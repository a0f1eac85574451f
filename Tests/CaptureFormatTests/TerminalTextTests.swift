import JSONText
import Testing

@testable import CaptureFormat

@Suite struct TerminalTextTests {
  static func cut(_ text: String, _ columns: Int) -> String {
    var sink = ByteSink()
    let used = sink.append(terminalText: text, columns: columns)
    #expect(used <= columns)
    return String(decoding: sink.bytes, as: UTF8.self)
  }

  @Test(arguments: [
    ("plain é 漢 👩‍👩‍👧 ", "plain é 漢 👩‍👩‍👧 "), ("\u{1B}[31m", "\\u001b[31m"), ("a\nb\r\tc", "a\\nb\\r\\tc"),
    ("\u{9B}2J", "\\u009b2J"), ("\u{202E}abc\u{2066}", "\\u202eabc\\u2066"),
    ("\u{7F}\u{0}", "\\u007f\\u0000"),
    ("\u{200B}\u{FEFF}\u{E0041}", "\\u200b\\ufeff\\u{0e0041}"), ("\u{2028}", "\\u2028"),
  ])
  func harmfulCharactersAreShownAsEscapes(_ text: String, _ shown: String) {
    #expect(TerminalText.harmless(text) == shown)
  }

  @Test func brokenUTF8IsShownAsReplacement() {
    var sink = ByteSink()
    let bytes: [UInt8] = [0x61, 0xFF, 0xC3]
    bytes.withUnsafeBytes { _ = sink.append(terminalText: $0) }
    #expect(String(decoding: sink.bytes, as: UTF8.self) == "a\u{FFFD}\u{FFFD}")
  }

  @Test func textIsCutToColumnsNotBytes() {
    #expect(Self.cut("abcdef", 6) == "abcdef")
    #expect(Self.cut("abcdef", 5) == "abcd…")
    #expect(Self.cut("漢字漢字", 8) == "漢字漢字")
    #expect(Self.cut("漢字漢字", 7) == "漢字漢…")
    #expect(Self.cut("漢字漢字", 6) == "漢字…")
    #expect(Self.cut("e\u{301}e\u{301}e\u{301}", 3) == "e\u{301}e\u{301}e\u{301}")
    #expect(Self.cut("abc", 1) == "…")
    #expect(Self.cut("abc", 0) == "")
    #expect(Self.cut("ab\u{1B}", 7) == "ab…")
  }

  @Test func harmlessJSONIsTheSameValue() throws {
    let value = JSONValue.object([("a\u{202E}", .array([.string("\u{9B}2J é 漢 \u{E0041}"), .number("1e3")]))])
    var sink = ByteSink()
    Array(value.text.utf8).withUnsafeBytes { sink.append(harmlessJSON: $0) }
    let shown = String(decoding: sink.bytes, as: UTF8.self)
    #expect(shown == "{\"a\\u202e\":[\"\\u009b2J é 漢 \\udb40\\udc41\",1e3]}")
    #expect(try JSONValue(parsing: shown) == value)
  }

  @Test func marksDoNotPileUpWithoutEnd() {
    let zalgo = "e" + String(repeating: "\u{301}", count: 1000)
    #expect(Self.cut(zalgo, 20).utf8.count < 40)
  }

  @Test func everyScalarComesOutFitForATerminal() {
    for value in UInt32(0)...0x10FFFF {
      guard let scalar = Unicode.Scalar(value) else { continue }
      let shown = TerminalText.harmless(String(Character(scalar)))
      for out in shown.unicodeScalars {
        let category = out.properties.generalCategory
        let isJoiner = out == "\u{200C}" || out == "\u{200D}"
        #expect(category != .control && category != .lineSeparator && category != .paragraphSeparator)
        #expect(!out.properties.isBidiControl || isJoiner, "U+\(String(value, radix: 16))")
      }
    }
  }

  @Test(arguments: [
    (0, "0 µs"), (999, "999 µs"), (1845, "1.8 ms"), (123_456, "123 ms"), (4_999_999, "4.9 s"),
    (5_000_000, "5.0 s"),
    (125_000_000, "2 min 05 s"), (3_720_000_000, "1 h 02 min"), (-1500, "-1.5 ms"),
  ])
  func durationsAreShort(_ microseconds: Int, _ words: String) {
    #expect(DurationText.words(microseconds: microseconds) == words)
  }

  @Test(arguments: [
    ("500ms", 500_000), ("5s", 5_000_000), ("1.5s", 1_500_000), ("2m", 120_000_000), ("1h", 3_600_000_000),
    ("5", nil), ("s", nil), ("-1s", nil), ("1e3s", nil), (".s", nil), ("99999999999999h", nil),
  ])
  func durationsAreRead(_ text: String, _ microseconds: Int?) {
    #expect(DurationText.microseconds(parsing: text) == microseconds)
  }
}
