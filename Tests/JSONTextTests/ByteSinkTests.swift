import SeededRandom
import Testing

@testable import JSONText

@Suite struct ByteSinkTests {
  @Test func piecesFollowEachOther() {
    var sink = ByteSink(capacity: 0)
    sink.append(0x61)
    sink.append("bc" as StaticString)
    sink.append("dé" as String)
    sink.append([0x66, 0x67] as [UInt8])
    sink.append(UnsafeRawBufferPointer(start: nil, count: 0))
    #expect(String(decoding: sink.bytes, as: UTF8.self) == "abcdéfg")
  }

  @Test(arguments: [0, 1, 9, 10, 99, 100, 12_345, UInt64.max, UInt64.max / 10, 10_000_000_000_000_000_000])
  func numbersAreWrittenInDecimal(_ number: UInt64) {
    var sink = ByteSink()
    sink.append(decimal: number)
    #expect(String(decoding: sink.bytes, as: UTF8.self) == String(number))
  }

  @Test(arguments: [0, -1, 10, -10, Int.min, Int.max]) func signsAreWritten(_ number: Int) {
    var sink = ByteSink()
    sink.append(decimal: number)
    #expect(String(decoding: sink.bytes, as: UTF8.self) == String(number))
  }

  @Test func growingKeepsWhatWasThere() {
    var sink = ByteSink(capacity: 16)
    var expected: [UInt8] = []
    var random = SeededRandom(11)
    for _ in 0..<200 {
      let piece = (0..<Int.random(in: 0..<100, using: &random)).map { _ in
        UInt8.random(in: 0...255, using: &random)
      }
      sink.append(piece)
      expected += piece
    }
    #expect(sink.count == expected.count)
    #expect(sink.bytes.elementsEqual(expected))
  }

  @Test func removedAndTruncatedBytesAreGone() {
    var sink = ByteSink()
    sink.append("abcdef" as StaticString)
    sink.truncate(to: 3)
    sink.truncate(to: 5)
    sink.overwrite(at: 0, with: 0x41)
    #expect(String(decoding: sink.bytes, as: UTF8.self) == "Abc")
    sink.truncate(to: -1)
    #expect(sink.count == 0)
    sink.append([UInt8](repeating: 1, count: 5000))
    sink.removeAll(keeping: 100)
    #expect(sink.bytes.isEmpty)
    sink.append([UInt8](repeating: 2, count: 5000))
    #expect(sink.bytes.allSatisfy { $0 == 2 })
  }

  @Test func lentRoomCountsOnlyWhatWasFilled() {
    var sink = ByteSink(capacity: 16)
    sink.append(atMost: 1000) { room in
      room[0] = 0x78
      return 1
    }
    #expect(Array(sink.bytes) == [0x78])
  }

  @Test(arguments: [
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
  ])
  func base64IsPadded(_ text: String, _ encoded: String) {
    // RFC 4648 §10
    var sink = ByteSink()
    Array(text.utf8).withUnsafeBytes { sink.append(base64: $0) }
    #expect(String(decoding: sink.bytes, as: UTF8.self) == encoded)
  }
}

@Suite struct ShortTextTests {
  @Test func wordsOfEveryLengthAreCopiedWhole() {
    for word in [
      "", "a", "ab", "abc", "abcd", "abcde", "abcdefg", "abcdefgh", "abcdefghi", "abcdefghijklmno",
      "abcdefghijklmnop", "abcdefghijklmnopq",
    ] as [StaticString] {
      var sink = ByteSink(capacity: 16)
      sink.append(0x2D)
      sink.append(word)
      sink.append(memberNamed: word)
      sink.append(0x2D)
      #expect(String(decoding: sink.bytes, as: UTF8.self) == "-\(word),\"\(word)\":-")
    }
  }
}
