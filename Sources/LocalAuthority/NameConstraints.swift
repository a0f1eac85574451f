/// What an authority may vouch for at most (RFC 5280 §4.2.1.10): whoever steals its key can then pretend to be these
/// hosts only.
package struct NameConstraints: Equatable, Sendable {
  /// Host names, each with all names below it.
  package private(set) var hosts: [String] = []
  /// Address ranges as address and mask, in libcrypto's notation.
  private var ranges: [String] = []

  /// No limit.
  package init() {}

  /// - Parameter texts: host names (`example.test`, with all below it), addresses, and ranges (`10.0.0.0/8`).
  package init(_ texts: [String]) throws(AuthorityFault) {
    for text in texts {
      let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
      switch parts.first.flatMap({ CertificateName(String($0)) }) {
      case .host(let name) where parts.count == 1: hosts.append(name)
      case .address(let address):
        let isLong = address.contains(":")
        let width = isLong ? 128 : 32
        guard let length = parts.count == 1 ? width : Int(parts[1]), (0...width).contains(length) else {
          throw AuthorityFault("--permit '\(text)' has no prefix length from 0 to \(width)")
        }
        ranges.append("\(address)/\(Self.mask(length, isLong: isLong))")
      default:
        throw AuthorityFault(
          "--permit '\(text)' is neither a host name nor an address; give it like example.test or 10.0.0.0/8")
      }
    }
  }

  package var isEmpty: Bool { hosts.isEmpty && ranges.isEmpty }

  /// The value of the extension. A kind of name that nothing is permitted of would be free altogether, and so it is
  /// closed in words.
  var extensionValue: String {
    var parts = hosts.map { "permitted;DNS:\($0)" } + ranges.map { "permitted;IP:\($0)" }
    // No host is called this (RFC 6761 §6.4).
    if hosts.isEmpty { parts.append("permitted;DNS:invalid") }
    if !ranges.contains(where: { !$0.contains(":") }) { parts.append("excluded;IP:0.0.0.0/0.0.0.0") }
    if !ranges.contains(where: { $0.contains(":") }) { parts.append("excluded;IP:::/::") }
    return "critical," + parts.joined(separator: ",")
  }

  private static func mask(_ length: Int, isLong: Bool) -> String {
    let bits = (0..<(isLong ? 128 : 32)).map { $0 < length ? 1 : 0 }
    let size = isLong ? 16 : 8
    let groups = stride(from: 0, to: bits.count, by: size).map { start in
      bits[start..<start + size].reduce(0) { $0 << 1 | $1 }
    }
    return isLong
      ? groups.map { String($0, radix: 16) }.joined(separator: ":")
      : groups.map { String($0) }.joined(separator: ".")
  }
}
