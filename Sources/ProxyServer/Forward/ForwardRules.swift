import AckCorrelation
import NIOCore
import Synchronization

/// What a forward proxy does with the hosts that its clients ask for.
package final class ForwardRules: Sendable {
  private let intercepted: [HostPattern]
  /// Shows clients a certificate of the local authority for any host.
  let tls: ClientTLS
  private let opinions = Mutex<[String: Opinion]>([:])
  /// How many are remembered; beyond that the oldest knowledge is worth nothing, and all of it goes.
  private static let remembered = 10_000

  /// What a client makes of our certificate for a host, as far as it has shown.
  private enum Opinion {
    /// It hung up after it was shown it, at that time: that may have other reasons.
    case doubted(since: Timestamp)
    /// It said so, or hung up again: connections are passed through, for this reason.
    case refused(reason: String)
    /// It sent something under it: it never hangs up because of it.
    case taken
  }

  /// - Parameters:
  ///   - intercepted: hosts whose TLS is opened; others are passed through closed.
  package init(intercepting intercepted: [HostPattern], tls: ClientTLS) {
    self.intercepted = intercepted
    self.tls = tls
  }

  /// Why a connection of a client to a host is passed through as it is; nil where it is looked into.
  func reasonToPassThrough(_ host: String, port: Int, client: String) -> String? {
    guard intercepted.contains(where: { $0.matches(host, port: port) }) else { return "not_intercepted" }
    return opinions.withLock { opinions in
      if case .refused(let reason) = opinions[Self.key(host, port, client)] { return reason }
      return nil
    }
  }

  /// A client did not take our certificate for a host: its next connections there are passed through.
  ///
  /// - Returns: whether that is news.
  func certificateRefused(_ host: String, port: Int, client: String) -> Bool {
    opinions.withLock { opinions in
      let key = Self.key(host, port, client)
      if case .refused = opinions[key] { return false }
      Self.remember(.refused(reason: "certificate_refused"), key, &opinions)
      return true
    }
  }

  /// A client hung up after it was shown our certificate for a host, and before it sent anything under it. Many that expect
  /// a certificate of their own say no more than that. But Chromium drops the tunnels that it opens ahead of need, all at
  /// once, when its list of authorities is loaded a moment after its start. So it is taken for a refusal when a tunnel that
  /// was opened later ends like that as well. A client that has sent something to the host before took the certificate, and
  /// is not doubted.
  ///
  /// - Parameter opened: when the client was granted the tunnel.
  /// - Returns: what follows; nil where nothing changes.
  func clientHungUp(_ host: String, port: Int, client: String, opened: Timestamp, at time: Timestamp)
    -> HangUp?
  {
    opinions.withLock { opinions in
      let key = Self.key(host, port, client)
      switch opinions[key] {
      case nil:
        Self.remember(.doubted(since: time), key, &opinions)
        return .isNoted
      case .doubted(let since) where opened > since:
        opinions[key] = .refused(reason: "client_hung_up")
        return .isRefusal
      case .doubted, .refused, .taken: return nil
      }
    }
  }

  /// What follows from a hang-up.
  enum HangUp {
    case isNoted, isRefusal
  }

  /// A client sent something under our certificate for a host.
  func certificateTaken(_ host: String, port: Int, client: String) {
    opinions.withLock { Self.remember(.taken, Self.key(host, port, client), &$0) }
  }

  private static func remember(_ opinion: Opinion, _ key: String, _ opinions: inout [String: Opinion]) {
    if opinions.count >= remembered, opinions[key] == nil { opinions.removeAll() }
    opinions[key] = opinion
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
