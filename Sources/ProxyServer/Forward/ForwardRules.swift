import NIOCore
import Synchronization

/// What a forward proxy does with the hosts that its clients ask for.
package final class ForwardRules: Sendable {
  private let intercepted: [HostPattern]
  /// Shows clients a certificate of the local authority for any host.
  let tls: ClientTLS
  private let refusals = Mutex<Set<String>>([])
  /// How many are remembered; beyond that the oldest knowledge is worth nothing, and all of it goes.
  private static let remembered = 10_000

  /// - Parameters:
  ///   - intercepted: hosts whose TLS is opened; others are passed through closed.
  package init(intercepting intercepted: [HostPattern], tls: ClientTLS) {
    self.intercepted = intercepted
    self.tls = tls
  }

  /// Why connections of a client to a host are passed through as they are; nil where they are looked into.
  func reasonToPassThrough(_ host: String, port: Int, client: String) -> String? {
    guard intercepted.contains(where: { $0.matches(host, port: port) }) else { return "not_intercepted" }
    return refusals.withLock { $0.contains(Self.key(host, port, client)) } ? "certificate_refused" : nil
  }

  /// A client did not take our certificate for a host: its next connection there is passed through.
  ///
  /// - Returns: whether that is news.
  func certificateRefused(_ host: String, port: Int, client: String) -> Bool {
    refusals.withLock { refusals in
      if refusals.count >= Self.remembered { refusals.removeAll() }
      return refusals.insert(Self.key(host, port, client)).inserted
    }
  }

  /// Clients are told apart by address: what one pins, another may trust.
  private static func key(_ host: String, _ port: Int, _ client: String) -> String {
    "\(client.lastIndex(of: ":").map { String(client[..<$0]) } ?? client) \(host.lowercased()):\(port)"
  }
}

/// Hosts by name: `chat.example`, `*.example` (every name below), `*` (all), each with an optional `:port`.
package struct HostPattern: Sendable, Equatable {
  private let name: String
  private let port: Int?

  /// Nil where the text is no such pattern.
  package init?(_ text: String) {
    var host = text[...]
    var port: Int?
    if let colon = text.lastIndex(of: ":"), text.last != "]",
      text.first == "[" || text.firstIndex(of: ":") == colon
    {
      guard let number = Int(text[text.index(after: colon)...]), (1...65535).contains(number) else {
        return nil
      }
      port = number
      host = text[..<colon]
    }
    if host.first == "[", host.last == "]" { host = host.dropFirst().dropLast() }
    let stem = host.hasPrefix("*.") ? host.dropFirst(2) : host == "*" ? "any" : host
    guard !stem.isEmpty, !stem.contains("*"), !stem.contains("/"), !stem.contains(" ") else { return nil }
    name = host.lowercased()
    self.port = port
  }

  func matches(_ host: String, port: Int) -> Bool {
    if let wanted = self.port, wanted != port { return false }
    let host = host.lowercased()
    if name == "*" || name == host { return true }
    return name.hasPrefix("*.") && host.hasSuffix(name.dropFirst())
  }
}
