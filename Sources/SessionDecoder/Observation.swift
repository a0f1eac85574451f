import AckCorrelation

/// The head of an HTTP request, as the tap saw it.
package struct RequestHead: Sendable {
  package var method: String
  package var target: String
  package var headers: [(String, String)]

  package init(method: String, target: String, headers: [(String, String)]) {
    self.method = method
    self.target = target
    self.headers = headers
  }

  /// Whether the request asks for a WebSocket (RFC 6455 §4.1).
  package var asksForWebSocket: Bool {
    method == "GET" && headers.hasToken("upgrade", in: "connection")
      && headers.hasToken("websocket", in: "upgrade")
  }
}

extension RequestHead {
  /// A hash of what stays the same when a client comes back: its address without the port, its user agent and the
  /// path. FNV-1a: it only has to tell the clients of one machine apart.
  func fingerprint(_ connection: ConnectionState) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    let path = target.prefix { $0 != "?" && $0 != "#" }
    for part in [connection.clientHost, headers.firstValue(of: "user-agent") ?? "", String(path)] {
      for byte in part.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
      hash = (hash ^ 0xFF) &* 0x0000_0100_0000_01B3
    }
    return hash
  }
}

/// The head of an HTTP response, as the tap saw it.
package struct ResponseHead: Sendable {
  package var status: Int
  package var headers: [(String, String)]

  package init(status: Int, headers: [(String, String)]) {
    self.status = status
    self.headers = headers
  }
}

/// How one direction of a connection ended, or the whole of it.
package enum EndOfLeg: String, Sendable {
  /// The peer ended its direction in order.
  case fin
  /// The peer, or the network, tore the connection down.
  case reset
}

extension [(String, String)] {
  /// The value of the first field of that name; names compare without case (RFC 9110 §5.1).
  package func firstValue(of name: String) -> String? {
    first { $0.0.equalsIgnoringCase(name) }?.1
  }

  /// All values of that name, as one list.
  package func joinedValues(of name: String) -> String? {
    let values = filter { $0.0.equalsIgnoringCase(name) }.map(\.1)
    return values.isEmpty ? nil : values.joined(separator: ", ")
  }

  /// Whether a comma-separated field holds a token; tokens compare without case.
  package func hasToken(_ token: String, in name: String) -> Bool {
    contains { field in
      field.0.equalsIgnoringCase(name) && field.1.listsToken(token)
    }
  }
}

extension String {
  /// ASCII comparison without case, as HTTP's names and tokens need it.
  package func equalsIgnoringCase(_ other: String) -> Bool { self[...].equalsIgnoringCase(other) }

  /// Without the blanks and tabs around it.
  package var trimmingBlanks: Substring { self[...].trimmingBlanks }

  /// Whether a list that is separated by commas holds a token; tokens compare without case.
  package func listsToken(_ token: String) -> Bool {
    utf8.split(separator: 0x2C).contains { Substring($0).trimmingBlanks.equalsIgnoringCase(token) }
  }
}

// On bytes: a set-up compares hundreds of names, and characters would have to be told apart first.
extension Substring {
  package func equalsIgnoringCase(_ other: String) -> Bool {
    guard utf8.count == other.utf8.count else { return false }
    return utf8.withContiguousStorageIfAvailable { first in
      other.utf8.withContiguousStorageIfAvailable { second in Self.areEqualIgnoringCase(first, second) }
        ?? Self.areEqualIgnoringCase(first, Array(other.utf8))
    } ?? Self.areEqualIgnoringCase(Array(utf8), Array(other.utf8))
  }

  private static func areEqualIgnoringCase(
    _ first: some RandomAccessCollection<UInt8>, _ second: some RandomAccessCollection<UInt8>
  ) -> Bool {
    zip(first, second).allSatisfy { first, second in
      first == second || (first | 0x20 == second | 0x20 && (0x61...0x7A).contains(first | 0x20))
    }
  }

  package var trimmingBlanks: Substring {
    func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
    let bytes = utf8
    guard let start = bytes.firstIndex(where: { !isBlank($0) }),
      let last = bytes.lastIndex(where: { !isBlank($0) })
    else { return self[endIndex...] }
    return self[start...last]
  }
}

/// Who ended a connection.
package enum CloseInitiator: String, Sendable {
  case client
  case server
  case proxy
}
