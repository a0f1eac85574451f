import JSONText

/// The `{"_placeholder":true,"num":n}` objects that mark where attachments stood (PROTOCOL.md B.2).
enum Placeholders {
  /// An open object or array.
  private struct Level {
    var isObject: Bool
    var isPlaceholder = false
    /// What `num` is: a fault unless it is a number in range.
    var index: PacketRefusal.Reason? = .placeholderNotANumber
    /// The first fault inside; of no effect where the object itself is a placeholder, for then nobody looks inside.
    var fault: PacketRefusal?
    var start: Int
  }

  private enum Member {
    case placeholder, number, other
  }

  /// The first placeholder that a JavaScript decoder refuses, or nil. The payload must be well-formed JSON.
  static func fault(
    in bytes: UnsafeRawBufferPointer, payload: Range<Int>, attachmentCount: Int
  ) -> PacketRefusal? {
    var scanner = JSONScanner(
      UnsafeRawBufferPointer(rebasing: bytes[..<payload.upperBound]), from: payload.lowerBound)
    var levels = [Level(isObject: false, start: payload.lowerBound)]
    do throws(JSONFault) {
      while !scanner.isAtEnd {
        scanner.skipWhitespace()
        guard let byte = scanner.next else { break }
        switch byte {
        case 0x7B, 0x5B:
          levels.append(Level(isObject: byte == 0x7B, start: scanner.position))
          scanner.position += 1
        case 0x7D, 0x5D:
          scanner.position += 1
          close(&levels)
        case 0x2C, 0x3A: scanner.position += 1
        case 0x22:
          let literal = try scanner.skipString()
          // In an object that is a name, unless it was read as a value below.
          guard levels[levels.count - 1].isObject else { continue }
          try scanner.expect(0x3A)
          try readMember(
            member(bytes, literal), &scanner, into: &levels[levels.count - 1],
            attachmentCount: attachmentCount)
        default: try scanner.skipValue()
        }
      }
    } catch {
      return nil
    }
    return levels.first?.fault
  }

  private static func member(_ bytes: UnsafeRawBufferPointer, _ literal: Range<Int>) -> Member {
    let name = UnsafeRawBufferPointer(rebasing: bytes[literal])
    if JSONString.literal(name, equals: "_placeholder") { return .placeholder }
    return JSONString.literal(name, equals: "num") ? .number : .other
  }

  /// Reads the value of a member if it is a plain one; an object or array is left for the walk.
  private static func readMember(
    _ member: Member, _ scanner: inout JSONScanner, into level: inout Level, attachmentCount: Int
  ) throws(JSONFault) {
    let kind = try scanner.peekKind()
    let value = kind == .object || kind == .array ? nil : try scanner.skipValue()
    switch member {
    // Of duplicate members the last one counts.
    case .placeholder: level.isPlaceholder = kind == .boolean && value?.count == 4
    case .number:
      guard kind == .number, let value else {
        level.index = .placeholderNotANumber
        return
      }
      // A fraction passes the range check and yields undefined.
      let number = Double(String(decoding: scanner.bytes[value], as: UTF8.self)) ?? -1
      level.index = number >= 0 && number < Double(attachmentCount) ? nil : .placeholderOutOfRange
    case .other: break
    }
  }

  private static func close(_ levels: inout [Level]) {
    guard levels.count > 1, let level = levels.popLast() else { return }
    let fault = level.isPlaceholder ? level.index.map { PacketRefusal($0, at: level.start) } : level.fault
    if levels[levels.count - 1].fault == nil { levels[levels.count - 1].fault = fault }
  }
}
