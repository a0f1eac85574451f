import JSONText

/// Reads a packet of the JSON-only parser: one object in a text message (PROTOCOL.md C.2).
enum JSONPacketReader {
  /// A member that counts: what it is and where its value stands.
  private struct Member {
    var kind: JSONKind
    var value: Range<Int>
  }

  /// The members of a packet object; of duplicates the last.
  private struct Members {
    var type: Member?
    var namespace: Member?
    var data: Member?
    var id: Member?
  }

  /// Whether a text is a JSON packet: an object with `type` and `nsp`.
  static func recognises(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard let members = try? scan(bytes) else { return false }
    return members.type != nil && members.namespace != nil
  }

  /// Reads a packet. When it throws, `packet` holds what was read until then.
  ///
  /// - Returns: nil where the packet's slices are of `bytes`. Else the namespace is escaped or the id is an integer
  ///   in an unusual spelling, and the packet is only whole once `rewrite` has written them out.
  static func read(
    _ bytes: UnsafeRawBufferPointer, into packet: inout SocketPacket
  ) throws(PacketRefusal) -> Rewrite? {
    packet.parser = .json
    let members: Members
    do throws(JSONFault) { members = try scan(bytes) } catch { throw PacketRefusal(error, in: bytes) }
    guard let type = members.type, let namespace = members.namespace else {
      throw PacketRefusal(.notAPacketObject, at: 0)
    }
    guard type.kind == .number, case .whole(let number) = JavaScriptNumber.count(bytes, in: type.value),
      number <= 4, let packetType = SocketPacketType(rawValue: UInt8(number))
    else { throw PacketRefusal(.packetTypeOutOfRange, at: type.value.lowerBound) }
    packet.type = packetType
    guard namespace.kind == .string else {
      throw PacketRefusal(.namespaceNotAString, at: namespace.value.lowerBound)
    }
    var rewrite = Rewrite()
    let name = namespace.value.lowerBound + 1..<namespace.value.upperBound - 1
    if bytes[name].contains(0x5C) {
      rewrite.namespace = namespace.value
    } else {
      packet.setNamespace(name, in: bytes, revision: .five)
    }
    if let id = members.id { readID(bytes, id, into: &packet, rewrite: &rewrite) }
    try readData(bytes, members.data, into: &packet)
    return rewrite.isNeeded ? rewrite : nil
  }

  /// What has to be written anew for a packet's slices to be plain.
  struct Rewrite {
    /// The literal of an escaped namespace.
    var namespace: Range<Int>?
    /// An id that is spelled like `1e2`.
    var id: Int?

    var isNeeded: Bool { namespace != nil || id != nil }
  }

  /// Writes the namespace and the id in plain form behind a copy of `bytes`, and lets the packet point there.
  static func rewrite(
    _ bytes: UnsafeRawBufferPointer, _ rewrite: Rewrite, packet: inout SocketPacket, text: inout ByteSink
  ) {
    text.append(bytes)
    if let literal = rewrite.namespace {
      let start = text.count
      text.append(JSONString.decode(UnsafeRawBufferPointer(rebasing: bytes[literal])))
      packet.setNamespace(start..<text.count, in: text.bytes, revision: .five)
    }
    if let id = rewrite.id {
      let start = text.count
      text.append(decimal: id)
      packet.idDigits = start..<text.count
      packet.id = AckID(digits: UnsafeRawBufferPointer(rebasing: text.bytes[packet.idDigits]))
    }
  }

  private static func scan(_ bytes: UnsafeRawBufferPointer) throws(JSONFault) -> Members {
    var scanner = JSONScanner(bytes)
    var members = Members()
    try scanner.enterObject()
    var isFirst = true
    while let name = try scanner.nextMember(&isFirst) {
      let kind = try scanner.peekKind()
      let member = Member(kind: kind, value: try scanner.skipValue())
      let literal = UnsafeRawBufferPointer(rebasing: bytes[name])
      if JSONString.literal(literal, equals: "type") {
        members.type = member
      } else if JSONString.literal(literal, equals: "nsp") {
        members.namespace = member
      } else if JSONString.literal(literal, equals: "data") {
        members.data = member
      } else if JSONString.literal(literal, equals: "id") {
        members.id = member
      }
    }
    try scanner.expectEnd()
    return members
  }

  private static func readID(
    _ bytes: UnsafeRawBufferPointer, _ id: Member, into packet: inout SocketPacket, rewrite: inout Rewrite
  ) {
    let digits = bytes[id.value].first == 0x2D ? id.value.dropFirst() : id.value
    if id.kind == .number, digits.allSatisfy({ bytes[$0] &- 0x30 < 10 }) {
      packet.idDigits = id.value
      packet.id = AckID(digits: UnsafeRawBufferPointer(rebasing: bytes[id.value]))
    } else if id.kind == .number, case .whole(let number) = JavaScriptNumber.count(bytes, in: id.value) {
      rewrite.id = number
    } else {
      refuse(&packet, .idNotAnInteger, at: id.value.lowerBound)
    }
  }

  private static func readData(
    _ bytes: UnsafeRawBufferPointer, _ data: Member?, into packet: inout SocketPacket
  ) throws(PacketRefusal) {
    if let reason = dataFault(data?.kind, of: packet.type) {
      refuse(&packet, reason, at: data?.value.lowerBound ?? 0)
    }
    guard let data else { return }
    packet.payload = data.value
    var scanner = JSONScanner(
      UnsafeRawBufferPointer(rebasing: bytes[..<data.value.upperBound]), from: data.value.lowerBound)
    do throws(JSONFault) {
      if data.kind == .array, packet.type.isEvent || packet.type.isAck {
        try TextPacketReader.readArray(&scanner, checksNames: false, revision: .five, into: &packet)
      } else {
        try scanner.skipValue()
      }
    } catch {
      throw PacketRefusal(error, in: bytes)
    }
    packet.hasMembers = scanner.metMembers
    packet.hasLineBreaks = scanner.metLineBreaks
  }

  /// The rule that the data breaks; nil where none. Nothing is asked of event names.
  private static func dataFault(_ kind: JSONKind?, of type: SocketPacketType) -> PacketRefusal.Reason? {
    switch type {
    case .connect: kind == nil || kind == .object ? nil : .connectPayloadNotAnObject
    case .disconnect: kind == nil ? nil : .payloadOnDisconnect
    case .connectError: kind == .object ? nil : .connectErrorPayload
    default: kind == .array ? nil : .payloadNotAnArray
    }
  }

  private static func refuse(_ packet: inout SocketPacket, _ reason: PacketRefusal.Reason, at offset: Int) {
    if packet.refusal == nil { packet.refusal = PacketRefusal(reason, at: offset, by: .javaScript) }
  }
}
