import AckCorrelation
import NIOCore
import SessionDecoder

/// Something that a loop saw happen on a connection, to be decoded at the end of the loop's tick.
struct Observed {
  let connection: ConnectionNumber
  let time: Timestamp
  let what: What

  enum What {
    case opened(client: String, upstream: String, facts: ConnectionFacts)
    /// TLS could not be agreed upon with a peer, at this address.
    case tlsFailed(Peer, at: String, _ reason: String)
    case requestStarted(RequestHead)
    case requestBody(ByteBuffer)
    case requestEnded
    case responseStarted(ResponseHead)
    case responseBody(ByteBuffer)
    case responseEnded
    /// Bytes of the spliced connection.
    case bytes(ByteBuffer, from: Peer)
    case legEnded(Peer, EndOfLeg)
    /// The proxy itself begins to end the connection.
    case proxyEnded
    /// What the other peer sent from here on cannot reach this one.
    case undeliverable(to: Peer)
    /// A peer read so slowly that the other was held back, from then until now.
    case stalled(Peer, from: Timestamp)
    case closed(
      by: CloseInitiator, code: UInt16?, reason: String?, clientBytes: UInt64, serverBytes: UInt64,
      cutOff: [Peer])
  }
}
