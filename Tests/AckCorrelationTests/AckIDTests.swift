import Testing

@testable import AckCorrelation

/// Ack ids as the numbers on the wire (PROTOCOL.md B.1, B.5).
@Suite struct AckIDTests {
  private func read(_ text: String) -> AckID? { text.withBytes { AckID(digits: $0) } }

  @Test func leadingZerosVanish() {
    #expect(read("007") == AckID(7))
    #expect(read("0") == AckID(0))
  }

  @Test func theLargestNumberIsExact() {
    #expect(read("18446744073709551615") == AckID(.max))
    #expect(read("18446744073709551615")?.isWide == false)
  }

  @Test func longerNumbersAreWideAndStillComparedAsNumbers() throws {
    let wide = try #require(read("18446744073709551616"))
    #expect(wide.isWide)
    #expect(wide == read("000018446744073709551616"))
    #expect(wide != read("18446744073709551617"))
    #expect(wide != AckID(wide.value))
  }

  @Test(arguments: ["", "a", "1a", "-1", "1.0", " 1"])
  func otherTextIsNoID(text: String) {
    #expect(read(text) == nil)
  }
}
