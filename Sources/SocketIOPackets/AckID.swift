/// The number that ties an ack to its emit, by its digits: no rounding at 2^53, whatever the receiver does.
package struct AckID: Hashable, Sendable {
  /// The number itself where the top bit is clear (at most 18 digits), else a hash of the digits.
  package let rawValue: UInt64

  private static let firstTooLong: UInt64 = 1_000_000_000_000_000_000
  private static let hashed: UInt64 = 1 << 63

  /// The id written as `digits`: ASCII digits, a minus sign before them at most. Leading zeros count for nothing.
  package init(digits: UnsafeRawBufferPointer) {
    var start = 0
    while start + 1 < digits.count, digits[start] == 0x30 { start &+= 1 }
    var value: UInt64 = 0
    var isPlain = digits.count - start <= 18
    if isPlain {
      for index in start..<digits.count {
        let digit = digits[index] &- 0x30
        if digit > 9 { isPlain = false }
        value = value &* 10 &+ UInt64(digit)
      }
    }
    rawValue = isPlain ? value : Self.hash(digits, from: start)
  }

  /// The id that `number` written in decimal gives.
  package init(_ number: UInt64) {
    if number < Self.firstTooLong {
      rawValue = number
    } else {
      let digits = Array(String(number).utf8)
      self = digits.withUnsafeBytes { AckID(digits: $0) }
    }
  }

  /// The number, where it has at most 18 digits.
  package var number: UInt64? { rawValue & Self.hashed == 0 ? rawValue : nil }

  /// FNV-1a: two ids of more than 18 digits in one session are told apart for certain enough.
  private static func hash(_ digits: UnsafeRawBufferPointer, from start: Int) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for index in start..<digits.count {
      hash = (hash ^ UInt64(digits[index])) &* 0x0000_0100_0000_01B3
    }
    return hash | hashed
  }
}
