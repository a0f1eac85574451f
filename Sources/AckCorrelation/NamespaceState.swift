/// The end of a namespace, session or connection: when, by whom, and what showed it.
struct Ending {
  var at: Timestamp
  var seq: RecordSeq
  var by: Ender
  var sign: EndingSign
  /// The code of a close frame.
  var code: UInt16?
  /// Whose heartbeat had stopped by then.
  var silent: Peer?
  /// The batch of a DISCONNECT packet.
  var batch: UInt32 = 0
}

/// What is known of one namespace of one session.
struct NamespaceState {
  enum Phase {
    case untold, asked, connected, refused, left
  }

  /// The emits of one peer on the namespace.
  struct PeerState {
    /// The open emits, oldest first.
    var head: Int32 = -1
    var tail: Int32 = -1
    var open: Int32 = 0
    /// The highest id seen, wide ones aside.
    var highestID: UInt64?
    /// The newest emit that asked for an ack: its slot holds it only while the seqs agree.
    var lastSlot: Int32 = -1
    var lastSeq = RecordSeq(0)
    var lastID = AckID(0)
    var lastEvent = EventID(number: 0)
    var lastHash: UInt64 = 0
    var lastLength = 0
    var lastAnsweredAt: Timestamp?
    /// How many times in a row the same emit was sent again right after its ack.
    var repeats = 0
    var repeatedFrom = RecordSeq(0)
    /// The earliest emit that was answered, and when it was sent.
    var firstAnswered = RecordSeq(.max)
    var firstAnsweredAt = Timestamp(microseconds: 0)
    /// Ids answered lately, a ring.
    var answered: [Answered] = []
    var nextAnswered = 0
    /// Emits decided lately without an ack, a ring.
    var givenUp: [Answered] = []
    var nextGivenUp = 0

    /// Makes it ready for another namespace.
    mutating func reset() {
      self = PeerState()
    }
  }

  struct Answered {
    var id: AckID
    var emit: RecordSeq
  }

  /// How one event of one peer fared on this namespace.
  struct EventStatistics {
    var event: EventID
    var peer: Peer
    var acknowledged: UInt32 = 0
    var firstAcknowledged = RecordSeq(.max)
    var missingListenerReported = false
  }

  /// An `exception` event that may belong to an open emit (PROTOCOL.md D.2).
  struct Exception {
    var seq: RecordSeq
    var at: Timestamp
    var namesItsCause: Bool
    /// The open emits it may belong to, newest first, by seq.
    var candidates: [RecordSeq]
    /// How many emits without an ack id it may belong to as well.
    var withoutID: Int
    var isTaken = false
    /// Set once a candidate was decided otherwise without an ack: elimination is no proof any more.
    var isAmbiguous = false
  }

  /// A client emit without an ack id, remembered because an exception may be about it.
  struct Unconfirmed {
    var event: EventID
    var hash: UInt64
    var at: Timestamp
  }

  /// Emits right after CONNECT.
  struct Opening {
    var connectedAt: Timestamp
    var lastAt: Timestamp
    var count = 0
    var events: UInt64 = 0
    var firstID: UInt64?
    var evidence: [RecordSeq] = []
  }

  var sessionSlot: Int32 = -1
  var generation: UInt32 = 0
  var id = NamespaceID.root
  var phase = Phase.untold
  var ending: Ending?

  var askedAt = Timestamp(microseconds: 0)
  var askedSeq = RecordSeq(0)
  /// The hash of the recovery id the client asked with, 0 for none.
  var askedRecovery: UInt64 = 0
  var replayed: Int64 = 0
  var connectedAt: Timestamp?

  var events: [EventStatistics] = []
  var exceptions: [Exception] = []
  var unconfirmed: [Unconfirmed] = []
  var nextUnconfirmed = 0
  /// The newest client emit of any kind, and whether it asked for no ack.
  var lastFromClient = RecordSeq(0)
  var lastFromClientAt = Timestamp(microseconds: 0)
  var lastWithoutIDAt: Timestamp?
  var opening: Opening?
  /// Whether the time right after CONNECT is not over yet.
  var isOpening = false

  /// Makes the slot ready for another namespace.
  mutating func reset(session: Int32, id: NamespaceID) {
    let next = generation &+ 1
    self = NamespaceState()
    generation = next
    sessionSlot = session
    self.id = id
  }
}
