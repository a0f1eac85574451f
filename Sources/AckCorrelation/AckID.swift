/// The ack id of an emit or an ack, compared as the number written on the wire.
///
/// Ids are literal numbers: leading zeros vanish (PROTOCOL.md B.1), and Python peers write up to 100 digits.
/// What does not fit 64 bits is kept as a 64-bit hash of its digits: pairing stays right but for a collision,
/// and the capture's packet record has the digits.
package struct AckID: Hashable, Sendable {
  /// The number, or the hash of its digits.
  package var value: UInt64
  /// Whether `value` is a hash.
  package var isWide: Bool

  /// An id that fits 64 bits.
  @inlinable
  package init(_ value: UInt64) {
    self.value = value
    isWide = false
  }

  /// Reads decimal digits; nil where there are none or another character stands among them.
  package init?(digits: UnsafeRawBufferPointer) {
    guard !digits.isEmpty else { return nil }
    var value: UInt64 = 0
    var isWide = false
    for byte in digits {
      let digit = byte &- 0x30
      guard digit < 10 else { return nil }
      if !isWide {
        let (product, overflow) = value.multipliedReportingOverflow(by: 10)
        let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
        if overflow || carry { isWide = true }
        value = sum
      }
    }
    if isWide {
      let zeros = digits.prefix { $0 == 0x30 }.count
      value = ByteHash.hash(UnsafeRawBufferPointer(rebasing: digits[zeros...]))
    }
    self.value = value
    self.isWide = isWide
  }
}
