/// The chat server's address: scheme, host, port and an optional path prefix.
package struct UpstreamAddress: Sendable, Equatable {
  /// Whether TLS is spoken to it: `https` and `wss`.
  package var usesTLS: Bool
  package var host: String
  /// The name that its certificate is to have, where that is not the host: a client may know an address by a name.
  var serverName: String?
  package var port: Int
  /// Put before each request target; empty, or begins with `/` and does not end with one.
  package var pathPrefix: String

  /// Why a text is no upstream address, in words for the person who typed it.
  package struct Malformed: Error, Equatable {
    package var explanation: String
  }

  /// Parses `http://host:port/prefix`, `https://…`, `ws://…` or `wss://…`; the port defaults to 80, with TLS to 443.
  package init(_ text: String) throws(Malformed) {
    func malformed(_ explanation: String) -> Malformed {
      Malformed(explanation: "\(explanation); give it like http://127.0.0.1:3000")
    }
    guard let schemeEnd = text.firstRange(of: "://") else {
      throw malformed("upstream '\(text)' has no scheme")
    }
    let scheme = text[..<schemeEnd.lowerBound].lowercased()
    switch scheme {
    case "http", "ws": usesTLS = false
    case "https", "wss": usesTLS = true
    default: throw malformed("upstream scheme '\(scheme)' is none of http, https, ws, wss")
    }
    let rest = text[schemeEnd.upperBound...]
    let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    let path = rest.dropFirst(authority.count)
    guard !path.contains("?"), !path.contains("#") else {
      throw malformed("upstream '\(text)' has a query or fragment, which only requests can have")
    }
    guard !authority.contains("@") else {
      // It may stand before a password, which is not repeated to anybody.
      throw malformed("the upstream has a user name before its host, which is not used")
    }
    var hostText = authority
    var portText: Substring? = nil
    if authority.first == "[" {
      guard let close = authority.firstIndex(of: "]") else {
        throw malformed("upstream '\(text)' has a '[' without its ']'")
      }
      hostText = authority[authority.index(after: authority.startIndex)..<close]
      let behind = authority[authority.index(after: close)...]
      if !behind.isEmpty {
        guard behind.first == ":" else { throw malformed("upstream '\(text)' has text behind the ']'") }
        portText = behind.dropFirst()
      }
    } else if let colon = authority.lastIndex(of: ":") {
      hostText = authority[..<colon]
      portText = authority[authority.index(after: colon)...]
      guard !hostText.contains(":") else {
        throw malformed("upstream '\(text)': an IPv6 address goes in brackets, http://[::1]:3000")
      }
    }
    guard !hostText.isEmpty else { throw malformed("upstream '\(text)' has no host") }
    guard hostText.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
      throw malformed("upstream host '\(hostText)' holds characters that no host name has")
    }
    if let portText {
      guard let port = Int(portText), (1...65535).contains(port) else {
        throw malformed("upstream port '\(portText)' is not a number from 1 to 65535")
      }
      self.port = port
    } else {
      port = usesTLS ? 443 : 80
    }
    host = String(hostText)
    var prefix = String(path)
    while prefix.hasSuffix("/") { prefix.removeLast() }
    pathPrefix = prefix
  }

  /// Stands where no address is known yet; nothing listens there.
  static let nowhere = UpstreamAddress(nowhere: ())

  private init(nowhere: Void) {
    (usesTLS, host, port, pathPrefix) = (false, "invalid", 0, "")
  }

  /// The value of the `Host` field for this upstream (RFC 9110 §7.2).
  package var hostField: String {
    let name = host.contains(":") ? "[\(host)]" : host
    return port == (usesTLS ? 443 : 80) ? name : "\(name):\(port)"
  }

  /// For people and for the capture.
  package var description: String {
    let name = host.contains(":") ? "[\(host)]" : host
    return "\(usesTLS ? "https" : "http")://\(name):\(port)\(pathPrefix)"
  }
}
