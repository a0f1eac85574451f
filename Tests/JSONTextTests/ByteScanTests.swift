import SeededRandom
import Testing

@testable import JSONText

/// Looking at many bytes at once finds what looking at each of them does.
@Suite struct ByteScanTests {
  private static let alphabet: [UInt8] = [
    0x22, 0x5C, 0x00, 0x01, 0x0A, 0x1F, 0x20, 0x21, 0x23, 0x27, 0x3D, 0x5B, 0x5D, 0x78, 0x7F, 0x80, 0x9F,
    0xA2, 0xDC, 0xFF,
  ]

  /// Mostly plain text, so that what is looked for stands at every place of a word and of a block.
  private static func bytes(_ count: Int, _ random: inout SeededRandom) -> [UInt8] {
    (0..<count).map { _ in
      random.next() % 24 == 0 ? alphabet[Int(random.next() % UInt64(alphabet.count))] : 0x61
    }
  }

  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func theEndOfPlainTextIsThatOfTheModel(_ seed: UInt64) {
    var random = SeededRandom(seed)
    for count in 0..<120 {
      let bytes = Self.bytes(count, &random)
      for start in 0...count {
        let wanted =
          bytes[start...].firstIndex { $0 == 0x22 || $0 == 0x5C || $0 < 0x20 } ?? count
        let found = bytes.withUnsafeBytes { ByteScan.endOfPlainText($0, from: start) }
        #expect(found == wanted, "seed \(seed), \(bytes), from \(start)")
      }
    }
  }

  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func theEndOfPrintableASCIIIsThatOfTheModel(_ seed: UInt64) {
    var random = SeededRandom(seed)
    for count in 0..<120 {
      let bytes = Self.bytes(count, &random)
      for start in 0...count {
        let wanted =
          bytes[start...].firstIndex { $0 < 0x20 || $0 >= 0x7F || $0 == 0x22 || $0 == 0x5C } ?? count
        let found = bytes.withUnsafeBytes { ByteScan.endOfPrintableASCII($0, from: start) }
        #expect(found == wanted, "seed \(seed), \(bytes), from \(start)")
      }
    }
  }

  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func whatIsHeldIsWhatTheModelFinds(_ seed: UInt64) {
    var random = SeededRandom(seed)
    for count in 0..<200 {
      let bytes = Self.bytes(count, &random)
      let wanted = bytes.contains { $0 == 0x3D || $0 == 0x5C || $0 == 0x27 }
      let found = bytes.withUnsafeBytes { ByteScan.holds($0, anyOf: 0x3D, 0x5C, 0x27) }
      #expect(found == wanted, "seed \(seed), \(bytes)")
    }
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func oneByteIsFoundWhereTheModelFindsIt(_ seed: UInt64) {
    var random = SeededRandom(seed)
    #expect(!ByteScan.contains(UnsafeRawBufferPointer(start: nil, count: 0), 0))
    for count in 0..<200 {
      let bytes = Self.bytes(count, &random)
      for byte in [0x00, 0x5C, 0xFF] as [UInt8] {
        let found = bytes.withUnsafeBytes { ByteScan.contains($0, byte) }
        #expect(found == bytes.contains(byte), "seed \(seed), \(bytes)")
      }
    }
  }

  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func noLetterIsPassedOver(_ seed: UInt64) {
    var random = SeededRandom(seed)
    for count in 0..<120 {
      var bytes = Self.bytes(count, &random)
      for index in bytes.indices where random.next() % 16 == 0 {
        bytes[index] = Array("kwzcpKWZCPxX7".utf8)[Int(random.next() % 13)]
      }
      for start in 0...count {
        let wanted = bytes[start...].firstIndex { "kwzcpxKWZCPX7".utf8.contains($0) } ?? count
        let found = bytes.withUnsafeBytes {
          ByteScan.firstLetter($0, from: start, among: (0x6B, 0x77, 0x7A, 0x63, 0x70), or: [0x78, 0x37])
        }
        #expect(found <= wanted, "seed \(seed), \(bytes), from \(start)")
        #expect(found >= start)
      }
    }
  }
}
