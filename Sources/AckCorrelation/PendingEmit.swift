/// An open emit, in a pooled slot whose storage is used again.
struct PendingEmit {
  /// Marks that decide or colour the verdict later.
  struct Marks: OptionSet {
    var rawValue: UInt16
    /// It stands in neither of the queues by time.
    static let leftQueue = Marks(rawValue: 1)
    /// It stands in the queue of those past the ack timeout.
    static let inOverdueQueue = Marks(rawValue: 4096)
    /// It counts as overdue, and an outcome said so.
    static let overdue = Marks(rawValue: 2)
    /// Its namespace was not joined, refused, or left when it was sent.
    static let namespaceMissing = Marks(rawValue: 4)
    /// Its namespace had been asked for and not granted yet.
    static let namespaceAsked = Marks(rawValue: 8)
    /// The receiver said that the message was too large.
    static let tooLarge = Marks(rawValue: 16)
    /// It came in a POST of more than 16 packets.
    static let bigBatch = Marks(rawValue: 32)
    /// The request that carried it was refused because its session was not known.
    static let sessionRefused = Marks(rawValue: 64)
    /// The next attempt came on another session.
    static let retriedAcrossReconnect = Marks(rawValue: 128)
    /// Another emit had the same id: it is in a chain of the pending table.
    static let chained = Marks(rawValue: 256)
    /// Kept after its session ended, in case the client comes back and sends it again.
    static let held = Marks(rawValue: 512)
    /// An event that looked like its answer turned out to be something else.
    static let replyRefuted = Marks(rawValue: 1024)
    /// An outcome that is not final said that it was rejected or superseded.
    static let provisional = Marks(rawValue: 2048)
  }

  var seq = RecordSeq(0)
  var at = Timestamp(microseconds: 0)
  var id = AckID(0)
  var key: UInt64 = 0
  var session = SessionNumber(0)
  var connection = ConnectionNumber(0)
  var namespaceSlot: Int32 = -1
  var namespace = NamespaceID.root
  var event = EventID(number: 0)
  var peer = Peer.client
  var transport = Transport.websocket
  var refusal: Refusal?
  var marks: Marks = []
  var batch: UInt32 = 0
  var messageBytes = 0
  /// The index of its event in the namespace's statistics, or -1.
  var statistics: Int32 = -1

  var argumentsHash: UInt64 = 0
  var argumentsLength = 0
  /// The arguments, where they were short enough to keep.
  var arguments: [UInt8] = []
  /// The event's text, where the name table was full.
  var unlistedEvent = ""

  // Links: -1 ends a list.
  var previous: Int32 = -1
  var next: Int32 = -1
  var earlier: Int32 = -1
  var later: Int32 = -1
  var sameKey: Int32 = -1

  /// The group of attempts it belongs to, or -1.
  var group: Int32 = -1
  var nextAttempt: RecordSeq?
  var nextAttemptID: AckID?
  /// An event from the server that may be its answer.
  var reply: RecordSeq?
  var replyAt = Timestamp(microseconds: 0)
  var replyEvent = EventID(number: 0)

  var hasArguments: Bool { arguments.count == argumentsLength }

  /// Makes the slot ready for another emit, keeping its storage.
  mutating func reset() {
    refusal = nil
    marks = []
    statistics = -1
    arguments.removeAll(keepingCapacity: true)
    previous = -1
    next = -1
    earlier = -1
    later = -1
    sameKey = -1
    group = -1
    nextAttempt = nil
    nextAttemptID = nil
    reply = nil
    if !unlistedEvent.isEmpty { unlistedEvent = "" }
  }
}
