import AckCorrelation
import CaptureFormat

/// The versions of TLS on the legs of a connection, like `1.3`; nil where a leg is plain.
package struct LegTLS: Sendable, Equatable {
  package var client: String?
  package var upstream: String?

  package init(client: String? = nil, upstream: String? = nil) {
    (self.client, self.upstream) = (client, upstream)
  }
}

// What TLS adds to the records: `tls` on `open`, `cut_off` on `close`, and a finding where no handshake comes about.

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

  mutating func encode(_ tls: LegTLS) {
    guard tls != LegTLS() else { return }
    encoder.member("tls")
    encoder.raw("{")
    if let client = tls.client {
      encoder.raw("\"client\":")
      encoder.element(jsonString: client)
    }
    if let upstream = tls.upstream {
      encoder.raw(tls.client == nil ? "\"upstream\":" : ",\"upstream\":")
      encoder.element(jsonString: upstream)
    }
    encoder.raw("}")
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
