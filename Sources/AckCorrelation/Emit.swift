/// Why a receiver that follows the reference parser refuses a packet (PROTOCOL.md B.1, B.2).
package enum Refusal: String, Sendable {
  /// The text behind the id is not JSON.
  case malformedJSON = "malformed_json"
  /// The event has a name that the library keeps for itself.
  case reservedName = "reserved_name"
  /// The payload is not an array that starts with a string or a number.
  case badPayload = "bad_payload"
  /// More than ten attachments.
  case tooManyAttachments = "too_many_attachments"
  /// Another packet stood between a binary packet and its attachments, or an attachment came unasked.
  case brokenAttachments = "broken_attachments"
  /// A packet that the receiver never accepts from this peer: an unknown type, an Engine.IO 4 ping from a
  /// client, CONNECT twice, CONNECT_ERROR from a client.
  case unexpectedPacket = "unexpected_packet"
}

/// The facts about one event packet, besides its arguments.
package struct Emit: Sendable {
  /// The session it belongs to.
  package var session: SessionNumber
  /// The connection it came on.
  package var connection: ConnectionNumber
  /// Who emitted.
  package var from: Peer
  /// How it travelled.
  package var transport: Transport
  /// Its namespace, as `AckCorrelator.namespace` numbered it.
  package var namespace: NamespaceID
  /// Nil where no ack was asked for.
  package var id: AckID?
  /// Its record.
  package var seq: RecordSeq
  /// When its record says it came.
  package var at: Timestamp
  /// The length of the longest message it travelled in, uncompressed: what the receiver's limit is about.
  package var messageBytes = 0
  /// A number shared by all packets that came in one body or one read from one peer, and by no others of the
  /// connection.
  package var batch: UInt32 = 0
  /// Set where the reference parser would refuse the packet.
  package var refusal: Refusal?

  /// The facts that every emit has; the others are set afterwards.
  @inlinable
  package init(
    session: SessionNumber, connection: ConnectionNumber, from: Peer, transport: Transport,
    namespace: NamespaceID, id: AckID?, seq: RecordSeq, at: Timestamp
  ) {
    self.session = session
    self.connection = connection
    self.from = from
    self.transport = transport
    self.namespace = namespace
    self.id = id
    self.seq = seq
    self.at = at
  }
}

/// What an ack answered.
package struct AckMatch: Equatable, Sendable {
  /// The record of the emit.
  package var emit: RecordSeq
  /// Microseconds from the emit to the ack.
  package var latency: Int64
  /// `acknowledged` or `late`.
  package var verdict: Verdict
}

/// What the correlator has counted since it was made.
package struct CorrelationCounts: Equatable, Sendable {
  /// Events seen, with and without an ack id.
  package var emits: UInt64 = 0
  /// Acks seen, strays included.
  package var acks: UInt64 = 0
  /// Final verdicts, by `Verdict`; `pending` and `overdue` here say how many emits are in that state now.
  private var byVerdict:
    (
      UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64
    ) = (0, 0, 0, 0, 0, 0, 0, 0, 0)
  /// Findings that were dropped because nobody drained the outcomes.
  package var droppedFindings: UInt64 = 0

  /// Nothing counted yet.
  package init() {}

  /// How many emits have this verdict; for `pending` and `overdue`, how many are in that state now.
  package subscript(verdict: Verdict) -> UInt64 {
    get {
      switch verdict {
      case .pending: byVerdict.0
      case .overdue: byVerdict.1
      case .acknowledged: byVerdict.2
      case .late: byVerdict.3
      case .rejected: byVerdict.4
      case .answeredByEvent: byVerdict.5
      case .superseded: byVerdict.6
      case .unanswered: byVerdict.7
      case .unconfirmed: byVerdict.8
      }
    }
    set {
      switch verdict {
      case .pending: byVerdict.0 = newValue
      case .overdue: byVerdict.1 = newValue
      case .acknowledged: byVerdict.2 = newValue
      case .late: byVerdict.3 = newValue
      case .rejected: byVerdict.4 = newValue
      case .answeredByEvent: byVerdict.5 = newValue
      case .superseded: byVerdict.6 = newValue
      case .unanswered: byVerdict.7 = newValue
      case .unconfirmed: byVerdict.8 = newValue
      }
    }
  }

  /// Whether all counts agree.
  package static func == (left: CorrelationCounts, right: CorrelationCounts) -> Bool {
    left.emits == right.emits && left.acks == right.acks && left.droppedFindings == right.droppedFindings
      && Verdict.allCases.allSatisfy { left[$0] == right[$0] }
  }
}
