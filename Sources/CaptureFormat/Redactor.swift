import JSONText

/// Writes text from the wire into a record with the secrets replaced (CAPTURE-FORMAT.md, *Redaction*).
///
/// It works on the letters of the JSON, not on its structure, so that it also covers JSON that is cut off or
/// malformed: wherever a string is followed by a colon and names a secret, the value behind is replaced. Strings that
/// hold JSON or a query of their own are looked into.
package struct Redactor: Sendable {
  package let names: SecretNames
  private let hash: KeyedHash
  /// False with `--keep-secrets`: everything is written as it came.
  package let isOn: Bool

  package init(names: SecretNames = SecretNames(), hash: KeyedHash, isOn: Bool = true) {
    self.names = names
    self.hash = hash
    self.isOn = isOn
  }

  /// `[redacted:xxxxxxxx]` for a secret, without quotes; what is that already stays as it is.
  package func append(redacted secret: UnsafeRawBufferPointer, to sink: inout ByteSink) {
    if Self.isMark(secret) { return sink.append(secret) }
    sink.append("[redacted:" as StaticString)
    let digest = hash.hash(secret)
    for shift in stride(from: UInt64(60), through: 32, by: -4) {
      sink.append(hexadecimalCharacter(UInt8(truncatingIfNeeded: digest >> shift & 15)))
    }
    sink.append(0x5D)
  }

  private static func isMark(_ text: UnsafeRawBufferPointer) -> Bool {
    guard text.count == 19, text[18] == 0x5D, text.starts(with: "[redacted:".utf8) else { return false }
    return text[10..<18].allSatisfy { hexadecimalDigit($0) != nil }
  }

  // MARK: JSON

  /// Appends JSON text, or a part of it, with the values of secret members replaced.
  ///
  /// - Parameter lineBreaksToSpaces: raw line breaks, which can only stand between tokens, become spaces.
  /// - Returns: the placeholder numbers of attachments that were the value of a secret member; the caller keeps
  ///   those attachments out of the record.
  @discardableResult
  package func append(
    json: UnsafeRawBufferPointer, lineBreaksToSpaces: Bool, to sink: inout ByteSink
  ) -> [Int] {
    var placeholders: [Int] = []
    var copied = 0
    var index = 0
    func copy(until end: Int, into sink: inout ByteSink) {
      guard end > copied else { return }
      let piece = UnsafeRawBufferPointer(rebasing: json[copied..<end])
      guard lineBreaksToSpaces else { return sink.append(piece) }
      for byte in piece { sink.append(byte == 0x0A || byte == 0x0D ? 0x20 : byte) }
    }
    let mayHide = mayHideSecrets(json)
    while isOn, let quote = Self.firstIndex(of: 0x22, in: json, from: index) {
      let end = Self.endOfString(json, from: quote)
      index = end
      var colon = end
      while colon < json.count, Self.isWhitespace(json[colon]) { colon += 1 }
      let literal = UnsafeRawBufferPointer(rebasing: json[quote..<end])
      guard colon < json.count, json[colon] == 0x3A else {
        guard mayHide, let text = withoutSecrets(literal: literal) else { continue }
        copy(until: quote, into: &sink)
        copied = end
        text.withUnsafeBytes { sink.append(jsonString: $0) }
        continue
      }
      guard isSecret(literal: literal) else { continue }
      var start = colon + 1
      while start < json.count, Self.isWhitespace(json[start]) { start += 1 }
      let valueEnd = Self.endOfValue(json, from: start)
      let value = UnsafeRawBufferPointer(rebasing: json[start..<valueEnd])
      index = valueEnd
      if value.isEmpty || value.elementsEqual("null".utf8) { continue }
      copy(until: start, into: &sink)
      copied = valueEnd
      if let number = Self.placeholder(value) {
        placeholders.append(number)
        sink.append(value)
        continue
      }
      sink.append(0x22)
      append(redacted: Self.unquoted(value), to: &sink)
      sink.append(0x22)
    }
    copy(until: json.count, into: &sink)
    return placeholders
  }

  /// Whether a string in this JSON names a secret and has a value behind it.
  func holdsSecretMember(json: UnsafeRawBufferPointer) -> Bool {
    var index = 0
    while let quote = Self.firstIndex(of: 0x22, in: json, from: index) {
      index = Self.endOfString(json, from: quote)
      var colon = index
      while colon < json.count, Self.isWhitespace(json[colon]) { colon += 1 }
      guard colon < json.count, json[colon] == 0x3A else { continue }
      if isSecret(literal: UnsafeRawBufferPointer(rebasing: json[quote..<index])) { return true }
    }
    return false
  }

  private func isSecret(literal: UnsafeRawBufferPointer) -> Bool {
    guard literal.count > 2 else { return false }
    guard ByteScan.contains(literal, 0x5C) else { return names.contains(Self.unquoted(literal)) }
    return JSONString.decode(literal).withBytes { names.contains($0) }
  }

  static func unquoted(_ value: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    guard value.first == 0x22 else { return value }
    let end = value.count > 1 && value[value.count - 1] == 0x22 ? value.count - 1 : value.count
    return UnsafeRawBufferPointer(rebasing: value[1..<end])
  }

  /// The number of an attachment's placeholder, where the value is one.
  private static func placeholder(_ value: UnsafeRawBufferPointer) -> Int? {
    guard value.first == 0x7B, value.count < 80, let tree = try? JSONValue(parsing: value),
      tree["_placeholder"]?.boolean == true
    else { return nil }
    return tree["num"]?.integer
  }

  private static func firstIndex(of byte: UInt8, in bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
    var index = start
    while index < bytes.count {
      if bytes[index] == byte { return index }
      index &+= 1
    }
    return nil
  }

  private static func isWhitespace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D
  }

  /// Behind the closing quote of the string whose opening quote stands at `start`, or the end of the text.
  private static func endOfString(_ json: UnsafeRawBufferPointer, from start: Int) -> Int {
    var index = start &+ 1
    while true {
      index = ByteScan.endOfPrintableASCII(json, from: index)
      guard index < json.count else { break }
      switch json[index] {
      case 0x22: return index &+ 1
      case 0x5C: index &+= 2
      default: index &+= 1
      }
    }
    return json.count
  }

  /// Behind the value that begins at `start`; the end of the text where it is cut off.
  private static func endOfValue(_ json: UnsafeRawBufferPointer, from start: Int) -> Int {
    guard start < json.count else { return start }
    switch json[start] {
    case 0x22: return endOfString(json, from: start)
    case 0x7B, 0x5B:
      var depth = 0
      var index = start
      while index < json.count {
        switch json[index] {
        case 0x22:
          index = endOfString(json, from: index)
          continue
        case 0x7B, 0x5B: depth += 1
        case 0x7D, 0x5D:
          depth -= 1
          if depth == 0 { return index + 1 }
        default: break
        }
        index += 1
      }
      return json.count
    default:
      var index = start
      while index < json.count, json[index] != 0x2C, json[index] != 0x7D, json[index] != 0x5D,
        !isWhitespace(json[index])
      {
        index += 1
      }
      return index
    }
  }

  // MARK: headers and query strings

  /// Appends a header value as a JSON string: wholly replaced where the name says so, else with the secret
  /// values of any query string in it replaced.
  package func append(headerValue value: String, named name: String, to sink: inout ByteSink) {
    guard isOn else { return sink.append(jsonString: value) }
    if name.withBytes({ names.containsHeader($0) }) {
      sink.append(0x22)
      value.withBytes { append(redacted: $0, to: &sink) }
      sink.append(0x22)
    } else if value.utf8.contains(0x22) || value.utf8.contains(0x27) {
      // JSON, or cookies of one's own kind, in a field of any name.
      let text = value.withBytes { withoutSecrets(text: $0) }
      append(target: text.map { String(decoding: $0, as: UTF8.self) } ?? value, to: &sink)
    } else {
      append(target: value, to: &sink)
    }
  }

  /// Appends a request target (or any URL) as a JSON string, the values of secret query parameters replaced.
  package func append(target: String, to sink: inout ByteSink) {
    // A fragment may be a query, too: that is how tokens come back from a login page.
    guard isOn, target.utf8.contains(where: { $0 == 0x3F || $0 == 0x23 }) else {
      return sink.append(jsonString: target)
    }
    var redacted = ByteSink(capacity: target.utf8.count + 32)
    target.withBytes { bytes in
      var index = (bytes.firstIndex { $0 == 0x3F || $0 == 0x23 } ?? 0) + 1
      redacted.append(UnsafeRawBufferPointer(rebasing: bytes[..<index]))
      while index < bytes.count {
        let end = bytes[index...].firstIndex { $0 == 0x26 || $0 == 0x3B || $0 == 0x23 } ?? bytes.count
        let pair = UnsafeRawBufferPointer(rebasing: bytes[index..<end])
        if let equals = pair.firstIndex(of: 0x3D), equals + 1 < pair.count,
          names.contains(percentDecoded: UnsafeRawBufferPointer(rebasing: pair[..<equals]))
        {
          redacted.append(UnsafeRawBufferPointer(rebasing: pair[...equals]))
          append(redacted: UnsafeRawBufferPointer(rebasing: pair[(equals + 1)...]), to: &redacted)
        } else {
          redacted.append(pair)
        }
        if end < bytes.count { redacted.append(bytes[end]) }
        index = end + 1
      }
    }
    sink.append(jsonString: redacted.bytes)
  }
}

extension SecretNames {
  /// As `contains`, for a name that may hold percent escapes (`tok%65n`).
  func contains(percentDecoded name: UnsafeRawBufferPointer) -> Bool {
    guard name.contains(0x25) else { return contains(name) }
    var decoded: [UInt8] = []
    var index = 0
    while index < name.count {
      if name[index] == 0x25, index + 2 < name.count, let high = hexadecimalDigit(name[index + 1]),
        let low = hexadecimalDigit(name[index + 2])
      {
        decoded.append(high << 4 | low)
        index += 3
      } else {
        decoded.append(name[index])
        index += 1
      }
    }
    return decoded.withUnsafeBytes { contains($0) }
  }
}
