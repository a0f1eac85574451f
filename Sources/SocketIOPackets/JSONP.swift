import JSONText

/// JSONP polling (PROTOCOL.md A.6): payloads inside of JavaScript and of form bodies.
package enum JSONP {
  /// Unwraps a response `___eio[n]("…");` and appends the payload, the string literal's escapes undone.
  ///
  /// A lone surrogate becomes U+FFFD, which counts as one UTF-16 code unit too. Python escapes nothing but double
  /// quotes, so bytes that no literal may hold are taken as they are.
  ///
  /// - Throws: `notJSONPResponse`, at the byte that does not fit; what was appended until then stays.
  package static func unwrapResponse(
    _ body: UnsafeRawBufferPointer, into sink: inout ByteSink
  ) throws(PacketRefusal) {
    var position = try skip("___eio[", in: body, from: 0)
    while position < body.count, body[position] &- 0x30 < 10 { position += 1 }
    position = try skip("](\"", in: body, from: position)
    position = try unescape(body, from: position, into: &sink)
    position = try skip("\")", in: body, from: position)
    if position < body.count, body[position] == 0x3B { position += 1 }
    while position < body.count, body[position] <= 0x20 { position += 1 }
    guard position == body.count else { throw PacketRefusal(.notJSONPResponse, at: position) }
  }

  /// Unwraps a request body `d=…` and appends the payload: the form encoding undone, then the newline rules applied.
  ///
  /// Clients write a newline as backslash and `n`, and a backslash before an `n` twice; servers undo that before they
  /// look at lengths.
  ///
  /// - Throws: `notJSONPRequest` where the form has no member `d`.
  package static func unwrapRequest(
    _ body: UnsafeRawBufferPointer, into sink: inout ByteSink
  ) throws(PacketRefusal) {
    var start = 0
    while start < body.count {
      var end = start
      while end < body.count, body[end] != 0x26 { end += 1 }
      if end - start >= 2, body[start] == 0x64, body[start + 1] == 0x3D {
        appendForm(body, start + 2..<end, into: &sink)
        return
      }
      start = end + 1
    }
    throw PacketRefusal(.notJSONPRequest, at: 0)
  }

  /// Appends a response: the payload as a string literal of JavaScript, in the call of a callback.
  ///
  /// - Parameter index: the client's `j`; what is no digit in it is left out, as servers do.
  package static func wrapResponse(
    _ payload: UnsafeRawBufferPointer, index: String, into sink: inout ByteSink
  ) {
    sink.append("___eio[" as StaticString)
    for digit in index.utf8 where digit >= 0x30 && digit <= 0x39 { sink.append(digit) }
    sink.append("](" as StaticString)
    var literal = ByteSink(capacity: payload.count + payload.count / 8 + 2)
    literal.append(jsonString: payload)
    let bytes = literal.bytes
    var position = 0
    while position < bytes.count {
      // U+2028 and U+2029 end lines in JavaScript, and so literals, before ES2019.
      if bytes[position] == 0xE2, position + 2 < bytes.count, bytes[position + 1] == 0x80,
        bytes[position + 2] & 0xFE == 0xA8
      {
        sink.append((bytes[position + 2] == 0xA8 ? "\\u2028" : "\\u2029") as StaticString)
        position += 3
      } else {
        sink.append(bytes[position])
        position += 1
      }
    }
    sink.append(");" as StaticString)
  }

  // MARK: form bodies

  private static func appendForm(
    _ body: UnsafeRawBufferPointer, _ range: Range<Int>, into sink: inout ByteSink
  ) {
    var position = range.lowerBound
    var backslashes = 0
    func append(_ byte: UInt8, into sink: inout ByteSink) {
      if byte == 0x6E, backslashes == 1 {
        sink.truncate(to: sink.count - 1)
        sink.append(0x0A)
      } else {
        if byte == 0x6E, backslashes > 1 { sink.truncate(to: sink.count - 1) }
        sink.append(byte)
      }
      backslashes = byte == 0x5C ? backslashes + 1 : 0
    }
    while position < range.upperBound {
      let byte = body[position]
      if byte == 0x25, position + 2 < range.upperBound, let high = hexadecimalDigit(body[position + 1]),
        let low = hexadecimalDigit(body[position + 2])
      {
        append(high << 4 | low, into: &sink)
        position += 3
      } else {
        append(byte == 0x2B ? 0x20 : byte, into: &sink)
        position += 1
      }
    }
  }

  // MARK: string literals

  private static func skip(
    _ text: StaticString, in body: UnsafeRawBufferPointer, from start: Int
  ) throws(PacketRefusal) -> Int {
    for index in 0..<text.utf8CodeUnitCount {
      guard start + index < body.count, body[start + index] == text.utf8Start[index] else {
        throw PacketRefusal(.notJSONPResponse, at: min(start + index, body.count))
      }
    }
    return start + text.utf8CodeUnitCount
  }

  /// Appends the literal whose first character stands at `start`; returns the position of its closing quote.
  private static func unescape(
    _ body: UnsafeRawBufferPointer, from start: Int, into sink: inout ByteSink
  ) throws(PacketRefusal) -> Int {
    var position = start
    var highSurrogate: UInt32?
    func append(unit: UInt32, into sink: inout ByteSink) {
      if let high = highSurrogate {
        highSurrogate = nil
        if unit >= 0xDC00, unit < 0xE000 {
          sink.append(scalar: 0x10000 + (high - 0xD800) << 10 + (unit - 0xDC00))
          return
        }
        sink.append(scalar: high)
      }
      if unit >= 0xD800, unit < 0xDC00 { highSurrogate = unit } else { sink.append(scalar: unit) }
    }
    while position < body.count, body[position] != 0x22 {
      guard body[position] == 0x5C else {
        if let high = highSurrogate {
          sink.append(scalar: high)
          highSurrogate = nil
        }
        sink.append(body[position])
        position += 1
        continue
      }
      guard position + 1 < body.count else { throw PacketRefusal(.notJSONPResponse, at: position) }
      let escape = body[position + 1]
      position += 2
      switch escape {
      case 0x62: append(unit: 0x08, into: &sink)
      case 0x66: append(unit: 0x0C, into: &sink)
      case 0x6E: append(unit: 0x0A, into: &sink)
      case 0x72: append(unit: 0x0D, into: &sink)
      case 0x74: append(unit: 0x09, into: &sink)
      case 0x76: append(unit: 0x0B, into: &sink)
      case 0x78, 0x75:
        let length = escape == 0x78 ? 2 : 4
        var unit: UInt32 = 0
        for index in position..<position + length {
          guard index < body.count, let digit = hexadecimalDigit(body[index]) else {
            throw PacketRefusal(.notJSONPResponse, at: min(index, body.count))
          }
          unit = unit << 4 | UInt32(digit)
        }
        position += length
        append(unit: unit, into: &sink)
      default:
        if escape < 0x80 {
          append(unit: UInt32(escape), into: &sink)
        } else {
          // A backslash before a longer character stands for nothing.
          sink.append(escape)
        }
      }
    }
    if let high = highSurrogate { sink.append(scalar: high) }
    return position
  }
}

extension ByteSink {
  /// Appends a code point in UTF-8; U+FFFD for what is none.
  fileprivate mutating func append(scalar value: UInt32) {
    for byte in String(Character(Unicode.Scalar(value) ?? "\u{FFFD}")).utf8 { append(byte) }
  }
}
