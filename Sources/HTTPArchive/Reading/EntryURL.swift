import SessionDecoder

/// The URL of an entry, taken apart.
struct EntryURL {
  let isWebSocket: Bool
  /// `scheme://host:port`, as an upstream is written.
  let origin: String
  /// `host:port`.
  let server: String
  /// Path and query.
  let target: String

  /// Nil for a URL without scheme and host.
  init?(_ url: String) {
    guard let colon = url.range(of: "://") else { return nil }
    let scheme = url[..<colon.lowerBound].lowercased()
    let rest = url[colon.upperBound...].prefix { $0 != "#" }
    let authority = rest.prefix { $0 != "/" && $0 != "?" }
    guard !authority.isEmpty else { return nil }
    let tail = rest.dropFirst(authority.count)
    target = tail.first == "/" ? String(tail) : "/" + tail
    isWebSocket = scheme == "ws" || scheme == "wss"
    // A password in a URL is nobody's business.
    let host = authority.split(separator: "@").last.map(String.init) ?? String(authority)
    let isEncrypted = scheme == "https" || scheme == "wss"
    let hasPort = host.drop { $0 != "]" }.contains(":") || (!host.hasPrefix("[") && host.contains(":"))
    server = hasPort ? host : host + (isEncrypted ? ":443" : ":80")
    origin = (isEncrypted ? "https://" : "http://") + host
  }
}

extension String {
  /// Where `text` stands first, or nil. (Foundation's method of this name is not to be had here.)
  fileprivate func range(of text: String) -> Range<String.Index>? {
    ranges(of: text).first
  }
}
