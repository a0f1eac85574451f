import AckCorrelation
import NIOCore
import NIOHTTP1

/// How far a connection has come that a splice loop has had from its first byte, and that does not pass bytes yet.
struct PendingUpgrade {
  enum Stage {
    /// The client's request has not come.
    case request
    /// The upstream leg is being set up.
    case connecting
    /// The request is on record and sent; the server has not answered, or not to the end of the head.
    case answer
  }

  var stage = Stage.request
  let client: SocketAddress
  /// The request as it came, for the event loop that may have to go on with it, and as it goes on.
  var request: [UInt8] = []
  var head: HTTPRequestHead?
  var forwarded: [UInt8] = []
  /// What came of an answer whose end is missing.
  var answer: [UInt8] = []
}

/// A connection that a splice loop gives to an event loop: it is not the plain upgrade that the loop knows.
struct ReturnedConnection {
  let number: ConnectionNumber
  let client: Int32
  let address: SocketAddress?
  /// What the client has sent.
  let request: [UInt8]
  /// The upstream leg, where the request is on record and was sent, and what came of the answer.
  var answered: (upstream: Int32, bytes: [UInt8])?
  var admission = Admission.admitted
}

/// Whether a client may connect at all.
enum Admission {
  /// It counts as open from now on.
  case admitted
  case tooMany
  case stranger
}
