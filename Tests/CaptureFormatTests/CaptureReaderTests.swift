import JSONText
import Testing

@testable import CaptureFormat

@Suite struct CaptureReaderTests {
  static let head = """
    {"type":"capture","seq":1,"ts":"2026-11-23T10:00:00.000000Z","schema":"ackscope.capture/1"}

    """

  /// What stands in a capture, one text for each item, then how it ended.
  static func read(_ text: String, pieceSize: Int = .max) -> [String] {
    var reader = CaptureReader()
    var items: [String] = []
    let bytes = Array(text.utf8)
    do throws(CaptureRefusal) {
      var start = 0
      while start < bytes.count {
        let end = min(bytes.count, pieceSize == .max ? bytes.count : start + pieceSize)
        let piece = Array(bytes[start..<end])
        let result: Result<Void, CaptureRefusal> = piece.withUnsafeBytes { piece in
          do throws(CaptureRefusal) {
            try reader.bytesArrived(piece) { item in
              switch item {
              case .record(let record): items.append("\(record.kind) \(record.seq)")
              case .damage(let damage):
                items.append("damage line \(damage.line) byte \(damage.offset): \(damage.reason)")
              }
            }
            return .success(())
          } catch { return .failure(error) }
        }
        try result.get()
        start = end
      }
      items.append("torn \(try reader.ended())")
    } catch {
      items.append(error.message(for: "f.jsonl"))
    }
    return items
  }

  @Test func damageInTheMiddleIsReportedWithItsPlaceAndReadingGoesOn() {
    let text =
      Self.head + "{\"type\":\"gap\",\"seq\":2,\"ts\":\"2026-11-23T10:00:00Z\",}\n\n[1]\n"
      + "{\"type\":\"later_type\",\"seq\":3,\"ts\":\"2026-11-23T10:00:00Z\",\"new\":[1,{\"a\":2}]}\n{\"type\":\"ga"
    let expected = [
      "capture 1", "damage line 2 byte 142: unexpected character in JSON",
      "damage line 3 byte 144: unexpected end of JSON",
      "damage line 4 byte 145: unexpected character in JSON", "other 3", "torn 11",
    ]
    #expect(Self.read(text) == expected)
    for size in 1...40 { #expect(Self.read(text, pieceSize: size) == expected, "pieces of \(size)") }
  }

  @Test(arguments: [
    ("", "the file is empty"), ("{\"type\":\"capture\"", "its first line is unfinished"),
    ("hello\n", "its first line is not a JSON object"),
    ("\u{0}\u{1}\n", "its first line is not a JSON object"),
    ("{\"a\":1}\n", "its first line is no record"), ("\n", "its first line is not a JSON object"),
    (
      "{\"type\":\"open\",\"seq\":1,\"ts\":\"2026-11-23T10:00:00Z\"}\n",
      "its first line is a record of another kind"
    ),
    (
      "{\"type\":\"capture\",\"seq\":1,\"ts\":\"2026-11-23T10:00:00Z\",\"schema\":\"x/1\"}\n",
      "its first line is a record of another schema"
    ),
    (
      "{\"type\":\"capture\",\"seq\":1,\"ts\":\"2026-11-23T10:00:00Z\",\"schema\":\"ackscope.capture/2\"}\n",
      "its schema is ackscope.capture/2"
    ),
  ])
  func whatIsNoCaptureIsRefusedInOneLineThatNamesIt(_ text: String, _ words: String) throws {
    let items = Self.read(text)
    let message = try #require(items.last)
    #expect(items.count == 1)
    #expect(message.hasPrefix("f.jsonl: not "))
    #expect(message.contains(words))
    #expect(!message.contains("\n"))
  }
}
