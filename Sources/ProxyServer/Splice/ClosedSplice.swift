import AckCorrelation
import SessionDecoder

/// What the record of a connection's end tells.
struct ClosedSplice {
  let closing: (by: CloseInitiator, code: UInt16?, reason: String?)
  let clientBytes: UInt64
  let serverBytes: UInt64
  /// Who ended without the close_notify of TLS.
  let cutOff: [Peer]

  init(_ connection: SplicedConnection) {
    closing = connection.closing ?? (.client, nil, nil)
    clientBytes = connection.client.received
    serverBytes = connection.upstream.received
    cutOff = [Leg.client, .upstream].filter { connection[$0].isCutOff }.map(\.peer)
  }
}
