import CaptureFormat
import JSONText
import NIOCore
import NIOHTTP1

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
      return Self.isEqual(Array(parts[1].utf8), Array(Self.basic(credentials).utf8))
    }
  }

  /// `user:password` as the header field carries it, in base64 (RFC 7617 §2).
  static func basic(_ credentials: String) -> String {
    var sink = ByteSink()
    credentials.withBytes { sink.append(base64: $0) }
    return String(decoding: sink.bytes, as: UTF8.self)
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
