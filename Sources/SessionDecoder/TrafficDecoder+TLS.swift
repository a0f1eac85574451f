import AckCorrelation
import CaptureFormat

/// What is known of a connection beside its addresses when it stands.
package struct ConnectionFacts: Sendable, Equatable {
  /// The version of TLS on the client leg, like `1.3`; nil where it is plain.
  package var clientTLS: String?
  package var upstreamTLS: String?
  /// The upstream's certificate was not looked at.
  package var isUnverified: Bool
  /// Host and port as the client asked for them, where it did.
  package var host: String?
  /// Why nobody looks at what passes; nil where it is decoded.
  package var passedThrough: String?

  package init(
    clientTLS: String? = nil, upstreamTLS: String? = nil, isUnverified: Bool = false, host: String? = nil,
    passedThrough: String? = nil
  ) {
    (self.clientTLS, self.upstreamTLS, self.isUnverified) = (clientTLS, upstreamTLS, isUnverified)
    (self.host, self.passedThrough) = (host, passedThrough)
  }
}

// What TLS and tunnels add to the records: `host`, `tls` and `passed_through` on `open`, `cut_off` on `close`, and a finding where no handshake comes about.

extension TrafficDecoder {
  /// TLS could not be agreed upon with a peer.
  ///
  /// - Parameters:
  ///   - address: whom it was spoken to.
  ///   - reason: in words.
  package mutating func tlsFailed(
    _ number: ConnectionNumber, with peer: Peer, at address: String, reason: String, at time: Timestamp
  ) {
    _ = encoder.begin("finding", at: time)
    encoder.member("conn", UInt64(number.number))
    encoder.member("finding", FindingKind.tlsFailed.rawValue)
    encoder.member("certainty", Certainty.proved.rawValue)
    encoder.member("evidence")
    encoder.raw("[]")
    encoder.member("peer", peer == .client ? "client" : "server")
    encoder.member("address", address)
    encoder.member("reason", reason)
    encoder.end()
  }

  mutating func encode(_ facts: ConnectionFacts) {
    if let host = facts.host { encoder.member("host", host) }
    if facts.clientTLS != nil || facts.upstreamTLS != nil {
      encoder.member("tls")
      encoder.raw("{")
      if let client = facts.clientTLS {
        encoder.raw("\"client\":")
        encoder.element(jsonString: client)
      }
      if let upstream = facts.upstreamTLS {
        encoder.raw(facts.clientTLS == nil ? "\"upstream\":" : ",\"upstream\":")
        encoder.element(jsonString: upstream)
      }
      if facts.isUnverified { encoder.raw(",\"unverified\":true") }
      encoder.raw("}")
    }
    if let reason = facts.passedThrough { encoder.member("passed_through", reason) }
  }

  /// Which peers ended without the close_notify that TLS has for it (RFC 8446 §6.1): what they sent may lack its end.
  mutating func encode(cutOff: [Peer]) {
    guard !cutOff.isEmpty else { return }
    encoder.member("cut_off")
    encoder.raw("[")
    for (index, peer) in cutOff.enumerated() {
      if index > 0 { encoder.raw(",") }
      encoder.element(jsonString: peer == .client ? "client" : "server")
    }
    encoder.raw("]")
  }
}
