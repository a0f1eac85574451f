import JSONText

// Secrets inside strings: JSON that was made a string before it was sent, query strings of URLs, and what languages that
// quote with apostrophes print of their values, as messages of errors often do.

extension Redactor {
  /// Whether a string in this JSON may hide a secret: only where there is an escape, as JSON within a string has, an
  /// equals sign, as a query has, or an apostrophe. Most messages have none.
  @inline(__always)
  package func mayHideSecrets(_ json: UnsafeRawBufferPointer) -> Bool {
    isOn && ByteScan.holds(json, anyOf: 0x3D, 0x5C, 0x27)
  }

  /// The text of a string with the secrets in it replaced; nil where it holds none that can be told.
  ///
  /// - Parameter literal: the string with its quotes, or the beginning of one that is cut off.
  func withoutSecrets(literal: UnsafeRawBufferPointer) -> [UInt8]? {
    guard ByteScan.holds(literal, anyOf: 0x3D, 0x5C, 0x27) else { return nil }
    let isEscaped = ByteScan.contains(literal, 0x5C)
    guard isEscaped else { return withoutSecrets(text: Self.unquoted(literal)) }
    return JSONString.decode(literal).withBytes { withoutSecrets(text: $0) }
  }

  /// Text, which may be or hold JSON, with the secrets in it replaced; nil where it holds none that can be told.
  func withoutSecrets(text: UnsafeRawBufferPointer) -> [UInt8]? {
    if ByteScan.holds(text, anyOf: 0x3D, 0x5C, 0x27) {
      // A name may be spelt with escapes of its own, one level deeper, or of a URL.
      guard names.contains(text) || ByteScan.contains(text, 0x5C) || ByteScan.contains(text, 0x25) else {
        return nil
      }
    } else {
      // What is left is plain JSON; the beginning of a large message mostly, whose strings need not be looked through.
      guard holdsSecretMember(json: text) else { return nil }
    }
    var inside = ByteSink(capacity: text.count + 32)
    var isChanged = false
    if ByteScan.contains(text, 0x22) {
      append(json: text, lineBreaksToSpaces: false, to: &inside)
      isChanged = !inside.bytes.elementsEqual(text)
    } else {
      inside.append(text)
    }
    var result = ByteSink(capacity: inside.bytes.count + 32)
    if append(queriesIn: inside.bytes, to: &result) { isChanged = true }
    guard ByteScan.contains(text, 0x27) else { return isChanged ? Array(result.bytes) : nil }
    var last = ByteSink(capacity: result.bytes.count + 32)
    if append(apostrophesIn: result.bytes, to: &last) { isChanged = true }
    return isChanged ? Array(last.bytes) : nil
  }

  /// Appends text with the values behind `'name':` replaced where the name is a secret's, whatever the value is.
  ///
  /// - Returns: whether anything was replaced.
  private func append(apostrophesIn text: UnsafeRawBufferPointer, to sink: inout ByteSink) -> Bool {
    var copied = 0
    var index = 0
    while index < text.count {
      // Every apostrophe may open a name: in running text they do not come in pairs.
      guard text[index] == 0x27,
        let end = text[(index + 1)...].prefix(Self.longestName).firstIndex(of: 0x27),
        let start = Self.startOfValue(text, behind: end + 1),
        names.contains(UnsafeRawBufferPointer(rebasing: text[(index + 1)..<end]))
      else {
        index &+= 1
        continue
      }
      let valueEnd = Self.endOfLooseValue(text, from: start)
      sink.append(UnsafeRawBufferPointer(rebasing: text[copied..<start]))
      sink.append(0x27)
      var value = text[start..<valueEnd]
      if let quote = value.first, quote == 0x22 || quote == 0x27 {
        value = value.dropFirst()
        if value.last == quote { value = value.dropLast() }
      }
      append(redacted: UnsafeRawBufferPointer(rebasing: value), to: &sink)
      sink.append(0x27)
      copied = valueEnd
      index = valueEnd
    }
    sink.append(UnsafeRawBufferPointer(rebasing: text[copied...]))
    return copied > 0
  }

  /// Bytes of a name between apostrophes that are looked at; what is longer is no name.
  private static let longestName = 128

  /// Where the value behind a colon begins; nil where there is no colon, or nothing behind it.
  private static func startOfValue(_ text: UnsafeRawBufferPointer, behind end: Int) -> Int? {
    func skipBlanks(_ start: Int) -> Int { text[start...].firstIndex { $0 > 0x20 } ?? text.count }
    let colon = skipBlanks(end)
    guard colon < text.count, text[colon] == 0x3A else { return nil }
    let start = skipBlanks(colon + 1)
    return start < text.count ? start : nil
  }

  /// Behind a value in which strings stand between apostrophes or quotes; the end of the text where it is cut off.
  private static func endOfLooseValue(_ text: UnsafeRawBufferPointer, from start: Int) -> Int {
    func endOfQuoted(_ start: Int) -> Int {
      var index = start + 1
      while index < text.count, text[index] != text[start] { index += text[index] == 0x5C ? 2 : 1 }
      return min(index + 1, text.count)
    }
    var depth = 0
    var index = start
    while index < text.count {
      switch text[index] {
      case 0x22, 0x27:
        index = endOfQuoted(index)
        if depth == 0 { return index }
        continue
      case 0x28, 0x5B, 0x7B: depth += 1
      case 0x29, 0x5D, 0x7D:
        if depth == 0 { return index }
        depth -= 1
        if depth == 0 { return index + 1 }
      case 0x2C where depth == 0: return index
      case ...0x20 where depth == 0: return index
      default: break
      }
      index += 1
    }
    return text.count
  }

  /// Appends text with the values of secret parameters replaced: `name=value` at the text's start or behind one of
  /// `?&;#` or a blank, up to the next of them or of the marks that end a URL in running text.
  ///
  /// - Returns: whether anything was replaced.
  private func append(queriesIn text: UnsafeRawBufferPointer, to sink: inout ByteSink) -> Bool {
    var copied = 0
    var index = 0
    var nameStart = 0
    while index < text.count {
      let byte = text[index]
      index &+= 1
      if Self.opensParameter(byte) {
        nameStart = index
        continue
      }
      guard byte == 0x3D else { continue }
      let name = UnsafeRawBufferPointer(rebasing: text[nameStart..<(index - 1)])
      var end = index
      while end < text.count, !Self.opensParameter(text[end]), !Self.endsParameter(text[end]) { end &+= 1 }
      if end > index, names.contains(percentDecoded: name) {
        sink.append(UnsafeRawBufferPointer(rebasing: text[copied..<index]))
        append(redacted: UnsafeRawBufferPointer(rebasing: text[index..<end]), to: &sink)
        copied = end
      }
      index = end
      nameStart = end
    }
    sink.append(UnsafeRawBufferPointer(rebasing: text[copied...]))
    return copied > 0
  }

  /// `?`, `&`, `;`, `#` and white space.
  private static func opensParameter(_ byte: UInt8) -> Bool {
    byte == 0x3F || byte == 0x26 || byte == 0x3B || byte == 0x23 || byte <= 0x20
  }

  /// Quotes, brackets and a comma.
  private static func endsParameter(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x22, 0x27, 0x28, 0x29, 0x2C, 0x3C, 0x3E, 0x5B, 0x5D, 0x60, 0x7B, 0x7D: true
    default: false
    }
  }
}
