import JSONText

/// One record of a capture: slices of the line it stands in, read when asked.
///
/// A record is lent by a `CaptureRecordScanner`: it and every slice of it are valid until the scanner reads the next
/// line, and no longer than the line's bytes. Nothing here allocates, save where a `String` or a tree is asked for.
package struct CaptureRecord {
  /// What a record is about. Types of later versions are `other`: readers skip them.
  package enum Kind: UInt8, CaseIterable, Sendable {
    case capture, open, session, handshake, exchange, packet, message, control, verdict, finding, undecodable
    case gap, close, end, rotated, carried, other
  }

  /// Whose bytes a record is about.
  package enum Peer: UInt8, Sendable {
    case client, server

    /// The name as captures spell it.
    package var name: String { self == .client ? "client" : "server" }
  }

  /// How the bytes travelled.
  package enum Transport: UInt8, Sendable {
    case polling, websocket
  }

  /// What a packet is at the level of Socket.IO (PROTOCOL.md B.1).
  package enum SocketKind: UInt8, Sendable {
    case connect, disconnect, event, ack, connectError, binaryEvent, binaryAck
  }

  /// Where a member's value stands in the line.
  struct Slice {
    var start: UInt32
    var end: UInt32
  }

  /// The whole line, without its line break.
  package let line: UnsafeRawBufferPointer
  let slices: UnsafePointer<Slice>
  let present: UInt64
  /// What the record is about.
  package let kind: Kind
  /// The record's address in its capture.
  package let seq: Int
  /// When it happened.
  package let time: CaptureTimestamp
  /// The connection's number, where the record belongs to one.
  package let conn: Int?
  /// The session's number, where the record belongs to one.
  package let session: Int?
  /// Whose bytes these are, where they are anybody's.
  package let from: Peer?

  /// The JSON text of a member's value, quotes included, or nil where the record has no such member.
  @inline(__always)
  package subscript(member: CaptureRecordMember) -> UnsafeRawBufferPointer? {
    guard present & (1 << UInt64(member.rawValue)) != 0 else { return nil }
    let slice = slices[Int(member.rawValue)]
    return UnsafeRawBufferPointer(rebasing: line[Int(slice.start)..<Int(slice.end)])
  }

  /// The JSON text of any member's value, by a second walk over the line; for members that only few readers want.
  package func value(named name: StaticString) -> UnsafeRawBufferPointer? {
    var scanner = JSONScanner(line)
    var found: Range<Int>?
    do throws(JSONFault) {
      try scanner.enterObject()
      var isFirst = true
      while let member = try scanner.nextMember(&isFirst) {
        let value = try scanner.skipValue()
        if JSONString.literal(UnsafeRawBufferPointer(rebasing: line[member]), equals: name) { found = value }
      }
    } catch {
      // The scanner that made this record has accepted the line; a shortened copy would end up here.
      return nil
    }
    return found.map { UnsafeRawBufferPointer(rebasing: line[$0]) }
  }

  /// A whole number, or nil where the member is absent, of another kind, or too large.
  @inline(__always)
  package func integer(_ member: CaptureRecordMember) -> Int? {
    self[member].flatMap(Self.integer)
  }

  /// The text of a JSON string, or nil where the member is absent or of another kind.
  package func string(_ member: CaptureRecordMember) -> String? {
    guard let literal = self[member], literal.first == 0x22 else { return nil }
    return JSONString.decode(literal)
  }

  /// Whether the member is a JSON string that spells exactly `text`.
  @inline(__always)
  package func member(_ member: CaptureRecordMember, equals text: StaticString) -> Bool {
    guard let literal = self[member], literal.first == 0x22 else { return false }
    return JSONString.literal(literal, equals: text)
  }

  /// Whether the member is `true`.
  package func isTrue(_ member: CaptureRecordMember) -> Bool {
    self[member]?.first == 0x74
  }

  /// What the packet is, or nil where it carries no Socket.IO packet or one that this version does not know.
  package var socketKind: SocketKind? {
    guard let literal = self[.socket], literal.count >= 5, literal[0] == 0x22 else { return nil }
    // Told apart by length and first letter; a new kind of the same shape would need a new schema.
    switch (literal.count, literal[1]) {
    case (7, 0x65): return .event
    case (5, 0x61): return .ack
    case (14, 0x62): return .binaryEvent
    case (12, 0x62): return .binaryAck
    case (9, 0x63): return .connect
    case (12, 0x64): return .disconnect
    case (15, 0x63): return .connectError
    default: return nil
    }
  }

  /// How the bytes travelled, where the record tells.
  package var transport: Transport? {
    guard let literal = self[.transport], literal.count > 2 else { return nil }
    return literal[1] == 0x70 ? .polling : literal[1] == 0x77 ? .websocket : nil
  }

  /// The size in bytes of each attachment, in order, found without decoding it; stops where `body` returns false.
  package func forEachAttachmentSize(_ body: (Int) -> Bool) {
    guard let array = self[.attachments] else { return }
    var scanner = JSONScanner(array)
    do throws(JSONFault) {
      try scanner.enterArray()
      var isFirst = true
      while try scanner.nextElement(&isFirst) {
        let element = try scanner.skipValue()
        guard array[element.lowerBound] == 0x22 else { continue }
        let text = array[element.lowerBound + 1..<element.upperBound - 1]
        let padding = text.suffix(2).reduce(into: 0) { count, byte in if byte == 0x3D { count += 1 } }
        if !body(max(0, text.count / 4 * 3 - padding)) { return }
      }
    } catch {
      // Not an array: there are no attachments to measure.
      return
    }
  }

  @inline(__always)
  static func integer(_ literal: UnsafeRawBufferPointer) -> Int? {
    var index = 0
    let isNegative = literal.first == 0x2D
    if isNegative { index = 1 }
    // 18 digits always fit; a longer number is no count, number or duration of a capture.
    guard index < literal.count, literal.count &- index <= 18 else { return nil }
    var value = 0
    while index < literal.count {
      let digit = literal[index] &- 0x30
      guard digit <= 9 else { return nil }
      value = value &* 10 &+ Int(digit)
      index &+= 1
    }
    return isNegative ? -value : value
  }
}
