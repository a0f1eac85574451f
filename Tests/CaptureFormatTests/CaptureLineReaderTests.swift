import JSONText
import Testing

@testable import CaptureFormat

@Suite struct CaptureLineReaderTests {
  /// What a reader lends for pieces: number, offset and text of each line, then the torn bytes.
  static func read(_ pieces: [[UInt8]], maximumLineLength: Int = 1 << 20) -> [String] {
    var reader = CaptureLineReader(maximumLineLength: maximumLineLength)
    var lines: [String] = []
    for piece in pieces {
      piece.withUnsafeBytes { bytes in
        reader.bytesArrived(bytes) { line in
          let text = String(decoding: line.bytes, as: UTF8.self)
          lines.append("\(line.number)@\(line.offset) \(text)\(line.isCut ? " cut" : "")")
        }
      }
    }
    lines.append("torn \(reader.ended())")
    return lines
  }

  @Test func linesCutAtAnyTwoPlacesAreTheSameLines() {
    let bytes = Array("{\"a\":1}\n\nlonger line with é and 🐌, past thirty-two bytes\nx\nhalf".utf8)
    let whole = Self.read([bytes])
    #expect(
      whole == [
        "1@0 {\"a\":1}", "2@8 ", "3@9 longer line with é and 🐌, past thirty-two bytes", "4@61 x", "torn 4",
      ])
    for first in 0...bytes.count {
      for second in first...bytes.count {
        let pieces = [Array(bytes[..<first]), Array(bytes[first..<second]), Array(bytes[second...])]
        #expect(Self.read(pieces) == whole, "cut at \(first) and \(second)")
      }
    }
    #expect(Self.read(bytes.map { [$0] }) == whole)
  }

  @Test func aLineAboveTheLimitIsLentCutAndOffsetsStayTrue() {
    let bytes = Array("0123456789\nab\n".utf8)
    let expected = ["1@0 0123 cut", "2@11 ab", "torn 0"]
    #expect(Self.read([bytes], maximumLineLength: 4) == expected)
    #expect(Self.read(bytes.map { [$0] }, maximumLineLength: 4) == expected)
  }

  @Test func nothingIsNoLine() {
    #expect(Self.read([]) == ["torn 0"])
    #expect(Self.read([[]]) == ["torn 0"])
  }
}
