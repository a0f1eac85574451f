import JSONText

/// The text of a packet and the attachments that belong to it, kept beyond the message they came in.
///
/// The storage is reused from packet to packet, so that a session that sends binary data stops allocating.
struct PacketAssembly: ~Copyable {
  private var storedText = ByteSink(capacity: 16)
  private var data = ByteSink(capacity: 16)
  private var ends: [Int] = []
  /// How many attachments came, kept or not.
  private(set) var attachmentCount = 0
  /// How many bytes of attachments came, kept or not.
  private(set) var attachmentBytes = 0
  /// Whether anything that came was not kept.
  private(set) var isTruncated = false

  /// Storage above this is given back, so that one huge packet does not stay resident for the session.
  private static let storageKept = 64 << 10

  /// The text; valid until the next mutation.
  var text: UnsafeRawBufferPointer { storedText.bytes }
  /// How many attachments were kept.
  var attachmentCountKept: Int { ends.count }

  /// An attachment that was kept, the first being 0; valid until the next mutation. Cut where the limit was reached.
  func attachment(at index: Int) -> UnsafeRawBufferPointer {
    guard ends.indices.contains(index) else { return UnsafeRawBufferPointer(start: nil, count: 0) }
    return UnsafeRawBufferPointer(rebasing: data.bytes[(index == 0 ? 0 : ends[index - 1])..<ends[index]])
  }

  /// Forgets everything.
  mutating func removeAll() {
    storedText.removeAll(keeping: Self.storageKept)
    data.removeAll(keeping: Self.storageKept)
    ends.removeAll(keepingCapacity: ends.capacity < 1024)
    attachmentCount = 0
    attachmentBytes = 0
    isTruncated = false
  }

  /// Lends the text for writing.
  var writableText: ByteSink {
    _read { yield storedText }
    _modify { yield &storedText }
  }

  /// Takes an attachment in, or as much of it as the limits allow.
  ///
  /// - Parameter byteCount: its size on the wire where `bytes` is only its beginning.
  mutating func attach(_ bytes: UnsafeRawBufferPointer, byteCount: Int, limits: SocketPacketLimits) {
    attachmentCount &+= 1
    attachmentBytes &+= byteCount
    guard ends.count < limits.attachments else {
      isTruncated = true
      return
    }
    let room = max(limits.attachmentBytes - data.count, 0)
    data.append(UnsafeRawBufferPointer(rebasing: bytes.prefix(room)))
    ends.append(data.count)
    if bytes.count > room || byteCount > bytes.count { isTruncated = true }
  }
}
