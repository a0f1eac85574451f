import AckCorrelation
import CaptureFormat
import JSONText
import SocketIOPackets

// Engine.IO packets of either transport, and the Socket.IO packets in them: records, and what the correlator is told.

extension TrafficDecoder {
  /// Takes an engine packet in; its payload is a slice of `bytes`.
  @inline(__always)
  mutating func take(
    _ packet: EnginePacket, _ bytes: UnsafeRawBufferPointer, _ place: PacketPlace, at time: Timestamp
  ) {
    let payload = UnsafeRawBufferPointer(rebasing: bytes[packet.payload])
    guard packet.type == .message, let session = place.session else {
      return takeEnginePacket(packet, payload, place, at: time)
    }
    if !packet.isBinary {
      let input =
        place.from == .client
        ? session.client.receiveText(payload, isWhole: !place.isCut)
        : session.server.receiveText(payload, isWhole: !place.isCut)
      take(input, payload, place, session, at: time)
    } else {
      takeBinary(packet, payload, place, session, at: time)
    }
    if session.client.parser != session.server.parser { shareParser(session) }
  }

  private mutating func takeBinary(
    _ packet: EnginePacket, _ payload: UnsafeRawBufferPointer, _ place: PacketPlace, _ session: SessionState,
    at time: Timestamp
  ) {
    var data = payload
    if packet.isBase64 {
      scratch.removeAll()
      Base64.decode(payload, into: &scratch)
      data = scratch.bytes
    }
    let byteCount = place.isCut ? max(place.messageBytes, data.count + 1) : data.count
    let input =
      place.from == .client
      ? session.client.receiveBinary(data, byteCount: byteCount)
      : session.server.receiveBinary(data, byteCount: byteCount)
    take(input, data, place, session, at: time)
  }

  /// Both ends of a session use one parser: what one direction has shown holds for the other.
  private func shareParser(_ session: SessionState) {
    if let parser = session.client.parser, session.server.parser == nil {
      session.server.adopt(parser)
    } else if let parser = session.server.parser, session.client.parser == nil {
      session.client.adopt(parser)
    }
  }

  // MARK: engine packets

  private mutating func takeEnginePacket(
    _ packet: EnginePacket, _ payload: UnsafeRawBufferPointer, _ place: PacketPlace, at time: Timestamp
  ) {
    totals.packets += 1
    let seq = encoder.begin("packet", at: time)
    encoder.members(place.origin)
    if let type = packet.type { encoder.member("engine", word: type.name) }
    if packet.isBinary {
      encoder.member("base64", base64: payload)
    } else if packet.type == .open {
      encoder.dataMember(payload)
    } else if !payload.isEmpty {
      encoder.member("text", brokenJSON: payload)
    }
    encodeCommon(place, session: place.session)
    encodeTruncation(place)
    encoder.end()
    guard let session = place.session, let type = packet.type else { return }
    let isProbe = payload.elementsEqual("probe".utf8)
    let kind: EnginePacketKind
    switch type {
    case .close:
      kind = .close
      sessionEnded(session)
    case .ping: kind = isProbe ? .probePing : .ping
    case .pong: kind = isProbe ? .probePong : .pong
    case .upgrade:
      kind = .upgrade
      if place.from == .client { session.carrier = connections[place.connection]?.webSocket }
    case .noop: kind = .noop
    case .open, .message: return
    }
    correlator.enginePacketSeen(
      session: session.number, connection: place.connection, from: place.from, kind, at: time,
      seq: RecordSeq(seq))
  }

  // MARK: socket packets

  /// Takes in what a message was to the session's packet stream.
  @inline(__always)
  mutating func take(
    _ input: SocketInput, _ bytes: UnsafeRawBufferPointer, _ place: PacketPlace, _ session: SessionState,
    at time: Timestamp
  ) {
    switch input {
    case .packet(let packet): record(packet, bytes, .none, place, session, at: time)
    default: takeUnusual(input, bytes, place, session, at: time)
    }
  }

  private mutating func takeUnusual(
    _ input: SocketInput, _ bytes: UnsafeRawBufferPointer, _ place: PacketPlace, _ session: SessionState,
    at time: Timestamp
  ) {
    switch input {
    case .packet(let packet): record(packet, bytes, .none, place, session, at: time)
    case .assembled(let packet):
      var place = place
      place.wireBytes += session.takeWaitingBytes(place.from)
      let text = place.from == .client ? session.client.assembled : session.server.assembled
      let isCut = place.from == .client ? session.client.isTruncated : session.server.isTruncated
      place.isCut = place.isCut || isCut || packet.isTruncated
      record(packet, text, .finished, place, session, at: time)
    case .waiting, .attachment: session.addWaitingBytes(place.wireBytes, place.from)
    case .refused(let refusal, let partial):
      guard let partial else { return recordRefused(refusal, bytes, place, session, at: time) }
      var packet = partial
      if !place.isCut { packet.refusal = refusal }
      record(packet, bytes, .none, place, session, isReadable: false, at: time)
    case .brokenAttachments(let packet, let refusal, let next):
      var broken = packet
      broken.refusal = broken.refusal ?? refusal
      let text = place.from == .client ? session.client.interrupted : session.server.interrupted
      var brokenPlace = place
      brokenPlace.wireBytes = session.takeWaitingBytes(place.from)
      let isCut =
        place.from == .client ? session.client.interruptedIsTruncated : session.server.interruptedIsTruncated
      brokenPlace.isCut = isCut || broken.isTruncated
      record(broken, text, .interrupted, brokenPlace, session, at: time)
      take(next, bytes, place, session, at: time)
    case .customParser:
      let seq = recordOpaque(bytes, place, at: time)
      if !session.hasUnknownParser {
        session.hasUnknownParser = true
        correlator.customParserSeen(
          session: session.number, connection: place.connection, at: time, seq: RecordSeq(seq))
      }
    }
  }

  /// Whose attachments a record gives.
  private enum Attachments {
    case none
    /// Those of the stream's last assembled packet.
    case finished
    /// Those of the stream's last interrupted packet.
    case interrupted
  }

  /// Records a socket packet and tells the correlator; ranges of the packet are slices of `bytes`.
  private mutating func record(
    _ packet: SocketPacket, _ bytes: UnsafeRawBufferPointer, _ attachments: Attachments, _ place: PacketPlace,
    _ session: SessionState, isReadable: Bool = true, at time: Timestamp
  ) {
    totals.packets += 1
    let namespaceID = correlator.namespace(UnsafeRawBufferPointer(rebasing: bytes[packet.namespaceName]))
    let start = encoder.length
    let seq = encoder.begin("packet", at: time)
    encoder.members(place.origin)
    let members = encoder.socketMembers(packet, bytes, isReadable: isReadable, isCut: place.isCut)
    if attachments != .none { encodeAttachments(attachments, session, place, packet, members.secrets) }
    encodeCommon(place, session: session)
    if packet.parser != .text {
      encoder.member("parser", word: packet.parser == .msgpack ? "msgpack" : "json")
    }
    if packet.type.isAck {
      let match = recordAck(packet, bytes, place, session, namespaceID, at: time, seq: seq)
      if options.notesPackets, let match {
        note(
          .ack(of: Int(match.emit.number), latency: Int(max(match.latency, 0))), packet, place, from: start,
          seq: seq)
      }
    } else {
      if let refusal = packet.refusal ?? packet.refusalElsewhere { encodeRefusal(refusal) }
      encodeTruncation(place)
      encoder.end()
      if options.notesPackets, isReadable, !members.event.isEmpty {
        let kind = PacketNote.Kind.event(
          namespace: members.namespace, event: members.event, asksForAck: !packet.idDigits.isEmpty)
        note(kind, packet, place, from: start, seq: seq)
      }
      tell(packet, bytes, place, session, namespaceID, at: time, seq: seq)
    }
    if correlator.hasOutcomes { recordOutcomes(at: time) }
  }

  /// Notes a packet whose record has ended, where nothing is wrong with it.
  @inline(__always)
  private mutating func note(
    _ kind: PacketNote.Kind, _ packet: SocketPacket, _ place: PacketPlace, from start: Int, seq: UInt64
  ) {
    guard packet.refusal == nil, packet.refusalElsewhere == nil, !place.isCut else { return }
    notes.append(
      PacketNote(
        line: start..<encoder.length - 1, seq: Int(seq), conn: Int(place.connection.number),
        isFromServer: place.from == .server, kind: kind, bytes: place.wireBytes))
  }

  private mutating func encodeAttachments(
    _ attachments: Attachments, _ session: SessionState, _ place: PacketPlace, _ packet: SocketPacket,
    _ secrets: [Int]
  ) {
    let count: Int
    switch (attachments, place.from) {
    case (.finished, .client): count = session.client.attachmentCountKept
    case (.finished, .server): count = session.server.attachmentCountKept
    case (_, .client): count = session.client.interruptedAttachmentCountKept
    case (_, .server): count = session.server.interruptedAttachmentCountKept
    }
    guard count > 0 || packet.type.hasAttachments else { return }
    encoder.member("attachments")
    encoder.raw("[")
    for index in 0..<count {
      if index > 0 { encoder.raw(",") }
      let attachment: UnsafeRawBufferPointer
      switch (attachments, place.from) {
      case (.finished, .client): attachment = session.client.attachment(at: index)
      case (.finished, .server): attachment = session.server.attachment(at: index)
      case (_, .client): attachment = session.client.interruptedAttachment(at: index)
      case (_, .server): attachment = session.server.interruptedAttachment(at: index)
      }
      if secrets.contains(index) {
        encoder.element(redacted: attachment)
      } else {
        encoder.element(base64: attachment)
      }
    }
    encoder.raw("]")
  }

  /// The members behind the packet's own.
  @inline(__always)
  private mutating func encodeCommon(
    _ place: PacketPlace, session: SessionState?, parser: SocketPacketParser = .text
  ) {
    encoder.member("bytes", place.wireBytes)
    if parser != .text { encoder.parserMember(parser) }
    if place.frames != 1 { encoder.member("frames", place.frames) }
    if place.isCompressed { encoder.member("compressed", true) }
    if session?.version == .v3 { encoder.member("eio", 3) }
  }

  /// That the payload is not whole, and where the rest will never come, that too.
  @inline(__always)
  mutating func encodeTruncation(_ place: PacketPlace) {
    guard place.isCut else { return }
    encoder.member("truncated", true)
    if place.isCutShort { encoder.member("cut_short", true) }
  }

  /// Pairs an ack and completes its record.
  ///
  /// - Returns: what it answers.
  @inline(__always)
  private mutating func recordAck(
    _ packet: SocketPacket, _ bytes: UnsafeRawBufferPointer, _ place: PacketPlace, _ session: SessionState,
    _ namespace: NamespaceID, at time: Timestamp, seq: UInt64
  ) -> AckMatch? {
    var match: AckMatch?
    if !place.isCutShort,
      let id = AckCorrelation.AckID(digits: UnsafeRawBufferPointer(rebasing: bytes[packet.idDigits]))
    {
      match = correlator.acknowledged(
        session: session.number, connection: place.connection, from: place.from, namespace: namespace, id: id,
        at: time,
        seq: RecordSeq(seq))
    }
    if let match {
      encoder.member("ack_of", match.emit.number)
      encoder.member("latency_us", UInt64(max(match.latency, 0)))
    }
    if let refusal = packet.refusal ?? packet.refusalElsewhere { encodeRefusal(refusal) }
    encodeTruncation(place)
    encoder.end()
    if let refusal = packet.refusal {
      correlator.packetRefused(
        session: session.number, from: place.from, refusal.reason.forCorrelation, at: time,
        seq: RecordSeq(seq))
    }
    return match
  }

  /// Tells the correlator of a packet that is no ack.
  @inline(__always)
  private mutating func tell(
    _ packet: SocketPacket, _ bytes: UnsafeRawBufferPointer, _ place: PacketPlace, _ session: SessionState,
    _ namespace: NamespaceID, at time: Timestamp, seq: UInt64
  ) {
    guard packet.type.isEvent else {
      if place.isCutShort { return }
      return tellOfNamespace(packet, bytes, place, session, namespace, at: time, seq: seq)
    }
    var emit = Emit(
      session: session.number, connection: place.connection, from: place.from, transport: place.transport,
      namespace: namespace,
      id: AckCorrelation.AckID(digits: UnsafeRawBufferPointer(rebasing: bytes[packet.idDigits])),
      seq: RecordSeq(seq), at: time)
    emit.messageBytes = place.messageBytes
    emit.batch = batch
    if let refusal = packet.refusal,
      refusal.refusedBy.contains(.newestJavaScript) || refusal.refusedBy.contains(.python)
    {
      emit.refusal = refusal.reason.forCorrelation
    }
    let event = packet.event ?? 0..<0
    let arguments = packet.arguments ?? packet.payload ?? 0..<0
    correlator.emitted(
      emit, event: UnsafeRawBufferPointer(rebasing: bytes[event]),
      arguments: UnsafeRawBufferPointer(rebasing: bytes[arguments]))
  }

  private mutating func tellOfNamespace(
    _ packet: SocketPacket, _ bytes: UnsafeRawBufferPointer, _ place: PacketPlace, _ session: SessionState,
    _ namespace: NamespaceID, at time: Timestamp, seq: UInt64
  ) {
    let seq = RecordSeq(seq)
    let payload = UnsafeRawBufferPointer(rebasing: bytes[packet.payload ?? 0..<0])
    if let refusal = packet.refusal {
      correlator.packetRefused(
        session: session.number, from: place.from, refusal.reason.forCorrelation, at: time, seq: seq)
    }
    switch (packet.type, place.from) {
    case (.connect, .client):
      let recovery = (try? JSONValue(parsing: payload))?["pid"]?.string ?? ""
      recovery.withBytes {
        correlator.connectRequested(
          session: session.number, namespace: namespace, recoveryID: $0, at: time, seq: seq)
      }
    case (.connect, .server):
      let data = try? JSONValue(parsing: payload)
      (data?["pid"]?.string ?? "").withBytes {
        correlator.connected(
          session: session.number, namespace: namespace, hasSid: data?["sid"]?.string != nil, recoveryID: $0,
          at: time,
          seq: seq)
      }
    case (.connectError, .server):
      correlator.connectRefused(
        session: session.number, namespace: namespace, payload: payload, at: time, seq: seq)
    case (.disconnect, _):
      correlator.disconnected(
        session: session.number, namespace: namespace, from: place.from, batch: batch, at: time, seq: seq)
    default:
      correlator.packetRefused(
        session: session.number, from: place.from, .unexpectedPacket, at: time, seq: seq)
    }
  }

  // MARK: what is no packet

  private mutating func recordRefused(
    _ refusal: PacketRefusal, _ bytes: UnsafeRawBufferPointer, _ place: PacketPlace, _ session: SessionState,
    at time: Timestamp
  ) {
    let seq = recordOpaque(bytes, place, refusal: place.isCutShort ? nil : refusal, at: time)
    if place.isCutShort { return }
    correlator.packetRefused(
      session: session.number, from: place.from, refusal.reason.forCorrelation, at: time, seq: RecordSeq(seq))
  }

  /// Records an engine message whose content is no socket packet.
  private mutating func recordOpaque(
    _ bytes: UnsafeRawBufferPointer, _ place: PacketPlace, refusal: PacketRefusal? = nil, at time: Timestamp
  ) -> UInt64 {
    totals.packets += 1
    let seq = encoder.begin("packet", at: time)
    encoder.members(place.origin)
    encoder.member("engine", word: "message")
    if String(validating: bytes, as: UTF8.self) != nil {
      encoder.member("text", brokenJSON: bytes)
    } else {
      encoder.member("base64", base64: bytes)
    }
    encodeCommon(place, session: place.session)
    if let refusal { encodeRefusal(refusal) }
    encodeTruncation(place)
    encoder.end()
    return seq
  }
}

extension PacketRefusal.Reason {
  /// The same reason in the correlator's words.
  var forCorrelation: Refusal {
    switch self {
    case .json, .notFinite: .malformedJSON
    case .eventNameReserved: .reservedName
    case .tooManyAttachments: .tooManyAttachments
    case .textWhileAttachmentsPending, .binaryWithoutPacket, .textAfterZeroAttachments,
      .binaryAfterZeroAttachments,
      .placeholderOutOfRange, .placeholderNotANumber, .attachmentsMissing:
      .brokenAttachments
    case .payloadNotAnArray, .eventNameMissing, .eventNameNotStringOrNumber, .connectPayloadNotAnObject,
      .payloadOnDisconnect, .connectErrorPayload:
      .badPayload
    default: .unexpectedPacket
    }
  }
}
