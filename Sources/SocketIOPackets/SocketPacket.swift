/// One Socket.IO packet: a few integers, and slices of the bytes it was decoded from.
///
/// `SocketInput` says which bytes those are. Nothing is copied, so a packet must be used before the bytes go.
package struct SocketPacket: Equatable, Sendable {
  /// The type on the wire. Receivers of revision 5 report binary types as their plain ones once complete.
  package var type: SocketPacketType = .connect
  /// The namespace as written; empty for the default one, `/`.
  package var namespace: Range<Int> {
    get { namespaceSlice.range ?? 0..<0 }
    set { namespaceSlice = PacketSlice(newValue) }
  }
  /// The namespace without the query that a CONNECT over Engine.IO 3 may append (PROTOCOL.md B.3); empty for `/`.
  package var namespaceName: Range<Int> {
    get { namespaceNameSlice.range ?? 0..<0 }
    set { namespaceNameSlice = PacketSlice(newValue) }
  }
  /// The ack id, or nil.
  package var id: AckID?
  /// The digits of the id without leading zeros: at least one where there is an id, else empty.
  package var idDigits: Range<Int> {
    get { idDigitsSlice.range ?? 0..<0 }
    set { idDigitsSlice = PacketSlice(newValue) }
  }
  /// The JSON of the packet, or whatever stands in its place; nil where the packet has none.
  package var payload: Range<Int>? {
    get { payloadSlice.range }
    set { payloadSlice = PacketSlice(newValue) }
  }
  /// The JSON literal of the event name: a string with its quotes, or a number. Nil where there is none.
  package var event: Range<Int>? {
    get { eventSlice.range }
    set { eventSlice = PacketSlice(newValue) }
  }
  /// The arguments without brackets around them: of an event those after its name, of an ack all. Nil where the
  /// payload is no array; empty for none. An event whose first element cannot be a name keeps it here.
  package var arguments: Range<Int>? {
    get { argumentsSlice.range }
    set { argumentsSlice = PacketSlice(newValue) }
  }
  /// How many attachments the packet announces.
  package var attachmentCount = 0
  /// Whether any object in the payload has members: only then can one ask for redaction. True where unknown.
  package var hasMembers = false
  /// Whether raw line breaks stand between the tokens of the payload.
  package var hasLineBreaks = false
  /// Whether the payload is not whole, because it was longer than is kept: `arguments` is nil then.
  package var isTruncated = false
  /// Why the newest reference parser refuses the packet although its structure is readable, or nil.
  package var refusal: PacketRefusal?
  /// Why another reference parser refuses or misreads the packet that the newest one takes, or nil.
  package var refusalElsewhere: PacketRefusal?
  /// The encoding that the packet had on the wire.
  package var parser: SocketPacketParser = .text

  private var namespaceSlice = PacketSlice(0..<0)
  private var namespaceNameSlice = PacketSlice(0..<0)
  private var idDigitsSlice = PacketSlice(0..<0)
  private var payloadSlice = PacketSlice(nil)
  private var eventSlice = PacketSlice(nil)
  private var argumentsSlice = PacketSlice(nil)

  package init() {}

  mutating func setNamespace(
    _ range: Range<Int>, in bytes: UnsafeRawBufferPointer, revision: SocketIORevision
  ) {
    if range.count == 1, bytes[range.lowerBound] == 0x2F { return }
    namespace = range
    namespaceName = range
    guard type == .connect, revision == .four else { return }
    if let query = range.first(where: { bytes[$0] == 0x3F }) {
      let name = range.lowerBound..<query
      namespaceName = name.count == 1 ? 0..<0 : name
    }
  }
}

/// A range within one packet, or none, in eight bytes: packets are handed on by value, message for message.
private struct PacketSlice: Equatable, Sendable {
  private var start: UInt32
  private var end: UInt32

  /// Callers refuse packets of more than `SocketPacketLimits.largestText` bytes, so nothing is cut off here.
  @inline(__always)
  init(_ range: Range<Int>?) {
    start = range.map { UInt32(truncatingIfNeeded: $0.lowerBound) } ?? .max
    end = range.map { UInt32(truncatingIfNeeded: $0.upperBound) } ?? .max
  }

  @inline(__always)
  var range: Range<Int>? {
    start == .max ? nil : Range(uncheckedBounds: (Int(start), Int(end)))
  }
}
