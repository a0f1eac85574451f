import JSONText

/// Why a line of a capture is not a record, and at which byte of the line.
package struct CaptureRecordFault: Error, Equatable, Sendable, CustomStringConvertible {
  /// What is wrong, in words for people.
  package var reason: String
  /// Bytes from the line's start.
  package var offset: Int

  package var description: String { reason }
}

/// Finds the members of records, one line after another, in one walk over each line.
///
/// Any order of members is read, unknown members are skipped, and of two members with one name the last counts, as
/// `JSON.parse` has it. The line is checked to be one JSON object, well-formed to its end.
package struct CaptureRecordScanner: ~Copyable {
  private let slices: UnsafeMutablePointer<CaptureRecord.Slice>

  package init() {
    let count = CaptureRecordMember.allCases.count
    precondition(count <= 64, "the members' bits must fit into one word")
    slices = .allocate(capacity: count)
    slices.initialize(repeating: CaptureRecord.Slice(start: 0, end: 0), count: count)
  }

  deinit { slices.deallocate() }

  /// The record that stands in `line` (without its line break); valid until the next call.
  package mutating func record(
    in line: UnsafeRawBufferPointer
  ) throws(CaptureRecordFault) -> CaptureRecord {
    guard line.count <= Int(UInt32.max) else {
      throw CaptureRecordFault(reason: "a line longer than 4 GiB", offset: 0)
    }
    var present: UInt64 = 0
    do throws(JSONFault) {
      present = try members(of: line)
    } catch {
      throw CaptureRecordFault(reason: error.reason.rawValue, offset: error.offset)
    }

    guard let type = value(.type, present, line), type.first == 0x22 else {
      throw CaptureRecordFault(reason: "a record without \"type\"", offset: 0)
    }
    guard let seq = try number(.seq, present, line) else {
      throw CaptureRecordFault(reason: "a record without \"seq\"", offset: 0)
    }
    guard let ts = value(.ts, present, line), ts.first == 0x22 else {
      throw CaptureRecordFault(reason: "a record without \"ts\"", offset: 0)
    }
    guard
      let time = CaptureTimestamp(parsing: UnsafeRawBufferPointer(rebasing: ts[1..<ts.count - 1]))
    else {
      throw CaptureRecordFault(
        reason: "\"ts\" is not an RFC 3339 time in UTC", offset: offset(of: .ts))
    }
    return CaptureRecord(
      line: line, slices: UnsafePointer(slices), present: present, kind: Self.kind(type), seq: seq,
      time: time,
      conn: try number(.conn, present, line), session: try number(.session, present, line),
      from: try peer(present, line))
  }

  private func members(of line: UnsafeRawBufferPointer) throws(JSONFault) -> UInt64 {
    var scanner = JSONScanner(line)
    var present: UInt64 = 0
    try scanner.enterObject()
    var isFirst = true
    while true {
      let name: Range<Int>
      if !isFirst, let compact = Self.compactName(in: line, at: scanner.position) {
        name = compact
        scanner.position = compact.upperBound &+ 1
      } else if let other = try scanner.nextMember(&isFirst) {
        name = other
      } else {
        break
      }
      let member = Self.member(line, name)
      let value: Range<Int>
      if let end = Self.endOfPlainString(in: line, at: scanner.position) {
        value = scanner.position..<end
        scanner.position = end
      } else {
        value = try scanner.skipValue()
      }
      if let member {
        slices[Int(member.rawValue)] = CaptureRecord.Slice(
          start: UInt32(truncatingIfNeeded: value.lowerBound),
          end: UInt32(truncatingIfNeeded: value.upperBound))
        present |= 1 << UInt64(member.rawValue)
      }
    }
    try scanner.expectEnd()
    return present
  }

  /// The name in `,"name":` as writers of captures put it, or nil where it stands there in any other way: then the
  /// scanner decides.
  @inline(__always)
  private static func compactName(in line: UnsafeRawBufferPointer, at position: Int) -> Range<Int>? {
    guard position < line.count, line[position] == 0x2C,
      let end = endOfPlainString(in: line, at: position &+ 1), end < line.count, line[end] == 0x3A
    else { return nil }
    return position &+ 1..<end
  }

  /// The end of a string at `position` that has no escapes and is not near the line's end, or nil: then the scanner decides.
  ///
  /// Names and most values are a few bytes: here the closing quote is found in one or two words.
  @inline(__always)
  private static func endOfPlainString(in line: UnsafeRawBufferPointer, at position: Int) -> Int? {
    guard position < line.count, line[position] == 0x22 else { return nil }
    let ones: UInt64 = 0x0101_0101_0101_0101
    let highs: UInt64 = 0x8080_8080_8080_8080
    var index = position &+ 1
    while index &+ 8 <= line.count {
      let word = UInt64(littleEndian: line.loadUnaligned(fromByteOffset: index, as: UInt64.self))
      let quote = word ^ (ones &* 0x22)
      let slash = word ^ (ones &* 0x5C)
      let special =
        (((quote &- ones) & ~quote) | ((slash &- ones) & ~slash) | ((word &- ones &* 0x20) & ~word)) & highs
      if special == 0 {
        index &+= 8
        continue
      }
      // The lowest mark is exact; a borrow can only falsify those above it.
      let place = index &+ special.trailingZeroBitCount >> 3
      return line[place] == 0x22 ? place &+ 1 : nil
    }
    return nil
  }

  @inline(__always)
  private static func member(_ line: UnsafeRawBufferPointer, _ name: Range<Int>) -> CaptureRecordMember? {
    if let member = CaptureRecordMember.spelled(line, name.lowerBound &+ 1, name.count &- 2) { return member }
    // A name may be spelled with escapes; only then is it worth a second look.
    let literal = UnsafeRawBufferPointer(rebasing: line[name])
    guard literal.contains(0x5C) else { return nil }
    let decoded = JSONString.decode(literal)
    return CaptureRecordMember.allCases.first { $0.name == decoded }
  }

  private func offset(of member: CaptureRecordMember) -> Int { Int(slices[Int(member.rawValue)].start) }

  @inline(__always)
  private func value(
    _ member: CaptureRecordMember, _ present: UInt64, _ line: UnsafeRawBufferPointer
  ) -> UnsafeRawBufferPointer? {
    guard present & (1 << UInt64(member.rawValue)) != 0 else { return nil }
    let slice = slices[Int(member.rawValue)]
    return UnsafeRawBufferPointer(rebasing: line[Int(slice.start)..<Int(slice.end)])
  }

  @inline(__always)
  private func number(
    _ member: CaptureRecordMember, _ present: UInt64, _ line: UnsafeRawBufferPointer
  ) throws(CaptureRecordFault) -> Int? {
    guard let literal = value(member, present, line) else { return nil }
    guard let number = CaptureRecord.integer(literal), number >= 0 else {
      throw CaptureRecordFault(
        reason: "\"\(member.name)\" is not a whole number", offset: offset(of: member))
    }
    return number
  }

  @inline(__always)
  private func peer(
    _ present: UInt64, _ line: UnsafeRawBufferPointer
  ) throws(CaptureRecordFault) -> CaptureRecord.Peer? {
    guard let literal = value(.from, present, line) else { return nil }
    if JSONString.literal(literal, equals: "client") { return .client }
    if JSONString.literal(literal, equals: "server") { return .server }
    throw CaptureRecordFault(
      reason: "\"from\" is neither \"client\" nor \"server\"", offset: offset(of: .from))
  }

  private static func kind(_ literal: UnsafeRawBufferPointer) -> CaptureRecord.Kind {
    func spells(_ text: StaticString) -> Bool { JSONString.literal(literal, equals: text) }
    if spells("packet") { return .packet }
    if spells("verdict") { return .verdict }
    if spells("exchange") { return .exchange }
    if spells("open") { return .open }
    if spells("close") { return .close }
    if spells("session") { return .session }
    if spells("handshake") { return .handshake }
    if spells("control") { return .control }
    if spells("message") { return .message }
    if spells("finding") { return .finding }
    if spells("undecodable") { return .undecodable }
    if spells("gap") { return .gap }
    if spells("capture") { return .capture }
    if spells("end") { return .end }
    if spells("rotated") { return .rotated }
    if spells("carried") { return .carried }
    return .other
  }
}
