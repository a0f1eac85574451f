/// One msgpack value, or the head of an array or map whose elements follow.
enum MsgpackItem: Equatable {
  case null
  case boolean(Bool)
  case integer(Int64)
  /// An integer above `Int64.max`.
  case largeInteger(UInt64)
  case float(Double)
  case string(Range<Int>)
  case binary(Range<Int>)
  case array(Int)
  case map(Int)
  /// An extension value. `isFixed` tells the forms with a length of their own from those that announce one.
  case ext(type: Int8, Range<Int>, isFixed: Bool)
}

/// Walks msgpack (the msgpack specification) without building anything.
struct MsgpackScanner {
  let bytes: UnsafeRawBufferPointer
  /// The next byte to look at.
  var position = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// Consumes one item: a whole value, or the head of an array or map.
  mutating func next() throws(PacketRefusal) -> MsgpackItem {
    let start = position
    let head = UInt8(truncatingIfNeeded: try unsigned(1))
    switch head {
    case 0x00...0x7F: return .integer(Int64(head))
    case 0x80...0x8F: return .map(try count(UInt64(head & 0x0F), itemsPerElement: 2, from: start))
    case 0x90...0x9F: return .array(try count(UInt64(head & 0x0F), itemsPerElement: 1, from: start))
    case 0xA0...0xBF: return .string(try take(UInt64(head & 0x1F)))
    case 0xC0: return .null
    case 0xC1: throw PacketRefusal(.reservedByte, at: start)
    case 0xC2: return .boolean(false)
    case 0xC3: return .boolean(true)
    case 0xC4...0xC6: return .binary(try take(try unsigned(1 << (head - 0xC4))))
    case 0xC7...0xC9:
      let length = try unsigned(1 << (head - 0xC7))
      return try ext(length, isFixed: false)
    case 0xCA: return .float(Double(Float(bitPattern: UInt32(truncatingIfNeeded: try unsigned(4)))))
    case 0xCB: return .float(Double(bitPattern: try unsigned(8)))
    case 0xCC...0xCF:
      let value = try unsigned(1 << (head - 0xCC))
      return Int64(exactly: value).map { .integer($0) } ?? .largeInteger(value)
    case 0xD0: return .integer(Int64(Int8(truncatingIfNeeded: try unsigned(1))))
    case 0xD1: return .integer(Int64(Int16(truncatingIfNeeded: try unsigned(2))))
    case 0xD2: return .integer(Int64(Int32(truncatingIfNeeded: try unsigned(4))))
    case 0xD3: return .integer(Int64(bitPattern: try unsigned(8)))
    case 0xD4...0xD8: return try ext(1 << UInt64(head - 0xD4), isFixed: true)
    case 0xD9...0xDB: return .string(try take(try unsigned(1 << (head - 0xD9))))
    case 0xDC: return .array(try count(try unsigned(2), itemsPerElement: 1, from: start))
    case 0xDD: return .array(try count(try unsigned(4), itemsPerElement: 1, from: start))
    case 0xDE: return .map(try count(try unsigned(2), itemsPerElement: 2, from: start))
    case 0xDF: return .map(try count(try unsigned(4), itemsPerElement: 2, from: start))
    default: return .integer(Int64(Int8(bitPattern: head)))
    }
  }

  /// Skips one value with everything in it; returns where it stood.
  @discardableResult
  mutating func skipValue() throws(PacketRefusal) -> Range<Int> {
    let start = position
    // How many values are still due. No array or map announces more than there are bytes, so it cannot overflow.
    var due = 1
    while due > 0 {
      due -= 1
      switch try next() {
      case .array(let count): due += count
      case .map(let count): due += 2 * count
      default: break
      }
    }
    return start..<position
  }

  private mutating func unsigned(_ size: Int) throws(PacketRefusal) -> UInt64 {
    guard bytes.count - position >= size else { throw PacketRefusal(.unexpectedEndOfMap, at: bytes.count) }
    var value: UInt64 = 0
    for index in position..<position + size { value = value << 8 | UInt64(bytes[index]) }
    position += size
    return value
  }

  private mutating func take(_ size: UInt64) throws(PacketRefusal) -> Range<Int> {
    guard let size = Int(exactly: size), size <= bytes.count - position else {
      throw PacketRefusal(.unexpectedEndOfMap, at: bytes.count)
    }
    defer { position += size }
    return position..<position + size
  }

  private mutating func ext(_ size: UInt64, isFixed: Bool) throws(PacketRefusal) -> MsgpackItem {
    let type = Int8(truncatingIfNeeded: try unsigned(1))
    return .ext(type: type, try take(size), isFixed: isFixed)
  }

  private func count(
    _ announced: UInt64, itemsPerElement: UInt64, from start: Int
  ) throws(PacketRefusal) -> Int {
    guard announced * itemsPerElement <= UInt64(bytes.count - position) else {
      throw PacketRefusal(.unexpectedEndOfMap, at: start)
    }
    return Int(announced)
  }
}
