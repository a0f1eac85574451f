import CaptureFormat
import RecordedSessions

extension ClientHandshake {
  /// A recorded handshake as it is to be made now: with what the user gave, and without what the capture has redacted.
  init(_ recorded: RecordedHandshake, version: Int, endpoint: ReplayEndpoint, plan: ReplayPlan) {
    self.version = version
    startsPolling = recorded.transport == .polling
    wantsBase64 = recorded.wantsBase64
    path = endpoint.pathPrefix + recorded.path
    let given = Set(plan.query.map(\.name))
    query =
      recorded.query.filter { !given.contains($0.name) && !Self.isRedacted($0.value) }
      + plan.query.map { (Self.encoded($0.name), Self.encoded($0.value)) }
    let named = Set(plan.headers.map { $0.name.lowercased() })
    headers =
      recorded.headers.filter { !named.contains($0.name.lowercased()) && !Self.isRedacted($0.value) }
      + plan.headers
    if recorded.isSameOrigin, !named.contains("origin"),
      let place = headers.firstIndex(where: { $0.name.lowercased() == "origin" })
    {
      headers[place].value = endpoint.origin
    }
    subprotocols = recorded.subprotocols
    compressionOffer = recorded.compressionOffer
  }

  static func isRedacted(_ value: String) -> Bool { value.contains("[redacted:") }

  /// Percent-encoded for a query (RFC 3986 §2.3: what is unreserved stays).
  static func encoded(_ text: String) -> String {
    var result = ""
    for byte in text.utf8 {
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
        result.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        let digits = String(byte, radix: 16, uppercase: true)
        result += "%" + (digits.count < 2 ? "0" : "") + digits
      }
    }
    return result
  }
}
