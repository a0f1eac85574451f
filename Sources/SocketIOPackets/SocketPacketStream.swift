import JSONText

/// One direction of one Engine.IO session, across its transports: messages in, Socket.IO packets out.
///
/// It reassembles attachments (PROTOCOL.md B.2) and recognises on the wire which parser the session uses (C.1, C.2):
/// the first message that one of them understands settles it. Engine.IO packets of other types never come here.
/// It goes on after every fault, however a receiver would react: what it says of an input is in `SocketInput`.
package struct SocketPacketStream: ~Copyable {
  /// What stands between two messages.
  private enum State {
    /// The next message starts a packet.
    case idle
    /// `pendingPacket` waits for so many more attachments.
    case waiting(remaining: Int)
    /// A packet that was given already, or was too large to be kept, waits for so many more attachments.
    case skipping(remaining: Int)
    /// A binary packet announced no attachments: JavaScript decoders cannot go on from there.
    case afterZeroAttachments
  }

  private let limits: SocketPacketLimits
  private let revision: SocketIORevision
  private var state = State.idle
  private var pendingPacket = SocketPacket()
  private var pending = PacketAssembly()
  private var finished = PacketAssembly()
  private var broken = PacketAssembly()
  /// The encoding in use, once a message has shown it.
  package private(set) var parser: SocketPacketParser?

  package init(limits: SocketPacketLimits = SocketPacketLimits(), revision: SocketIORevision = .five) {
    self.limits = limits
    self.revision = revision
  }

  /// Takes over what the other direction has recognised: both ends of a session use one encoding.
  package mutating func adopt(_ parser: SocketPacketParser) {
    self.parser = parser
  }

  // MARK: messages

  /// Takes the payload of a text message in, without its Engine.IO type digit.
  ///
  /// - Parameter isWhole: false where `payload` is only the beginning of a longer message: its JSON is not checked
  ///   to the end then, and the packet lacks what comes later.
  package mutating func receiveText(_ payload: UnsafeRawBufferPointer, isWhole: Bool = true) -> SocketInput {
    switch state {
    case .idle: break
    case .waiting: return interrupted(by: payload, isWhole: isWhole)
    case .skipping:
      state = .idle
    case .afterZeroAttachments:
      state = .idle
      return refusing(startPacket(payload, isWhole: isWhole), PacketRefusal(.textAfterZeroAttachments, at: 0))
    }
    return startPacket(payload, isWhole: isWhole)
  }

  /// Takes the payload of a binary message in, base64 decoded where it came as that.
  ///
  /// - Parameter byteCount: the message's size where `payload` is only its beginning.
  package mutating func receiveBinary(_ payload: UnsafeRawBufferPointer, byteCount: Int? = nil) -> SocketInput
  {
    switch state {
    case .idle: return startBinaryPacket(payload, isWhole: byteCount ?? payload.count <= payload.count)
    case .waiting(let remaining):
      pending.attach(payload, byteCount: max(byteCount ?? 0, payload.count), limits: limits)
      guard remaining <= 1 else {
        state = .waiting(remaining: remaining - 1)
        return .attachment(remaining: remaining - 1)
      }
      state = .idle
      swap(&pending, &finished)
      return .assembled(checkingPlaceholders(of: pendingPacket))
    case .skipping(let remaining):
      state = remaining <= 1 ? .idle : .skipping(remaining: remaining - 1)
      return .attachment(remaining: max(remaining - 1, 0))
    case .afterZeroAttachments:
      return .refused(PacketRefusal(.binaryAfterZeroAttachments, at: 0), partial: nil)
    }
  }

  /// Gives a packet that was still waiting for attachments when the session ended, with those that came.
  package mutating func sessionEnded() -> SocketInput? {
    defer { state = .idle }
    return unfinished()
  }

  /// Gives a packet that was still waiting for attachments when its receiver left, with those that came: whatever
  /// becomes of the others, nobody puts it together. They are passed over if they come.
  package mutating func receiverLeft() -> SocketInput? {
    let input = unfinished()
    if case .waiting(let remaining) = state { state = .skipping(remaining: remaining) }
    return input
  }

  private mutating func unfinished() -> SocketInput? {
    guard case .waiting = state else { return nil }
    var packet = pendingPacket
    swap(&pending, &finished)
    if packet.refusal == nil { packet.refusal = PacketRefusal(.attachmentsMissing, at: finished.text.count) }
    return .assembled(packet)
  }

  // MARK: what was kept

  /// The text of the last `.assembled` packet; valid until the next message.
  package var assembled: UnsafeRawBufferPointer { finished.text }
  /// How many attachments of the last `.assembled` packet were kept.
  package var attachmentCountKept: Int { finished.attachmentCountKept }
  /// How many bytes the attachments of the last `.assembled` packet had, kept or not.
  package var attachmentBytes: Int { finished.attachmentBytes }
  /// Whether the last `.assembled` packet had more attachments, or larger ones, than were kept.
  package var isTruncated: Bool { finished.isTruncated }
  /// An attachment of the last `.assembled` packet, the first being 0; valid until the next message.
  package func attachment(at index: Int) -> UnsafeRawBufferPointer { finished.attachment(at: index) }

  /// The text of the packet in the last `.brokenAttachments`; valid until the next message.
  package var interrupted: UnsafeRawBufferPointer { broken.text }
  /// How many attachments of the packet in the last `.brokenAttachments` came and were kept.
  package var interruptedAttachmentCountKept: Int { broken.attachmentCountKept }
  /// Whether that packet had more attachments, or larger ones, than were kept.
  package var interruptedIsTruncated: Bool { broken.isTruncated }
  /// An attachment of the packet in the last `.brokenAttachments`; valid until the next message.
  package func interruptedAttachment(at index: Int) -> UnsafeRawBufferPointer { broken.attachment(at: index) }

  // MARK: packets of other parsers

  private mutating func startBinaryPacket(
    _ payload: UnsafeRawBufferPointer, isWhole: Bool
  ) -> SocketInput {
    switch parser {
    case .text: return .refused(PacketRefusal(.binaryWithoutPacket, at: 0), partial: nil)
    case .json: return .refused(PacketRefusal(.binaryForJSONParser, at: 0), partial: nil)
    case .custom: return .customParser
    case .msgpack: break
    case nil:
      guard MsgpackPacketReader.recognises(payload) else {
        if isWhole { parser = .custom }
        return .customParser
      }
      parser = .msgpack
    }
    finished.removeAll()
    var packet = SocketPacket()
    do throws(PacketRefusal) {
      try MsgpackPacketReader.read(payload, limits: limits, into: &packet, text: &finished)
      return .assembled(packet)
    } catch {
      return .refused(error, partial: nil)
    }
  }

  private mutating func startJSONPacket(_ payload: UnsafeRawBufferPointer) -> SocketInput {
    var packet = SocketPacket()
    do throws(PacketRefusal) {
      guard let rewrite = try JSONPacketReader.read(payload, into: &packet) else { return .packet(packet) }
      finished.removeAll()
      JSONPacketReader.rewrite(payload, rewrite, packet: &packet, text: &finished.writableText)
      return .assembled(packet)
    } catch {
      return .refused(error, partial: nil)
    }
  }

  // MARK: text packets

  private mutating func startPacket(_ payload: UnsafeRawBufferPointer, isWhole: Bool) -> SocketInput {
    // An Engine.IO message without data never reaches the parser: servers drop the connection (PROTOCOL.md A.3).
    guard let first = payload.first else {
      return .refused(PacketRefusal(.emptyMessage, at: 0), partial: nil)
    }
    guard payload.count <= SocketPacketLimits.largestText else {
      return .refused(PacketRefusal(.tooLarge, at: SocketPacketLimits.largestText), partial: nil)
    }
    switch parser {
    case .text: break
    case nil where first &- 0x30 > 9: return recognise(payload, isWhole: isWhole)
    case nil: break
    case .json: return startJSONPacket(payload)
    case .msgpack: return .refused(PacketRefusal(.textForMsgpackParser, at: 0), partial: nil)
    case .custom: return .customParser
    }
    var packet = SocketPacket()
    do throws(PacketRefusal) {
      switch try TextPacketReader.read(payload, revision: revision, isWhole: isWhole, into: &packet) {
      case .read:
        parser = .text
        return packet.type.hasAttachments ? awaitAttachments(of: packet, in: payload) : .packet(packet)
      case .blankID(let blank):
        return rewriteBlankID(payload, blank, isWhole: isWhole)
      }
    } catch {
      return .refused(error, partial: error.reason == .unknownPacketType ? nil : packet)
    }
  }

  /// The first message of a direction, where it is text that no default parser writes.
  private mutating func recognise(_ payload: UnsafeRawBufferPointer, isWhole: Bool) -> SocketInput {
    if payload.first == 0x7B, JSONPacketReader.recognises(payload) {
      parser = .json
      return startJSONPacket(payload)
    }
    // A beginning may still turn out to be a packet object; the next message decides.
    if isWhole { parser = .custom }
    return .customParser
  }

  private mutating func awaitAttachments(
    of packet: SocketPacket, in payload: UnsafeRawBufferPointer
  ) -> SocketInput {
    guard packet.attachmentCount > 0 else {
      state = .afterZeroAttachments
      return .packet(packet)
    }
    guard payload.count <= limits.packetBytes else {
      state = .skipping(remaining: packet.attachmentCount)
      return .refused(PacketRefusal(.tooLarge, at: limits.packetBytes), partial: packet)
    }
    pending.removeAll()
    pending.writableText.append(payload)
    pendingPacket = packet
    state = .waiting(remaining: packet.attachmentCount)
    return .waiting(packet)
  }

  /// The packet as JavaScript reads it, with the `0` that the blank stands for written out, so that an id always has
  /// a digit.
  private mutating func rewriteBlankID(
    _ payload: UnsafeRawBufferPointer, _ blank: Range<Int>, isWhole: Bool
  ) -> SocketInput {
    finished.removeAll()
    finished.writableText.append(UnsafeRawBufferPointer(rebasing: payload[..<blank.lowerBound]))
    finished.writableText.append(0x30)
    finished.writableText.append(UnsafeRawBufferPointer(rebasing: payload[blank.upperBound...]))
    var packet = SocketPacket()
    do throws(PacketRefusal) {
      _ = try TextPacketReader.read(finished.text, revision: revision, isWhole: isWhole, into: &packet)
    } catch {
      // No partial packet: its slices would not be of the bytes passed in.
      return .refused(PacketRefusal(error.reason, at: error.offset + blank.count - 1), partial: nil)
    }
    parser = .text
    guard packet.type.hasAttachments else { return .assembled(packet) }
    let input = awaitAttachments(of: packet, in: finished.text)
    if case .packet(let whole) = input { return .assembled(whole) }
    // The header's slices would be of `assembled`: it is given once, when it is complete.
    return .attachment(remaining: packet.attachmentCount)
  }

  private mutating func interrupted(
    by payload: UnsafeRawBufferPointer, isWhole: Bool
  ) -> SocketInput {
    state = .idle
    let packet = pendingPacket
    swap(&pending, &broken)
    let next = startPacket(payload, isWhole: isWhole)
    return .brokenAttachments(packet, PacketRefusal(.textWhileAttachmentsPending, at: 0), then: next)
  }

  private func refusing(_ input: SocketInput, _ refusal: PacketRefusal) -> SocketInput {
    func marked(_ packet: SocketPacket) -> SocketPacket {
      var packet = packet
      packet.refusal = packet.refusal ?? refusal
      return packet
    }
    switch input {
    case .packet(let packet): return .packet(marked(packet))
    case .assembled(let packet): return .assembled(marked(packet))
    case .waiting(let packet): return .waiting(marked(packet))
    default: return input
    }
  }

  private func checkingPlaceholders(of packet: SocketPacket) -> SocketPacket {
    guard packet.refusal == nil, let payload = packet.payload else { return packet }
    var packet = packet
    packet.refusal = Placeholders.fault(
      in: finished.text, payload: payload, attachmentCount: packet.attachmentCount)
    return packet
  }
}
