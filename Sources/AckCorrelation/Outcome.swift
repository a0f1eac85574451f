/// Something the correlator concluded, for the capture and the screen.
package enum Outcome: Sendable {
  /// Something about one emit.
  case verdict(EmitVerdict)
  /// Something about a session or connection.
  case finding(Finding)
}

/// Who ended a connection or session.
package enum Ender: UInt8, Sendable {
  /// The client ended it.
  case client
  /// The server ended it.
  case server
  /// The proxy itself, as when it is stopped.
  case proxy

  /// The peer as the one who ended something.
  package init(_ peer: Peer) {
    self = peer == .client ? .client : .server
  }

  /// The name that records use.
  package var name: StaticString {
    switch self {
    case .client: "client"
    case .server: "server"
    case .proxy: "proxy"
    }
  }
}

/// What showed that a peer ended a namespace, session or connection.
package enum EndingSign: String, Sendable {
  /// TCP FIN.
  case fin
  /// TCP RST.
  case reset
  /// A WebSocket close frame.
  case closeFrame = "close_frame"
  /// Engine.IO packet `1`.
  case closePacket = "close_packet"
  /// Socket.IO packet `1`: this namespace only.
  case disconnectPacket = "disconnect_packet"
  /// A polling request refused because its session is not known (400, code 1).
  case sessionUnknown = "session_unknown"
  /// The heartbeat stopped and nothing else came.
  case silence
}

/// The verdict on one emit: a change of state, or the last word.
package struct EmitVerdict: Sendable {
  /// The record of the emit.
  package var emit: RecordSeq
  /// The event name as JSON, as it stood on the wire; empty where it could not be read.
  package var event: String
  /// Its namespace as text.
  package var namespace: String
  /// Its ack id.
  package var id: AckID?
  /// The connection that it came on.
  package var connection: ConnectionNumber
  /// Its session.
  package var session: SessionNumber
  /// Who emitted.
  package var from: Peer
  /// What is said of it.
  package var verdict: Verdict
  /// Why; nil only for `overdue`.
  package var cause: Cause?
  /// How far to rely on the cause.
  package var certainty: Certainty
  /// The records that show it, besides the emit itself.
  package var evidence: [RecordSeq]
  /// Microseconds from the emit to what decided it: the ack, the end, or the moment of saying so.
  package var age: Int64
  /// False for a state that may still change: `overdue`, and what is likely but can yet be refuted.
  package var isFinal: Bool
  /// Who ended the connection, where that is what left the emit unanswered.
  package var endedBy: Ender?
  /// How it was ended.
  package var how: EndingSign?
  /// Whose heartbeat stopped.
  package var silent: Peer?
  /// The next attempt of a retried emit.
  package var nextAttempt: RecordSeq?
  /// The ack id of the next attempt.
  package var nextAttemptID: AckID?
  /// The emit was given up because a limit was reached, not because of anything on the wire.
  package var evicted = false
  /// The session began before the capture or could not be decoded whole: causes are less certain than usual.
  package var unverified = false

  /// What to look at next, in one line for people.
  package var advice: StaticString { Advice.line(verdict, cause) }
}

/// A finding about a session or a connection.
package struct Finding: Sendable {
  /// The value of a detail.
  package enum Value: Sendable {
    case number(Int64)
    case flag(Bool)
    case text(String)
    /// JSON, verbatim from the wire.
    case json(String)
    case id(AckID)
  }

  /// What was found.
  package var kind: FindingKind
  /// The session concerned, if one is.
  package var session: SessionNumber?
  /// The connection concerned, if one is.
  package var connection: ConnectionNumber?
  /// How far to rely on the cause.
  package var certainty: Certainty
  /// The records that show it.
  package var evidence: [RecordSeq]
  /// What the finding names, in the order of the record.
  package var details: [(name: StaticString, value: Value)]

  /// What to look at next, in one line for people.
  package var advice: StaticString { Advice.line(kind) }
}
