import JSONText

/// Reads a packet of the msgpack parser (PROTOCOL.md C.1) and writes it down as the text packet that it equals.
enum MsgpackPacketReader {
  /// Where the members of a packet map stand; of duplicates the last, as in a JavaScript object.
  private struct Members {
    var type: Range<Int>?
    var namespace: Range<Int>?
    var data: Range<Int>?
    var id: Range<Int>?
  }

  /// Whether a binary message is a msgpack packet: a map with `type` and `nsp`.
  static func recognises(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard let members = try? scan(bytes).members else { return false }
    return members.type != nil && members.namespace != nil
  }

  /// Reads a packet; its slices are of the text written to `assembly`.
  ///
  /// When it throws, `packet` and `assembly` hold what was read until then.
  static func read(
    _ bytes: UnsafeRawBufferPointer, limits: SocketPacketLimits, into packet: inout SocketPacket,
    text assembly: inout PacketAssembly
  ) throws(PacketRefusal) {
    packet.parser = .msgpack
    let (members, end) = try scan(bytes)
    guard let typeRange = members.type, let namespaceRange = members.namespace else {
      throw PacketRefusal(.notAPacketMap, at: 0)
    }
    guard let number = try integer(bytes, typeRange), let digit = UInt8(exactly: number), digit <= 4,
      let type = SocketPacketType(rawValue: digit)
    else { throw PacketRefusal(.packetTypeOutOfRange, at: typeRange.lowerBound) }
    packet.type = type
    assembly.writableText.append(0x30 + digit)
    try writeNamespace(bytes, namespaceRange, into: &packet, text: &assembly)
    try writeID(bytes, members.id, into: &packet, text: &assembly)
    try writeData(bytes, members.data, limits: limits, into: &packet, text: &assembly)
    packet.attachmentCount = assembly.attachmentCount
    if end < bytes.count { refuse(&packet, .bytesAfterMap, at: end) }
  }

  private static func scan(
    _ bytes: UnsafeRawBufferPointer
  ) throws(PacketRefusal) -> (members: Members, end: Int) {
    var scanner = MsgpackScanner(bytes)
    guard case .map(let count) = try scanner.next() else { throw PacketRefusal(.notAPacketMap, at: 0) }
    var members = Members()
    for _ in 0..<count {
      let key = try scanner.skipValue()
      let value = try scanner.skipValue()
      var keyScanner = MsgpackScanner(UnsafeRawBufferPointer(rebasing: bytes[key]))
      guard case .string(let name) = try keyScanner.next() else { continue }
      let text = UnsafeRawBufferPointer(rebasing: keyScanner.bytes[name])
      if text.elementsEqual("type".utf8) {
        members.type = value
      } else if text.elementsEqual("nsp".utf8) {
        members.namespace = value
      } else if text.elementsEqual("data".utf8) {
        members.data = value
      } else if text.elementsEqual("id".utf8) {
        members.id = value
      }
    }
    return (members, scanner.position)
  }

  private static func item(
    _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>
  ) throws(PacketRefusal) -> MsgpackItem {
    var scanner = MsgpackScanner(bytes)
    scanner.position = range.lowerBound
    return try scanner.next()
  }

  /// The integer that `Number.isInteger` sees, floats without a fraction included; nil for everything else.
  private static func integer(
    _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>
  ) throws(PacketRefusal) -> Int64? {
    switch try item(bytes, range) {
    case .integer(let value): value
    case .float(let value): JavaScriptNumber.integer(value)
    default: nil
    }
  }

  /// Undefined is written as an extension of one zero byte, and means that the member is absent.
  private static func isUndefined(_ item: MsgpackItem) -> Bool {
    if case .ext(0, let range, true) = item { range.count == 1 } else { false }
  }

  private static func writeNamespace(
    _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, into packet: inout SocketPacket,
    text assembly: inout PacketAssembly
  ) throws(PacketRefusal) {
    guard case .string(let name) = try item(bytes, range) else {
      throw PacketRefusal(.namespaceNotAString, at: range.lowerBound)
    }
    let text = UnsafeRawBufferPointer(rebasing: bytes[name])
    if text.elementsEqual("/".utf8) { return }
    let start = assembly.text.count
    assembly.writableText.append(text)
    packet.setNamespace(start..<assembly.text.count, in: assembly.text, revision: .five)
    assembly.writableText.append(0x2C)
  }

  private static func writeID(
    _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>?, into packet: inout SocketPacket,
    text assembly: inout PacketAssembly
  ) throws(PacketRefusal) {
    guard let range else { return }
    let item = try item(bytes, range)
    if isUndefined(item) { return }
    let start = assembly.text.count
    if case .largeInteger(let value) = item {
      assembly.writableText.append(decimal: value)
    } else if let value = try integer(bytes, range) {
      assembly.writableText.append(decimal: Int(value))
    } else {
      refuse(&packet, .idNotAnInteger, at: range.lowerBound)
      return
    }
    packet.idDigits = start..<assembly.text.count
    packet.id = AckID(digits: UnsafeRawBufferPointer(rebasing: assembly.text[packet.idDigits]))
  }

  private static func writeData(
    _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>?, limits: SocketPacketLimits,
    into packet: inout SocketPacket, text assembly: inout PacketAssembly
  ) throws(PacketRefusal) {
    let item: MsgpackItem?
    if let range {
      let found = try Self.item(bytes, range)
      item = isUndefined(found) ? nil : found
    } else {
      item = nil
    }
    if let reason = dataFault(item, of: packet.type) {
      refuse(&packet, reason, at: range?.lowerBound ?? 0)
    }
    guard let item, let range else { return }
    var scanner = MsgpackScanner(bytes)
    scanner.position = range.lowerBound
    var writer = MsgpackWriter(limits: limits)
    let start = assembly.text.count
    do throws(PacketRefusal) {
      if case .array(let count) = item, packet.type.isEvent || packet.type.isAck {
        _ = try scanner.next()
        try writeArray(count, &scanner, &writer, into: &packet, text: &assembly)
      } else {
        try writer.write(&scanner, to: &assembly)
      }
    } catch {
      guard error.reason == .tooLarge || error.reason == .tooDeep else { throw error }
      // The head is known and enough for pairing.
      packet.isTruncated = true
      packet.arguments = nil
    }
    packet.payload = start..<assembly.text.count
    packet.hasMembers = writer.metMembers || packet.isTruncated
  }

  private static func writeArray(
    _ count: Int, _ scanner: inout MsgpackScanner, _ writer: inout MsgpackWriter,
    into packet: inout SocketPacket,
    text assembly: inout PacketAssembly
  ) throws(PacketRefusal) {
    assembly.writableText.append(0x5B)
    var argumentsStart = assembly.text.count
    for index in 0..<count {
      if index > 0 { assembly.writableText.append(0x2C) }
      let element = assembly.text.count
      if index == 1, packet.event != nil { argumentsStart = element }
      try writer.write(&scanner, to: &assembly)
      if index == 0, packet.type.isEvent, isName(assembly.text[element]) {
        packet.event = element..<assembly.text.count
        argumentsStart = assembly.text.count
      }
    }
    packet.arguments = argumentsStart..<assembly.text.count
    assembly.writableText.append(0x5D)
  }

  /// Whether a JSON value that starts with that byte can name an event.
  private static func isName(_ byte: UInt8) -> Bool {
    byte == 0x22 || byte == 0x2D || byte &- 0x30 < 10
  }

  /// The rule that the data breaks; nil where none. Nothing is asked of event names.
  private static func dataFault(_ item: MsgpackItem?, of type: SocketPacketType) -> PacketRefusal.Reason? {
    var isMap = false
    var isArray = false
    var isString = false
    switch item {
    case .map: isMap = true
    case .array: isArray = true
    case .string: isString = true
    default: break
    }
    switch type {
    case .connect: return item == nil || isMap ? nil : .connectPayloadNotAnObject
    case .disconnect: return item == nil ? nil : .payloadOnDisconnect
    case .connectError: return isMap || isString ? nil : .connectErrorPayload
    default: return isArray ? nil : .payloadNotAnArray
    }
  }

  private static func refuse(_ packet: inout SocketPacket, _ reason: PacketRefusal.Reason, at offset: Int) {
    guard packet.refusal == nil else { return }
    // This parser has made its checks since its first version.
    packet.refusal = PacketRefusal(reason, at: offset, by: reason == .bytesAfterMap ? .all : .javaScript)
  }
}
