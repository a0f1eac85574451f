/// What kind of JSON value starts at a place.
package enum JSONKind: UInt8, Sendable {
  case object, array, string, number, boolean, null
}

/// Why a text is not JSON, and at which byte of the scanned range.
package struct JSONFault: Error, Equatable, Sendable {
  /// The rule that was broken.
  package enum Reason: String, Sendable {
    case unexpectedEnd = "unexpected end of JSON"
    case unexpectedByte = "unexpected character in JSON"
    case badNumber = "malformed number in JSON"
    case badEscape = "malformed escape in a JSON string"
    case controlCharacter = "unescaped control character in a JSON string"
    case trailingBytes = "text after the end of the JSON value"
    case tooDeep = "JSON nested too deeply"
  }

  package var reason: Reason
  package var offset: Int

  package init(_ reason: Reason, at offset: Int) {
    self.reason = reason
    self.offset = offset
  }
}

/// Walks JSON text without building anything: checks that it is well-formed (RFC 8259, as `JSON.parse` does)
/// and finds where values start and end.
///
/// The caller keeps `bytes` alive, and checks UTF-8 where it matters (WebSocket text is checked by then).
/// After a fault the scanner's position is undefined.
package struct JSONScanner {
  /// Deepest nesting followed; deeper text is refused rather than believed.
  package static let maximumDepth = 4096

  package let bytes: UnsafeRawBufferPointer
  /// The next byte to look at.
  package var position: Int
  /// Set once an object with at least one member was met: only then can a member's name ask for redaction.
  package private(set) var metMembers = false
  /// Set once a raw CR or LF stood between tokens: such JSON cannot go into a line as it is.
  package private(set) var metLineBreaks = false

  @inline(__always)
  package init(_ bytes: UnsafeRawBufferPointer, from position: Int = 0) {
    self.bytes = bytes
    self.position = position
  }

  /// Whether all bytes were consumed.
  @inline(__always)
  package var isAtEnd: Bool { position >= bytes.count }

  /// The byte at the position, or nil at the end.
  @inline(__always)
  package var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  @inline(__always)
  package mutating func skipWhitespace() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x09: position &+= 1
      case 0x0A, 0x0D:
        metLineBreaks = true
        position &+= 1
      default: return
      }
    }
  }

  /// Requires that only white space is left.
  package mutating func expectEnd() throws(JSONFault) {
    skipWhitespace()
    if position < bytes.count { throw JSONFault(.trailingBytes, at: position) }
  }

  /// Consumes `byte`, with white space before it, or throws.
  @inline(__always)
  package mutating func expect(_ byte: UInt8) throws(JSONFault) {
    skipWhitespace()
    guard let found = next else { throw JSONFault(.unexpectedEnd, at: position) }
    guard found == byte else { throw JSONFault(.unexpectedByte, at: position) }
    position &+= 1
  }

  /// Consumes `byte`, with white space before it, if it is there.
  @inline(__always)
  package mutating func consume(_ byte: UInt8) -> Bool {
    skipWhitespace()
    guard position < bytes.count, bytes[position] == byte else { return false }
    position &+= 1
    return true
  }

  /// Skips white space and tells what starts there.
  package mutating func peekKind() throws(JSONFault) -> JSONKind {
    skipWhitespace()
    guard let byte = next else { throw JSONFault(.unexpectedEnd, at: position) }
    switch byte {
    case 0x22: return .string
    case 0x7B: return .object
    case 0x5B: return .array
    case 0x2D, 0x30...0x39: return .number
    case 0x74, 0x66: return .boolean
    case 0x6E: return .null
    default: throw JSONFault(.unexpectedByte, at: position)
    }
  }

  /// Skips one value, with white space before it; returns where it stood.
  @discardableResult
  package mutating func skipValue() throws(JSONFault) -> Range<Int> {
    skipWhitespace()
    let start = position
    // One bit for each open container, set for an object; the first 64 levels need no storage.
    var open: UInt64 = 0
    var outer: [UInt64] = []
    var depth = 0

    while true {
      // A value is due at the position.
      guard position < bytes.count else { throw JSONFault(.unexpectedEnd, at: position) }
      var opened = false
      switch bytes[position] {
      case 0x22: try skipString()
      case 0x7B, 0x5B:
        let isObject = bytes[position] == 0x7B
        position &+= 1
        skipWhitespace()
        guard position < bytes.count else { throw JSONFault(.unexpectedEnd, at: position) }
        if bytes[position] == (isObject ? 0x7D : 0x5D) {
          position &+= 1
        } else {
          if depth == Self.maximumDepth { throw JSONFault(.tooDeep, at: position) }
          if depth & 63 == 63 {
            outer.append(open)
            open = 0
          }
          depth &+= 1
          open = (open << 1) | (isObject ? 1 : 0)
          if isObject { try skipName() }
          opened = true
        }
      case 0x2D, 0x30...0x39: try skipNumber()
      case 0x74: try skipWord("true")
      case 0x66: try skipWord("false")
      case 0x6E: try skipWord("null")
      default: throw JSONFault(.unexpectedByte, at: position)
      }
      if opened { continue }

      // A value ended: close containers until a comma leads to the next one.
      while true {
        if depth == 0 { return start..<position }
        skipWhitespace()
        guard position < bytes.count else { throw JSONFault(.unexpectedEnd, at: position) }
        let isObject = open & 1 == 1
        let byte = bytes[position]
        position &+= 1
        if byte == 0x2C {
          skipWhitespace()
          if isObject { try skipName() }
          break
        }
        guard byte == (isObject ? 0x7D : 0x5D) else { throw JSONFault(.unexpectedByte, at: position - 1) }
        depth &-= 1
        open >>= 1
        if depth & 63 == 63, let level = outer.popLast() { open = level }
      }
    }
  }

  /// Skips a string, the quote at the position; returns where it stood, quotes included.
  @discardableResult
  package mutating func skipString() throws(JSONFault) -> Range<Int> {
    let start = position
    guard position < bytes.count else { throw JSONFault(.unexpectedEnd, at: position) }
    guard bytes[position] == 0x22 else { throw JSONFault(.unexpectedByte, at: position) }
    position &+= 1
    let count = bytes.count
    while true {
      position = ByteScan.endOfPlainText(bytes, from: position)
      guard position < count else { throw JSONFault(.unexpectedEnd, at: position) }
      let byte = bytes[position]
      if byte == 0x22 {
        position &+= 1
        return start..<position
      }
      guard byte == 0x5C else { throw JSONFault(.controlCharacter, at: position) }
      try skipEscape()
    }
  }

  private mutating func skipEscape() throws(JSONFault) {
    guard position &+ 1 < bytes.count else { throw JSONFault(.unexpectedEnd, at: bytes.count) }
    switch bytes[position &+ 1] {
    case 0x22, 0x5C, 0x2F, 0x62, 0x66, 0x6E, 0x72, 0x74: position &+= 2
    case 0x75:
      for index in position &+ 2..<position &+ 6 {
        guard index < bytes.count else { throw JSONFault(.unexpectedEnd, at: bytes.count) }
        guard hexadecimalDigit(bytes[index]) != nil else { throw JSONFault(.badEscape, at: index) }
      }
      position &+= 6
    default: throw JSONFault(.badEscape, at: position &+ 1)
    }
  }

  /// Skips a member's name and the colon behind it, up to the value.
  private mutating func skipName() throws(JSONFault) {
    metMembers = true
    try skipString()
    try expect(0x3A)
    skipWhitespace()
  }

  private mutating func skipNumber() throws(JSONFault) {
    let start = position
    if bytes[position] == 0x2D { position &+= 1 }
    guard position < bytes.count else { throw JSONFault(.unexpectedEnd, at: position) }
    if bytes[position] == 0x30 {
      position &+= 1
    } else {
      guard skipDigits() > 0 else { throw JSONFault(.badNumber, at: position) }
    }
    guard position < bytes.count else { return }
    if bytes[position] == 0x2E {
      position &+= 1
      guard skipDigits() > 0 else { throw JSONFault(.badNumber, at: start) }
      guard position < bytes.count else { return }
    }
    if bytes[position] | 0x20 == 0x65 {
      position &+= 1
      if position < bytes.count, bytes[position] == 0x2B || bytes[position] == 0x2D { position &+= 1 }
      guard skipDigits() > 0 else { throw JSONFault(.badNumber, at: start) }
    }
  }

  @inline(__always)
  private mutating func skipDigits() -> Int {
    let start = position
    var end = start
    while end < bytes.count, bytes[end] &- 0x30 < 10 { end &+= 1 }
    position = end
    return end &- start
  }

  private mutating func skipWord(_ word: StaticString) throws(JSONFault) {
    for index in 0..<word.utf8CodeUnitCount {
      guard position < bytes.count else { throw JSONFault(.unexpectedEnd, at: position) }
      guard bytes[position] == word.utf8Start[index] else { throw JSONFault(.unexpectedByte, at: position) }
      position &+= 1
    }
  }

  // MARK: members and elements

  /// Enters an object, white space before it allowed; then call `nextMember` until it returns nil.
  package mutating func enterObject() throws(JSONFault) {
    try expect(0x7B)
  }

  /// The next member's name (its range, quotes included), with the position left at its value, or nil behind
  /// the closing brace. The caller skips or reads the value before it asks again.
  ///
  /// - Parameter isFirst: true for the first call after `enterObject`; set to false here.
  package mutating func nextMember(_ isFirst: inout Bool) throws(JSONFault) -> Range<Int>? {
    if consume(0x7D) {
      return nil
    }
    if isFirst { isFirst = false } else { try expect(0x2C) }
    metMembers = true
    skipWhitespace()
    let name = try skipString()
    try expect(0x3A)
    skipWhitespace()
    return name
  }

  /// Enters an array, white space before it allowed; then call `nextElement` until it returns false.
  package mutating func enterArray() throws(JSONFault) {
    try expect(0x5B)
  }

  /// Whether another element stands at the position; false behind the closing bracket. The caller skips or
  /// reads the element before it asks again.
  ///
  /// - Parameter isFirst: true for the first call after `enterArray`; set to false here.
  package mutating func nextElement(_ isFirst: inout Bool) throws(JSONFault) -> Bool {
    if consume(0x5D) { return false }
    if isFirst { isFirst = false } else { try expect(0x2C) }
    skipWhitespace()
    return true
  }
}

/// The value of a hexadecimal digit, or nil.
package func hexadecimalDigit(_ byte: UInt8) -> UInt8? {
  switch byte {
  case 0x30...0x39: byte - 0x30
  case 0x41...0x46: byte - 0x41 + 10
  case 0x61...0x66: byte - 0x61 + 10
  default: nil
  }
}
