import AckCorrelation
import JSONText
import SocketIOPackets
import WebSocketFrames

/// One connection, as far as the tap follows it.
final class ConnectionState {
  let number: ConnectionNumber
  /// Requests that the tap was shown and whose answers have not ended, in order.
  var exchanges: [HTTPExchange] = []
  var webSocket: WebSocketState?
  let openedAt: Timestamp
  /// The addresses of both peers.
  var client = ""
  var upstream = ""
  /// The client's address without its port.
  var clientHost = ""
  /// What is sent to this peer from now on cannot reach it.
  var undeliverableTo: Peer?
  /// The first record that this concerns.
  var undeliverableSince = RecordSeq(0)
  /// Both legs stood.
  var isOpen = false
  /// The session that used this connection last.
  var session: SessionState?

  init(number: ConnectionNumber, openedAt: Timestamp) {
    self.number = number
    self.openedAt = openedAt
  }
}

/// A request that the tap was shown, with what has come of its answer.
final class HTTPExchange {
  let request: RequestHead
  let query: EngineIOQuery
  let startedAt: Timestamp
  var response: ResponseHead?
  var requestBody: BodyCollector
  var responseBody: BodyCollector
  /// Whether it belongs to Engine.IO's long-polling.
  var isPolling = false
  /// How many packets the request's body held.
  var requestPackets = 0
  /// The session, once it is known.
  var session: SessionState?

  init(_ request: RequestHead, at time: Timestamp, limit: Int) {
    self.request = request
    query = EngineIOQuery(target: request.target)
    startedAt = time
    requestBody = BodyCollector(coding: request.headers.joinedValues(of: "content-encoding"), limit: limit)
    responseBody = BodyCollector(coding: nil, limit: limit)
  }

  /// Whether this is the first request of a session.
  var isHandshake: Bool { query.sid == nil }

  var responseContentType: String? { response?.headers.firstValue(of: "content-type") }

  func takeRequestBody() -> PollingBody { requestBody.take() }
  func takeResponseBody() -> PollingBody { responseBody.take() }
}

/// The body of a polling request or answer, its content coding undone, kept up to a limit.
struct BodyCollector: ~Copyable {
  private var decoder: ContentDecoder?
  private(set) var kept: [UInt8] = []
  /// Bytes on the wire.
  private(set) var wireBytes = 0
  /// Why the body cannot be read, or nil.
  private(set) var obstacle: String?
  let isCompressed: Bool

  init(coding: String?, limit: Int) {
    let coding = coding ?? "identity"
    isCompressed = !coding.trimmingBlanks.equalsIgnoringCase("identity")
    decoder = ContentDecoder(coding: coding, limit: limit)
    if decoder == nil { obstacle = "content coding '\(coding)' cannot be decoded" }
  }

  mutating func receive(_ bytes: UnsafeRawBufferPointer) {
    wireBytes += bytes.count
    decoder?.receive(bytes, into: &kept)
  }

  /// The body ended: judges it.
  mutating func ended() {
    switch decoder?.finish() {
    case .some(.incomplete): obstacle = "the compressed body broke off"
    case .some(.corrupt(let offset)): obstacle = "the compressed body is corrupt at byte \(offset)"
    case .some(.outOfMemory): obstacle = "no memory to decompress the body"
    case .some(.complete), nil: break
    }
  }

  /// Gives the body and forgets it.
  mutating func take() -> PollingBody {
    let isTruncated = decoder?.isTruncated ?? false
    defer { kept = [] }
    return PollingBody(bytes: kept, isTruncated: isTruncated, isCompressed: isCompressed, obstacle: obstacle)
  }
}

/// An upgraded connection.
final class WebSocketState {
  let query: EngineIOQuery
  let target: String
  /// Whether its messages are read as Engine.IO packets.
  let isEngineIO: Bool
  // As those of a session.
  @exclusivity(unchecked) var client: MessageStream
  @exclusivity(unchecked) var server: MessageStream
  var session: SessionState?
  /// What stays the same when the client comes back, see `SessionFacts.clientFingerprint`.
  var fingerprint: UInt64 = 0
  /// The encoded members between `ts` and the packet's own, by peer: the same for every record.
  var clientOrigin: [UInt8] = []
  var serverOrigin: [UInt8] = []
  /// The first close frame: who sent it, and what it said.
  var firstClose: (from: Peer, code: UInt16?, reason: String)?
  /// Nothing is decoded, because of an extension that is not known.
  var isOpaque = false

  init(
    query: EngineIOQuery, target: String, isEngineIO: Bool, compression: DeflateParameters?,
    limits: WebSocketLimits
  ) {
    self.query = query
    self.target = target
    self.isEngineIO = isEngineIO
    client = MessageStream(masking: .required, compression: compression, limits: limits)
    server = MessageStream(masking: .forbidden, compression: compression, limits: limits)
  }

  func origin(of peer: Peer) -> [UInt8] { peer == .client ? clientOrigin : serverOrigin }
}
