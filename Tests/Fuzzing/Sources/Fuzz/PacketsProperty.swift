import JSONText
import SocketIOPackets

/// Whatever messages come, packets are slices of the right bytes, their parts are what they are called, and no more is
/// kept than the limits say.
enum PacketsProperty {
  static func check(_ input: inout FuzzInput) {
    var limits = SocketPacketLimits()
    limits.packetBytes = 200
    limits.attachmentBytes = 100
    limits.attachments = 4
    let flags = input.byte()
    var stream = SocketPacketStream(limits: limits, revision: flags & 1 != 0 ? .four : .five)
    if flags & 2 != 0 { stream.adopt(.msgpack) }
    if flags & 4 != 0 { stream.adopt(.json) }
    while !input.isEmpty {
      let kind = input.byte()
      let payload = input.piece()
      let received =
        kind & 1 == 0
        ? stream.receiveText(payload, isWhole: kind & 2 == 0)
        : stream.receiveBinary(payload, byteCount: kind & 2 == 0 ? nil : payload.count + 100)
      check(received, payload, stream, limits, isWhole: kind & 2 == 0)
    }
    if let last = stream.sessionEnded() {
      check(last, UnsafeRawBufferPointer(start: nil, count: 0), stream, limits, isWhole: true)
    }
  }

  static func checkMsgpack(_ bytes: UnsafeRawBufferPointer) {
    var limits = SocketPacketLimits()
    limits.packetBytes = 4096
    limits.attachmentBytes = 4096
    limits.depth = 50
    var stream = SocketPacketStream(limits: limits)
    stream.adopt(.msgpack)
    check(stream.receiveBinary(bytes), bytes, stream, limits, isWhole: true)
  }

  private static func check(
    _ input: SocketInput, _ bytes: UnsafeRawBufferPointer, _ stream: borrowing SocketPacketStream,
    _ limits: SocketPacketLimits, isWhole: Bool
  ) {
    switch input {
    case .packet(let packet): check(packet, in: bytes, isReadable: true)
    case .waiting(let packet): check(packet, in: bytes, isReadable: true)
    case .assembled(let packet):
      check(packet, in: stream.assembled, isReadable: true)
      var kept = 0
      for index in 0..<stream.attachmentCountKept { kept += stream.attachment(at: index).count }
      require(kept <= limits.attachmentBytes && kept <= stream.attachmentBytes)
      require(stream.attachmentCountKept <= limits.attachments)
      if !stream.isTruncated { require(kept == stream.attachmentBytes) }
    case .attachment(let remaining): require(remaining >= 0)
    case .refused(let refusal, let partial):
      require(refusal.offset >= 0 && refusal.offset <= bytes.count)
      if let partial { check(partial, in: bytes, isReadable: false) }
    case .brokenAttachments(let packet, _, let next):
      check(packet, in: stream.interrupted, isReadable: true)
      for index in 0..<stream.interruptedAttachmentCountKept { _ = stream.interruptedAttachment(at: index) }
      check(next, bytes, stream, limits, isWhole: isWhole)
    case .customParser: break
    }
  }

  private static func check(
    _ packet: SocketPacket, in bytes: UnsafeRawBufferPointer, isReadable: Bool
  ) {
    func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer {
      require(range.lowerBound >= 0 && range.upperBound <= bytes.count)
      return UnsafeRawBufferPointer(rebasing: bytes[range])
    }
    _ = slice(packet.namespace)
    _ = slice(packet.namespaceName)
    require(packet.idDigits.isEmpty == (packet.id == nil))
    for (index, byte) in slice(packet.idDigits).enumerated() {
      require(byte &- 0x30 < 10 || (index == 0 && byte == 0x2D))
    }
    let payload = packet.payload.map(slice)
    let event = packet.event.map(slice)
    let arguments = packet.arguments.map(slice)
    guard isReadable, !packet.isTruncated else { return }
    if let payload { require(isJSON(payload), "payload") }
    if let event {
      require(isJSON(event) && event[0] != 0x5B && event[0] != 0x7B, "event")
    }
    if let arguments { require(isJSON([0x5B] + Array(arguments) + [0x5D]), "arguments") }
    // Of msgpack's JSON, placeholders are objects too, and there is nothing to redact in them.
    if !packet.hasMembers, packet.parser != .msgpack, let payload {
      require(!Array(payload).withUnsafeBytes { containsMember($0) }, "hasMembers")
    }
  }

  private static func isJSON(_ bytes: [UInt8]) -> Bool { bytes.withUnsafeBytes { isJSON($0) } }

  private static func isJSON(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var scanner = JSONScanner(bytes)
    return (try? (scanner.skipValue(), scanner.expectEnd())) != nil
  }

  private static func containsMember(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var scanner = JSONScanner(bytes)
    _ = try? scanner.skipValue()
    return scanner.metMembers
  }
}
