import SeededRandom
import Testing

@testable import JSONText

private func decoded(_ literal: String) -> String {
  Array(literal.utf8).withUnsafeBytes { JSONString.decode($0) }
}

private func encoded(_ bytes: [UInt8]) -> String {
  var sink = ByteSink()
  bytes.withUnsafeBytes { sink.append(jsonString: $0) }
  return String(decoding: sink.bytes, as: UTF8.self)
}

@Suite struct JSONStringTests {
  @Test(arguments: [
    (#""""#, ""), (#""abc""#, "abc"), (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
    (#""\u0041é\u00e9""#, "Aéé"),
    (#""\ud83d\ude00""#, "😀"), (#""\ud83d""#, "\u{FFFD}"), (#""\ude00x""#, "\u{FFFD}x"),
    (#""\ud83dx\ude00""#, "\u{FFFD}x\u{FFFD}"),
    (#""a\u0000b""#, "a\u{0}b"), (#""\u2028""#, "\u{2028}"),
  ])
  func escapesAreUndone(_ literal: String, _ text: String) {
    #expect(decoded(literal).utf8.elementsEqual(text.utf8), "\(decoded(literal).debugDescription)")
  }

  @Test func whatIsWrittenStaysOnALine() {
    #expect(encoded(Array("a\"\\\n\r\t\u{1}\u{7f}é😀".utf8)) == #""a\"\\\n\r\t\u0001\u007fé😀""#)
    for byte in UInt8.min...0x1F {
      #expect(!encoded([byte]).utf8.contains { $0 < 0x20 })
    }
  }

  @Test func brokenUTF8IsReplacedByteByByte() {
    let replacement = "\u{FFFD}"
    #expect(encoded([0x61, 0xFF, 0x62]) == "\"a\(replacement)b\"")
    #expect(encoded([0xE2, 0x82]) == "\"\(replacement)\(replacement)\"")
    #expect(encoded([0xED, 0xA0, 0x80]) == "\"\(replacement)\(replacement)\(replacement)\"")
    #expect(encoded([0xC0, 0x80]) == "\"\(replacement)\(replacement)\"")
    #expect(encoded([0xF4, 0x90, 0x80, 0x80]) == "\"" + String(repeating: replacement, count: 4) + "\"")
  }

  @Test(arguments: [1, 2, 3] as [UInt64]) func whateverIsWrittenReadsBack(_ seed: UInt64) {
    var random = SeededRandom(seed)
    for _ in 0..<500 {
      let scalars = (0..<Int.random(in: 0..<20, using: &random)).compactMap { _ in
        Unicode.Scalar(
          UInt32.random(in: 0...[0x7F, 0x7FF, 0x10FFFF].randomElement(using: &random)!, using: &random))
      }
      var text = ""
      text.unicodeScalars.append(contentsOf: scalars)
      #expect(decoded(encoded(Array(text.utf8))).utf8.elementsEqual(text.utf8), "seed \(seed)")
    }
  }

  @Test func literalsAreComparedByWhatTheyStandFor() {
    func equals(_ literal: String, _ text: StaticString) -> Bool {
      Array(literal.utf8).withUnsafeBytes { JSONString.literal($0, equals: text) }
    }
    #expect(equals(#""connect""#, "connect"))
    #expect(equals(#""c\u006fnnect""#, "connect"))
    #expect(equals(#""""#, ""))
    #expect(!equals(#""connecT""#, "connect"))
    #expect(!equals(#""connect_error""#, "connect"))
    #expect(!equals(#""conn""#, "connect"))
    // The same length and the same bytes, but an escape in the literal.
    #expect(!equals(#""\n""#, "\\n"))
    #expect(equals(#""\\n""#, "\\n"))
  }

  @Test func validSequencesAreMeasuredAsRFC3629SaysThey() {
    for text in ["a", "é", "€", "😀", "\u{7FF}", "\u{800}", "\u{FFFF}", "\u{10FFFF}", "\u{D7FF}", "\u{E000}"] {
      #expect(Array(text.utf8).withUnsafeBytes { validUTF8Length($0, at: 0) } == text.utf8.count)
      for length in 1..<text.utf8.count {
        #expect(Array(text.utf8.prefix(length)).withUnsafeBytes { validUTF8Length($0, at: 0) } == 0)
      }
    }
  }
}
