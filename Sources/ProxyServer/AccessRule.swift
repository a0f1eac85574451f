import NIOCore
import NIOHTTP1
import Synchronization

/// Who may use the proxy.
///
/// Clients of this machine always may, unless a password is asked for. Others need an address that is allowed or the
/// password; where both are set, both.
package struct AccessRule: Sendable {
  /// Address ranges from which clients are served.
  package var allowed: [AddressRange] = []
  /// `user:password` that every client has to give (RFC 7617, RFC 1929); nil asks for none.
  package var credentials: String?

  package init() {}

  /// Whether anything keeps strangers away.
  var isSet: Bool { !allowed.isEmpty || credentials != nil }

  /// Whether a client of that address may connect at all.
  func admits(_ address: SocketAddress?) -> Bool {
    guard !allowed.isEmpty else { return true }
    // A path of this machine's file system has no address; it is not listened on.
    guard let address else { return false }
    return AddressRange.isLoopback(address) || allowed.contains { $0.contains(address) }
  }

  /// Whether one of the header fields of that name carries the credentials.
  func isSatisfied(by fields: HTTPHeaders, field: String) -> Bool {
    guard let credentials else { return true }
    return fields[field].contains { value in
      let parts = value.split(separator: " ", maxSplits: 1)
      guard parts.count == 2, parts[0].lowercased() == "basic" else { return false }
      return Self.isEqual(Array(parts[1].utf8), Base64Text.encode(Array(credentials.utf8)))
    }
  }

  /// The same for a user and password that were given apart.
  func isSatisfied(user: [UInt8], password: [UInt8]) -> Bool {
    guard let credentials else { return true }
    return Self.isEqual(user + [UInt8(ascii: ":")] + password, Array(credentials.utf8))
  }

  /// In a time that does not tell how many characters were right.
  private static func isEqual(_ given: [UInt8], _ wanted: [UInt8]) -> Bool {
    guard given.count == wanted.count else { return false }
    return zip(given, wanted).reduce(0 as UInt8) { $0 | ($1.0 ^ $1.1) } == 0
  }
}

/// Base64 (RFC 4648 §4), for credentials.
enum Base64Text {
  private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  static func encode(_ bytes: [UInt8]) -> [UInt8] {
    var text: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
      for index in 0...3 {
        text.append(index <= group.count ? digits[bits >> (18 - 6 * index) & 63] : UInt8(ascii: "="))
      }
    }
    return text
  }
}

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
  private static func bytes(of address: SocketAddress) -> [UInt8] {
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
