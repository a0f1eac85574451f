import Testing

@testable import SocketIOPackets

private func id(_ digits: String) -> AckID { withBytes(Array(digits.utf8)) { AckID(digits: $0) } }

@Suite struct AckIDTests {
  @Test func upTo18DigitsAreExact() {
    for number: UInt64 in [
      0, 1, 9, 10, 456, 9_007_199_254_740_991, 9_007_199_254_740_993, 999_999_999_999_999_999,
    ] {
      #expect(id(String(number)).number == number)
      #expect(id(String(number)) == AckID(number))
    }
  }

  @Test func longerOnesAreToldApart() {
    let long = "123456789012345678901234567890"
    #expect(id(long) == id(long))
    #expect(id(long) != id(long + "1"))
    #expect(id("1000000000000000000") != id("1000000000000000001"))
    #expect(id(long).number == nil)
    #expect(AckID(.max) == id("18446744073709551615"))
    #expect(AckID(1_000_000_000_000_000_000) == id("1000000000000000000"))
  }

  @Test func zerosBeforeItCountForNothing() {
    #expect(id("0007") == AckID(7))
    #expect(id("000") == AckID(0))
    #expect(id(String(repeating: "0", count: 500) + "12") == AckID(12))
    #expect(id("0123456789012345678901234567890") == id("123456789012345678901234567890"))
  }

  @Test func negativeNumbersAreIDsOfTheirOwn() {
    #expect(id("-5") != AckID(5))
    #expect(id("-5") == id("-5"))
    #expect(id("-5").number == nil)
  }
}
