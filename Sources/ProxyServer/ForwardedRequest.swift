import NIOHTTP1
import SessionDecoder

/// Turns the head of a client's request into the head that goes to the upstream, and back.
///
/// `Host` becomes the upstream's, hop-by-hop fields end here (RFC 9110 §7.6.1), all others keep order and case.
/// No `Via` and no `X-Forwarded-*` is added: the peers are to see what they would see without the proxy.
struct ForwardedRequest {
  let upstream: UpstreamAddress
  let preservesHost: Bool

  /// Why a request cannot be passed on in its own meaning.
  enum Refusal: Error {
    /// A transfer coding other than `chunked` (RFC 9112 §6.1).
    case transferCoding(String)
    /// CONNECT asks for a tunnel, which only a forward proxy digs.
    case tunnel
    /// What another reader could take for something else.
    case ambiguous(String)

    var explanation: String {
      switch self {
      case .transferCoding(let coding): "transfer coding '\(coding)' cannot be passed on"
      case .tunnel: "CONNECT is for forward proxies; this one stands before one server"
      case .ambiguous(let what): what
      }
    }

    var status: HTTPResponseStatus {
      if case .ambiguous = self { .badRequest } else { .notImplemented }
    }
  }

  /// The head for the upstream.
  func head(from request: HTTPRequestHead) throws(Refusal) -> HTTPRequestHead {
    guard request.method != .CONNECT else { throw .tunnel }
    var forwarded = request
    forwarded.uri = upstream.pathPrefix + Self.originForm(request.uri)
    forwarded.headers = try Self.endToEnd(request.headers, keepsUpgrade: Self.asksForWebSocket(request))
    if !preservesHost {
      // In place, since the order of the fields is kept; added only where an HTTP/1.0 client sent none.
      var fields: [(String, String)] = []
      var isNamed = false
      for (name, value) in forwarded.headers {
        if name.equalsIgnoringCase("host") {
          if !isNamed { fields.append((name, upstream.hostField)) }
          isNamed = true
        } else {
          fields.append((name, value))
        }
      }
      if !isNamed { fields.insert(("Host", upstream.hostField), at: 0) }
      forwarded.headers = HTTPHeaders(fields)
    }
    return forwarded
  }

  /// The bytes for the upstream of a request that has no body; nil where it is not passed on.
  func wholeRequest(_ request: HTTPRequestHead) -> [UInt8]? {
    guard let forwarded = try? Self.passable(request, by: self) else { return nil }
    var bytes = Array("\(forwarded.method.rawValue) \(forwarded.uri) HTTP/1.1\r\n".utf8)
    for (name, value) in forwarded.headers {
      bytes += name.utf8
      bytes += ": ".utf8
      bytes += value.utf8
      bytes += "\r\n".utf8
    }
    bytes += "\r\n".utf8
    return bytes
  }

  private static func passable(_ request: HTTPRequestHead, by rules: ForwardedRequest) throws(Refusal)
    -> HTTPRequestHead
  {
    try expectPassable(request)
    return try rules.head(from: request)
  }

  /// Whether an answer's head goes to the client just as it is.
  static func leavesAsIs(_ response: HTTPResponseHead) -> Bool {
    guard let forwarded = try? head(from: response) else { return false }
    return forwarded.headers.elementsEqual(response.headers) { $0.name == $1.name && $0.value == $1.value }
  }

  /// Refuses what the decoder lets through although it cannot be passed on, or although not every server reads it in the same
  /// way (RFC 9112 §3.2, §6.1): before anything of it is.
  static func expectPassable(_ request: HTTPRequestHead) throws(Refusal) {
    guard request.method != .CONNECT else { throw .tunnel }
    let hosts = request.headers["host"]
    guard hosts.count <= 1 else { throw .ambiguous("the request has more than one Host") }
    guard let host = hosts.first else {
      guard request.version.minor == 0 else { throw .ambiguous("the request has no Host") }
      return try expectFraming(request)
    }
    guard host.utf8.allSatisfy(isInHost) else { throw .ambiguous("the request's Host is none") }
    try expectFraming(request)
  }

  private static func expectFraming(_ request: HTTPRequestHead) throws(Refusal) {
    let codings = request.headers["transfer-encoding"]
    guard let coding = codings.first else { return }
    guard codings.count == 1, coding.trimmingBlanks.equalsIgnoringCase("chunked") else {
      throw .transferCoding(codings.joined(separator: ", "))
    }
    guard request.version.minor > 0 else {
      throw .ambiguous("an HTTP/1.0 request has no transfer coding")
    }
    guard !request.headers.contains(name: "content-length") else {
      throw .ambiguous("the request has a Content-Length and a transfer coding")
    }
  }

  /// A name or an address, with a port (RFC 3986 §3.2.2); percent signs belong to no host that is spoken to here.
  private static func isInHost(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "-._~[]:".utf8.contains(byte)
    }
  }

  /// The head for the client.
  static func head(from response: HTTPResponseHead) throws(Refusal) -> HTTPResponseHead {
    guard response.version.minor > 0 || !response.headers.contains(name: "transfer-encoding") else {
      throw .ambiguous("an HTTP/1.0 answer has no transfer coding")
    }
    var forwarded = response
    forwarded.headers = try endToEnd(
      response.headers, keepsUpgrade: response.status == .switchingProtocols)
    return forwarded
  }

  static func asksForWebSocket(_ request: HTTPRequestHead) -> Bool {
    request.method == .GET
      && request.headers.contains {
        $0.name.equalsIgnoringCase("connection") && $0.value.listsToken("upgrade")
      }
      && request.headers.contains {
        $0.name.equalsIgnoringCase("upgrade") && $0.value.listsToken("websocket")
      }
  }

  /// `/path?query` of a target that may be in absolute form (RFC 9112 §3.2.2).
  static func originForm(_ target: String) -> String {
    guard target.first != "/", let scheme = target.firstRange(of: "://") else { return target }
    let path = target[scheme.upperBound...].drop { $0 != "/" && $0 != "?" }
    return path.first == "/" ? String(path) : "/" + path
  }

  /// The fields without those that mean one hop only. Of `Connection` the options that both hops share stay:
  /// `close` and `keep-alive`, since there is one upstream connection for each client connection, and `upgrade`
  /// where the upgrade is passed on.
  private static func endToEnd(_ fields: HTTPHeaders, keepsUpgrade: Bool) throws(Refusal) -> HTTPHeaders {
    let nominated = fields[canonicalForm: "connection"].map { String($0) }
    var kept: [(String, String)] = []
    for (name, value) in fields {
      if name.equalsIgnoringCase("connection") {
        let options = value.split(separator: ",").map { String($0.trimmingBlanks) }.filter { option in
          option.equalsIgnoringCase("close") || option.equalsIgnoringCase("keep-alive")
            || (keepsUpgrade && option.equalsIgnoringCase("upgrade"))
        }
        if !options.isEmpty { kept.append((name, options.joined(separator: ", "))) }
      } else if name.equalsIgnoringCase("transfer-encoding") {
        guard value.trimmingBlanks.equalsIgnoringCase("chunked") else { throw .transferCoding(value) }
        // The encoder knows the coding by this spelling.
        kept.append((name, "chunked"))
      } else if name.equalsIgnoringCase("upgrade") {
        if keepsUpgrade { kept.append((name, value)) }
      } else if name.equalsIgnoringCase("keep-alive") || name.equalsIgnoringCase("proxy-connection")
        || name.equalsIgnoringCase("te") || isNominated(name, by: nominated)
      {
        continue
      } else {
        kept.append((name, value))
      }
    }
    return HTTPHeaders(kept)
  }

  /// Whether `Connection` names the field. Fields that carry the message's framing or its routing are never
  /// given up on a peer's word.
  private static func isNominated(_ name: String, by options: [String]) -> Bool {
    guard !name.equalsIgnoringCase("content-length"), !name.equalsIgnoringCase("host"),
      !name.equalsIgnoringCase("trailer")
    else { return false }
    return options.contains { $0.equalsIgnoringCase(name) }
  }
}
