#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What a leaf certificate is made out to: a host's name or its address.
///
/// The text comes from the wire (SNI, CONNECT); only what passes here reaches libcrypto.
package enum CertificateName: Hashable, Sendable {
  /// A DNS name in lower case, without the dot at its end.
  case host(String)
  /// An IPv4 or IPv6 address in its canonical spelling.
  case address(String)

  /// Nil where the text is neither: a wildcard, other characters than host names have, or too long (RFC 1035 §2.3.4).
  package init?(_ text: String) {
    var text = text.utf8.contains(UInt8(ascii: "%")) ? "" : text
    if text.first == "[", text.last == "]" { text = String(text.dropFirst().dropLast()) }
    if let address = Self.canonicalAddress(text) {
      self = .address(address)
      return
    }
    if text.last == "." { text.removeLast() }
    let labels = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard text.utf8.count <= 253, labels.allSatisfy({ (1...63).contains($0.count) }) else { return nil }
    let isName = text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
        true
      default: false
      }
    }
    // A last label of digits alone is a misspelled address, never a name.
    guard isName, labels.last?.allSatisfy({ (0x30...0x39).contains($0) }) == false else { return nil }
    self = .host(text.lowercased())
  }

  /// The spelling for people.
  package var text: String {
    switch self {
    case .host(let name), .address(let name): name
    }
  }

  /// The element of a subjectAltName in libcrypto's notation (x509v3_config).
  var alternativeName: String {
    switch self {
    case .host(let name): "DNS:\(name)"
    case .address(let address): "IP:\(address)"
    }
  }

  private static func canonicalAddress(_ text: String) -> String? {
    var room = [UInt8](repeating: 0, count: 16)
    for family in [AF_INET, AF_INET6] where inet_pton(family, text, &room) == 1 {
      var spelled = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
      guard inet_ntop(family, &room, &spelled, socklen_t(INET6_ADDRSTRLEN)) != nil else { return nil }
      return String(decoding: spelled.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
    return nil
  }
}
