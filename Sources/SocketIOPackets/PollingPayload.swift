import JSONText

/// The Engine.IO packets of one long-polling body, response or request alike (PROTOCOL.md A.4, A.6).
package struct PollingPayload: Sendable {
  /// The packets that a receiver would be given, in order; payloads are slices of the body.
  package private(set) var packets: [EnginePacket] = []
  /// Why decoding stopped before the end of the body, or nil. The packets before it were delivered.
  package private(set) var refusal: PacketRefusal?

  /// Decodes a whole body, content encoding and JSONP removed.
  ///
  /// - Parameters:
  ///   - isBinary: true for the length-prefixed binary form of Engine.IO 3, see `isBinaryForm`. Revision 4 has no
  ///     such form and decodes the bytes as text.
  ///   - limit: how many packets are decoded at most. A body of one-byte packets would otherwise cost many times its
  ///     own size in memory.
  package init(
    body: UnsafeRawBufferPointer, version: EngineIOVersion, isBinary: Bool, limit: Int = 65_536
  ) {
    do throws(PacketRefusal) {
      switch version {
      case .v4: try decodeSeparated(body, limit: limit)
      case .v3 where isBinary: try decodeBinary(body, limit: limit)
      case .v3: try decodeLengths(body, limit: limit)
      }
    } catch {
      refusal = error
    }
  }

  /// Whether an Engine.IO 3 body has the binary form: by its content type, or without one by its first byte.
  package static func isBinaryForm(contentType: String?, body: UnsafeRawBufferPointer) -> Bool {
    if let contentType {
      return contentType.utf8.lazy.map { $0 | 0x20 }.starts(with: "application/octet-stream".utf8)
    }
    guard let first = body.first else { return false }
    return first <= 1
  }

  private mutating func append(_ packet: EnginePacket, limit: Int, at offset: Int) throws(PacketRefusal) {
    guard packets.count < limit else { throw PacketRefusal(.tooManyPackets, at: offset) }
    packets.append(packet)
  }

  /// Revision 4: packets joined by U+001E.
  private mutating func decodeSeparated(_ body: UnsafeRawBufferPointer, limit: Int) throws(PacketRefusal) {
    guard !body.isEmpty else { throw PacketRefusal(.emptyBody, at: 0) }
    var start = 0
    while true {
      var end = start
      while end < body.count, body[end] != 0x1E { end &+= 1 }
      let packet = try EngineIO.packet(body, in: start..<end, isText: true, version: .v4)
      try append(packet, limit: limit, at: start)
      if end == body.count { return }
      start = end + 1
    }
  }

  /// Revision 3, text form: `<length>:<packet>`, the length in UTF-16 code units.
  private mutating func decodeLengths(_ body: UnsafeRawBufferPointer, limit: Int) throws(PacketRefusal) {
    guard !body.isEmpty else { throw PacketRefusal(.emptyBody, at: 0) }
    var position = 0
    while position < body.count {
      var colon = position
      while colon < body.count, body[colon] != 0x3A { colon &+= 1 }
      guard colon < body.count else { throw PacketRefusal(.lengthNotTerminated, at: position) }
      guard colon > position else { throw PacketRefusal(.lengthMissing, at: position) }
      guard case .whole(let length) = JavaScriptNumber.count(body, in: position..<colon) else {
        throw PacketRefusal(.lengthNotANumber, at: position)
      }
      let end = try Self.end(ofUnits: length, from: colon + 1, in: body, announcedAt: position)
      // An empty list is written `0:`, so an empty packet is none rather than an error.
      if length > 0 {
        let packet = try EngineIO.packet(body, in: colon + 1..<end, isText: true, version: .v3)
        try append(packet, limit: limit, at: position)
      }
      position = end
    }
  }

  /// The byte offset `length` UTF-16 code units behind `start`. Bytes that are not UTF-8 count as one unit each, for
  /// a JavaScript receiver replaces them.
  private static func end(
    ofUnits length: Int, from start: Int, in body: UnsafeRawBufferPointer, announcedAt offset: Int
  ) throws(PacketRefusal) -> Int {
    // A unit takes a byte at least.
    guard length <= body.count - start else { throw PacketRefusal(.lengthOverrunsBody, at: offset) }
    var position = start
    var left = length
    while left > 0 {
      guard position < body.count else { throw PacketRefusal(.lengthOverrunsBody, at: offset) }
      let byte = body[position]
      if byte < 0x80 {
        position &+= 1
        left &-= 1
        continue
      }
      let size = max(validUTF8Length(body, at: position), 1)
      let units = size == 4 ? 2 : 1
      // The half of a pair cannot be given as a slice. JavaScript delivers it and then fails on the other half.
      guard units <= left else { throw PacketRefusal(.lengthSplitsCharacter, at: position) }
      position &+= size
      left &-= units
    }
    return position
  }

  /// Revision 3, binary form: a byte 0 (text) or 1 (binary), decimal digits as bytes 0 to 9, 0xFF, the packet.
  private mutating func decodeBinary(_ body: UnsafeRawBufferPointer, limit: Int) throws(PacketRefusal) {
    // Receivers cut the whole body before they look at any packet, so a broken length loses them all.
    var items: [(isText: Bool, range: Range<Int>)] = []
    var position = 0
    while position < body.count {
      guard items.count < limit else { throw PacketRefusal(.tooManyPackets, at: position) }
      let isText = body[position] == 0
      var index = position + 1
      var length = 0
      while index < body.count, body[index] != 0xFF {
        guard body[index] < 10 else { throw PacketRefusal(.lengthNotANumber, at: index) }
        guard index - position <= 310 else { throw PacketRefusal(.lengthNotTerminated, at: position) }
        // Saturating: what is longer than the body is cut to it anyway.
        length = length > body.count ? length : length * 10 + Int(body[index])
        index += 1
      }
      guard index < body.count else { throw PacketRefusal(.lengthNotTerminated, at: position) }
      guard index > position + 1 else { throw PacketRefusal(.lengthMissing, at: position) }
      let start = index + 1
      // A short last item is taken as it is, without error.
      let end = start + min(length, body.count - start)
      items.append((isText, start..<end))
      position = end
    }
    for item in items {
      packets.append(try EngineIO.packet(body, in: item.range, isText: item.isText, version: .v3))
    }
  }
}
