import CaptureFormat

/// What a capture holds of its clients and their server, as far as it can be played again: by a client against a
/// server (replay), by a server against clients (mock), or against another recording (diff).
package struct Recording: Sendable {
  /// The server that was recorded, as its capture names it.
  package var upstream: String?
  /// The sessions, in the order in which they became known; a filter leaves out those in which nothing matches.
  package var sessions: [RecordedSession] = []
  /// Handshakes that the server refused, in order: no session came of them.
  package var refusals: [RecordedRefusal] = []
  /// When the capture began, and the time of its last record.
  package var began = CaptureTimestamp(microseconds: 0)
  package var ended = CaptureTimestamp(microseconds: 0)
  /// Whether the capture ends in order: with its `end` record.
  package var isComplete = false
  /// Whether records are missing in the middle: lines that are damaged, or that could not be written.
  package var hasHoles = false
  /// What a user should know about the capture itself, one line each.
  package var notes: [String] = []

  package init() {}

  /// How many emits were recorded, of both peers.
  package var emitCount: Int {
    sessions.reduce(0) { $0 + $1.steps.reduce(0) { $0 + ($1.kind.isEmit ? 1 : 0) } }
  }
}

/// One Engine.IO session of a capture.
package struct RecordedSession: Sendable {
  /// The session's number in its capture.
  package var number: Int
  /// The address of the record that made it known.
  package var seq: Int
  /// When it was opened, or first seen.
  package var opened: CaptureTimestamp
  package var sid: String
  /// The revision of Engine.IO: 3 or 4.
  package var eio: Int
  package var handshake: RecordedHandshake
  /// Whether the client moved from polling to a WebSocket.
  package var isUpgraded = false
  /// Whether permessage-deflate was negotiated on its WebSocket.
  package var isCompressed = false
  /// Whether its packets were in msgpack rather than in text.
  package var usesMsgpack = false
  /// Whether the capture has not seen its handshake.
  package var beganBeforeCapture = false
  /// What both peers did, in the order of the capture.
  package var steps: [RecordedStep] = []
  package var ending = RecordedEnding.open

  package init(
    number: Int, seq: Int, opened: CaptureTimestamp, sid: String, eio: Int, handshake: RecordedHandshake
  ) {
    self.number = number
    self.seq = seq
    self.opened = opened
    self.sid = sid
    self.eio = eio
    self.handshake = handshake
  }

  /// The transports in the order of their use.
  package var transports: [CaptureRecord.Transport] {
    isUpgraded ? [.polling, .websocket] : [handshake.transport]
  }
}

/// The request that opened a session, or was to.
package struct RecordedHandshake: Sendable {
  package var transport = CaptureRecord.Transport.websocket
  /// The path of the request, such as `/socket.io/`.
  package var path = "/socket.io/"
  /// The members of the query that the application added, percent-encoded as they were: those of Engine.IO itself
  /// (`EIO`, `transport`, `sid`, `t`, `b64`, `j`) are not among them.
  package var query: [(name: String, value: String)] = []
  /// Whether the client asked for base64 instead of binary (`b64=1`, PROTOCOL.md A.1).
  package var wantsBase64 = false
  /// The header fields of the application: none that belong to the connection or to the WebSocket.
  package var headers: [(name: String, value: String)] = []
  /// The subprotocols that the client offered, in order.
  package var subprotocols: [String] = []
  /// Whether its Origin was the very server that it asked, as a page from that server sends it.
  package var isSameOrigin = false
  /// What the client offered of permessage-deflate (RFC 7692 §7.1), on the WebSocket that it opened or moved to; nil where
  /// it offered nothing.
  package var compressionOffer: String?

  package init() {}
}

/// A handshake that the server refused.
package struct RecordedRefusal: Sendable {
  package var seq: Int
  package var time: CaptureTimestamp
  package var eio: Int
  package var handshake: RecordedHandshake
  /// The status of the answer.
  package var status: Int
  /// The code and words of Engine.IO, where the server gave any (PROTOCOL.md A.9).
  package var code: Int?
  package var message: String?

  package init(
    seq: Int, time: CaptureTimestamp, eio: Int, handshake: RecordedHandshake, status: Int, code: Int? = nil,
    message: String? = nil
  ) {
    self.seq = seq
    self.time = time
    self.eio = eio
    self.handshake = handshake
    self.status = status
    self.code = code
    self.message = message
  }
}

/// How a session ended.
package enum RecordedEnding: Sendable, Equatable {
  /// Not within the capture.
  case open
  case closed(RecordedClose)
}

/// The end of a session.
package struct RecordedClose: Sendable, Equatable {
  /// By what a session ended.
  package enum Manner: String, Sendable {
    /// An Engine.IO packet of type close.
    case packet
    /// A WebSocket close frame.
    case frame
    /// The TCP connection ended without a word, or polling stopped.
    case connection
    /// A request was answered with an error.
    case refusal
  }

  /// Who ended it.
  package var by: CaptureRecord.Peer
  package var manner: Manner
  /// The code of the close frame or the status of the refusal, where there is one.
  package var code: Int?
  package var reason: String?
  /// The address of the record that says so.
  package var seq: Int
  package var time: CaptureTimestamp

  package init(
    by: CaptureRecord.Peer, manner: Manner, code: Int? = nil, reason: String? = nil, seq: Int,
    time: CaptureTimestamp
  ) {
    self.by = by
    self.manner = manner
    self.code = code
    self.reason = reason
    self.seq = seq
    self.time = time
  }
}
