import Synchronization

/// The application traffic secrets of handshakes that have just been done, by the random of their ClientHello, until the
/// connection they belong to takes them.
///
/// They come in the lines in which TLS stacks log secrets, the only way in which they give them out.
package final class HandshakeSecrets: Sendable {
  /// The secrets of one connection (RFC 8446 §7.1: `client_application_traffic_secret_0` and the server's).
  package struct Pair: Sendable {
    package var client: [UInt8]
    package var server: [UInt8]
  }

  private struct Pending {
    var pairs: [[UInt8]: Pair] = [:]
    /// Their randoms in the order in which they came, those that were taken since included.
    var order: [[UInt8]] = []
  }

  private let pending = Mutex(Pending())
  /// Connections take or forget theirs at once. Whose secrets nobody wants (TLS within TLS) loses them when so many have come
  /// behind it.
  private static let mostPending = 1024

  package init() {}

  /// Connections whose secrets wait.
  var count: Int { pending.withLock { $0.pairs.count } }

  /// Reads a line of the log, `LABEL random secret` in hexadecimal; other labels are passed over.
  package func note(_ line: some Sequence<UInt8>) {
    let words = line.split { $0 == 0x20 || $0 == 0x0A || $0 == 0x0D }
    guard words.count == 3 else { return }
    let isClient = words[0].elementsEqual("CLIENT_TRAFFIC_SECRET_0".utf8)
    guard isClient || words[0].elementsEqual("SERVER_TRAFFIC_SECRET_0".utf8),
      let random = Self.bytes(words[1]), let secret = Self.bytes(words[2])
    else { return }
    pending.withLock { pending in
      if pending.pairs[random] == nil {
        pending.order.append(random)
        if pending.order.count >= 2 * Self.mostPending {
          for old in pending.order.prefix(Self.mostPending) { pending.pairs[old] = nil }
          pending.order.removeFirst(Self.mostPending)
        }
      }
      var pair = pending.pairs[random] ?? Pair(client: [], server: [])
      if isClient { pair.client = secret } else { pair.server = secret }
      pending.pairs[random] = pair
    }
  }

  /// Gives out the secrets of a connection, once both are known, and forgets them.
  package func take(_ random: [UInt8]) -> Pair? {
    pending.withLock { pending in
      guard let pair = pending.pairs[random], !pair.client.isEmpty, !pair.server.isEmpty else { return nil }
      pending.pairs[random] = nil
      return pair
    }
  }

  /// Forgets a connection that ends before it has taken its secrets.
  package func forget(_ random: [UInt8]) {
    pending.withLock { $0.pairs[random] = nil }
  }

  private static func bytes(_ digits: some Collection<UInt8>) -> [UInt8]? {
    guard digits.count.isMultiple(of: 2) else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(digits.count / 2)
    var high: UInt8?
    for digit in digits {
      guard let value = value(digit) else { return nil }
      if let first = high {
        bytes.append(first << 4 | value)
        high = nil
      } else {
        high = value
      }
    }
    return bytes
  }

  private static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case 0x30...0x39: digit - 0x30
    case 0x41...0x46: digit - 0x41 + 10
    case 0x61...0x66: digit - 0x61 + 10
    default: nil
    }
  }
}
