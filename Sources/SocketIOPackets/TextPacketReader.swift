import JSONText

/// Reads the text form of a packet exactly as the reference decoder does, quirks included (PROTOCOL.md B.1).
enum TextPacketReader {
  /// What became of a text.
  enum Outcome {
    /// The packet is filled in.
    case read
    /// White space stands where the id belongs, without a digit: JavaScript reads it as id 0.
    case blankID(Range<Int>)
  }

  /// Fills `packet` from `bytes`. When it throws, the packet holds what was read until then.
  ///
  /// - Parameter isWhole: false where only the beginning of the text was kept: its JSON is then neither checked nor
  ///   complete.
  static func read(
    _ bytes: UnsafeRawBufferPointer, revision: SocketIORevision, isWhole: Bool,
    into packet: inout SocketPacket
  ) throws(PacketRefusal) -> Outcome {
    // `Number("")` is 0, and 0 is CONNECT.
    guard bytes.count > 0 else { return .read }
    guard let type = SocketPacketType(rawValue: bytes[0] &- 0x30) else {
      // The revision 4 decoder makes a local ERROR packet of it and goes on.
      throw PacketRefusal(.unknownPacketType, at: 0, by: revision == .four ? [] : nil)
    }
    packet.type = type
    var position = 1
    if type.hasAttachments {
      position = try readAttachmentCount(bytes, into: &packet)
    }
    if position < bytes.count, bytes[position] == 0x2F {
      let start = position
      while position < bytes.count, bytes[position] != 0x2C { position &+= 1 }
      packet.setNamespace(start..<position, in: bytes, revision: revision)
      if position < bytes.count { position &+= 1 }
    }
    let idStart = position
    position = readID(bytes, from: position, into: &packet)
    // Only white space can go on where the digits ended; nothing else between two JSON tokens is below a blank.
    if position < bytes.count, bytes[position] <= 0x20 || bytes[position] >= 0x80,
      JavaScriptNumber.whitespaceLength(bytes, at: position) > 0
    {
      position = readSpacedID(bytes, from: idStart, into: &packet)
      if packet.id == nil, packet.refusalElsewhere?.reason != .idNotANumber {
        return .blankID(idStart..<position)
      }
    }
    // No rest, no check: a bare type is a packet of every kind.
    guard position < bytes.count else {
      if !isWhole { markTruncated(&packet, atID: true) }
      return .read
    }
    packet.payload = position..<bytes.count
    // Until the payload is walked through, it may hold anything.
    packet.hasMembers = true
    packet.hasLineBreaks = true
    var scanner = JSONScanner(bytes, from: position)
    do throws(JSONFault) {
      try readPayload(&scanner, revision: revision, into: &packet)
      packet.hasMembers = scanner.metMembers
      packet.hasLineBreaks = scanner.metLineBreaks
    } catch {
      if !isWhole, error.reason == .unexpectedEnd {
        markTruncated(&packet, atID: false)
        return .read
      }
      throw refusal(PacketRefusal(error, in: bytes), of: bytes)
    }
    return .read
  }

  /// A refusal by JavaScript, with Python taken out where it reads the same text.
  private static func refusal(_ refusal: PacketRefusal, of bytes: UnsafeRawBufferPointer) -> PacketRefusal {
    var refusal = refusal
    if refusal.reason != .tooDeep {
      refusal.refusedBy = PythonReader.accepts(bytes) ? .javaScript : .all
    }
    return refusal
  }

  /// - Parameter atID: whether the text breaks off where digits of the id may be missing.
  private static func markTruncated(_ packet: inout SocketPacket, atID: Bool) {
    packet.isTruncated = true
    packet.arguments = nil
    if atID {
      packet.id = nil
      packet.idDigits = 0..<0
    }
  }

  // MARK: attachments and id

  /// Reads `<count>-` behind the type; returns the position behind the dash.
  private static func readAttachmentCount(
    _ bytes: UnsafeRawBufferPointer, into packet: inout SocketPacket
  ) throws(PacketRefusal) -> Int {
    var dash = 1
    while dash < bytes.count, bytes[dash] != 0x2D { dash &+= 1 }
    guard dash < bytes.count else {
      throw refusal(PacketRefusal(.attachmentCountNotTerminated, at: 1), of: bytes)
    }
    guard case .whole(let count) = JavaScriptNumber.count(bytes, in: 1..<dash) else {
      throw refusal(PacketRefusal(.attachmentCountNotANumber, at: 1), of: bytes)
    }
    packet.attachmentCount = count
    if count > 10 { packet.refusal = PacketRefusal(.tooManyAttachments, at: 1) }
    if dash == 1 || dash > 11 || bytes[1..<dash].contains(where: { $0 &- 0x30 > 9 }) {
      packet.refusalElsewhere = PacketRefusal(.attachmentCountNotANumber, at: 1, by: .python)
    }
    return dash + 1
  }

  @inline(__always)
  private static func readID(
    _ bytes: UnsafeRawBufferPointer, from start: Int, into packet: inout SocketPacket
  ) -> Int {
    var position = start
    while position < bytes.count, bytes[position] &- 0x30 < 10 { position &+= 1 }
    if position > start { setID(bytes, start..<position, in: &packet) }
    return position
  }

  @inline(__always)
  private static func setID(
    _ bytes: UnsafeRawBufferPointer, _ digits: Range<Int>, in packet: inout SocketPacket
  ) {
    var first = digits.lowerBound
    while first &+ 1 < digits.upperBound, bytes[first] == 0x30 { first &+= 1 }
    packet.idDigits = first..<digits.upperBound
    packet.id = AckID(digits: UnsafeRawBufferPointer(rebasing: bytes[packet.idDigits]))
  }

  /// Reads an id with white space in it, which counts as digits. Around the digits it is of no effect; between
  /// them it makes the id `NaN`, which no ack can answer.
  private static func readSpacedID(
    _ bytes: UnsafeRawBufferPointer, from start: Int, into packet: inout SocketPacket
  ) -> Int {
    packet.id = nil
    packet.idDigits = 0..<0
    var runs = 0
    var position = start
    while position < bytes.count {
      let space = JavaScriptNumber.whitespaceLength(bytes, at: position)
      if space > 0 {
        position += space
        continue
      }
      let runStart = position
      while position < bytes.count, bytes[position] &- 0x30 < 10 { position &+= 1 }
      if position == runStart { break }
      runs += 1
      if runs == 1 { setID(bytes, runStart..<position, in: &packet) }
    }
    if runs > 1 {
      packet.id = nil
      packet.idDigits = 0..<0
      packet.refusalElsewhere = PacketRefusal(.idNotANumber, at: start)
    }
    return position
  }

  // MARK: payload

  private static func readPayload(
    _ scanner: inout JSONScanner, revision: SocketIORevision, into packet: inout SocketPacket
  ) throws(JSONFault) {
    let start = scanner.position
    let kind = try scanner.peekKind()
    if kind == .array, packet.type.isEvent || packet.type.isAck {
      try readArray(&scanner, checksNames: true, revision: revision, into: &packet)
      packet.payload = start..<scanner.position
    } else {
      packet.payload = try scanner.skipValue()
      if let reason = payloadFault(kind, of: packet.type, revision: revision), packet.refusal == nil {
        // Older parsers of revision 5 ask for `typeof value === "object"`, which arrays and null pass.
        let passesOlder =
          (kind == .array || kind == .null)
          && (reason == .connectPayloadNotAnObject || reason == .connectErrorPayload)
        packet.refusal = PacketRefusal(reason, at: start, by: passesOlder ? .newestJavaScript : .javaScript)
      }
    }
    try scanner.expectEnd()
  }

  /// Finds the event name and the arguments in the array at the scanner's position.
  ///
  /// - Parameter checksNames: false for parsers that take any event name, or none.
  static func readArray(
    _ scanner: inout JSONScanner, checksNames: Bool, revision: SocketIORevision,
    into packet: inout SocketPacket
  ) throws(JSONFault) {
    try scanner.enterArray()
    let inside = scanner.position
    var isFirst = true
    var hasMore = try scanner.nextElement(&isFirst)
    if packet.type.isEvent {
      if hasMore {
        let kind = try scanner.peekKind()
        if kind == .string || kind == .number {
          let name = try scanner.skipValue()
          packet.event = name
          if checksNames, revision == .five, kind == .string, EventName.isReserved(scanner.bytes, name) {
            refuse(&packet, .eventNameReserved, at: name.lowerBound)
          }
          hasMore = try scanner.nextElement(&isFirst)
        } else if checksNames {
          refuse(&packet, .eventNameNotStringOrNumber, at: scanner.position)
        }
      } else if checksNames {
        refuse(&packet, .eventNameMissing, at: inside)
      }
    }
    guard hasMore else {
      let bracket = scanner.position - 1
      packet.arguments = bracket..<bracket
      return
    }
    var arguments = try scanner.skipValue()
    while try scanner.nextElement(&isFirst) {
      arguments = arguments.lowerBound..<(try scanner.skipValue()).upperBound
    }
    packet.arguments = arguments
  }

  /// The rule that a payload of that kind breaks; nil where none.
  private static func payloadFault(
    _ kind: JSONKind, of type: SocketPacketType, revision: SocketIORevision
  ) -> PacketRefusal.Reason? {
    // Revision 4 asks for `typeof payload === "object"`, which arrays and null pass.
    let isObject = kind == .object || (revision == .four && (kind == .array || kind == .null))
    switch type {
    case .connect: return isObject ? nil : .connectPayloadNotAnObject
    case .disconnect: return .payloadOnDisconnect
    case .event, .binaryEvent, .ack, .binaryAck: return .payloadNotAnArray
    case .connectError: return isObject || kind == .string ? nil : .connectErrorPayload
    }
  }

  /// Notes the first fault; later ones say nothing new.
  private static func refuse(_ packet: inout SocketPacket, _ reason: PacketRefusal.Reason?, at offset: Int) {
    if let reason, packet.refusal == nil { packet.refusal = PacketRefusal(reason, at: offset) }
  }
}
