import NIOCore

/// A range of IP addresses, like `10.0.0.0/8`.
package struct AddressRange: Sendable, Equatable {
  private let bytes: [UInt8]
  private let length: Int

  /// Nil where the text is no address with an optional prefix length. Bits behind the prefix do not count.
  package init?(_ text: String) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let address = try? SocketAddress(ipAddress: String(parts[0]), port: 0) else { return nil }
    bytes = Self.bytes(of: address)
    guard parts.count == 2 else {
      length = bytes.count * 8
      return
    }
    guard let length = Int(parts[1]), (0...bytes.count * 8).contains(length) else { return nil }
    self.length = length
  }

  func contains(_ address: SocketAddress) -> Bool {
    let other = Self.bytes(of: address)
    guard other.count == bytes.count else { return false }
    return (0..<length).allSatisfy { bit in
      let difference: UInt8 = bytes[bit / 8] ^ other[bit / 8]
      return difference & (0x80 >> UInt8(bit % 8)) == 0
    }
  }

  /// Whether an address is one of this machine alone (127.0.0.0/8, ::1).
  static func isLoopback(_ address: SocketAddress) -> Bool {
    let bytes = bytes(of: address)
    return bytes.count == 4 ? bytes[0] == 127 : bytes == [UInt8](repeating: 0, count: 15) + [1]
  }

  /// An IPv4 address that comes in IPv6 (RFC 4291 §2.5.5.2) is taken as what it is.
  static func bytes(of address: SocketAddress) -> [UInt8] {
    switch address {
    case .v4(let address): return withUnsafeBytes(of: address.address.sin_addr) { Array($0) }
    case .v6(let address):
      let bytes = withUnsafeBytes(of: address.address.sin6_addr) { Array($0) }
      let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]
      return bytes.starts(with: mapped) ? Array(bytes.suffix(4)) : bytes
    case .unixDomainSocket: return []
    }
  }
}
