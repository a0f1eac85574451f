/// Which names mark a value as a secret: JSON members, query parameters and header fields (CAPTURE-FORMAT.md,
/// *Redaction*).
package struct SecretNames: Sendable {
  /// Parts that give a name away wherever they stand in it; compared without case, `_`, `-`, `.` and spaces.
  private static let parts: [[UInt8]] = [
    "token", "password", "passwd", "passphrase", "secret", "authorization", "apikey", "jwt", "sessioncookie",
    "credential",
  ].map { Array($0.utf8) }

  /// Header fields whose whole value is a secret although their name has none of the parts.
  private static let headers: Set<[UInt8]> = Set(
    ["cookie", "setcookie", "xapikey", "xauth", "xsession"].map { Array($0.utf8) })

  private let parts: [[UInt8]]
  /// The first letters of all parts, to pass over most letters of most names with one comparison.
  private let firstLetters: UInt32

  /// - Parameter extra: names the user adds; matched like the built-in ones.
  package init(adding extra: [String] = []) {
    let added = extra.map { name in
      name.withBytes { bytes in bytes.compactMap(Self.folded) }
    }
    parts = Self.parts + added.filter { !$0.isEmpty }
    firstLetters = parts.reduce(0) { letters, part in
      letters | (Self.isLetter(part[0]) ? 1 << UInt32(part[0] &- 0x61) : 1 << 31)
    }
  }

  /// Whether a JSON member or query parameter of this name (raw bytes, without quotes) holds a secret.
  package func contains(_ name: UnsafeRawBufferPointer) -> Bool {
    for index in 0..<name.count {
      guard let letter = Self.folded(name[index]) else { continue }
      let bit: UInt32 = Self.isLetter(letter) ? 1 << UInt32(letter &- 0x61) : 1 << 31
      guard firstLetters & bit != 0 else { continue }
      for part in parts where part[0] == letter && matches(part, name, from: index) { return true }
    }
    return false
  }

  /// Whether a header field of this name holds a secret.
  package func containsHeader(_ name: UnsafeRawBufferPointer) -> Bool {
    let folded = name.compactMap(Self.folded)
    // `Access-Control-Allow-Credentials: true` and its like name secrets and hold none.
    return contains(name) && !folded.starts(with: Self.crossOrigin) || Self.headers.contains(folded)
  }

  private static let crossOrigin = Array("accesscontrol".utf8)

  private func matches(_ part: [UInt8], _ name: UnsafeRawBufferPointer, from start: Int) -> Bool {
    var index = start
    for letter in part {
      while index < name.count, Self.folded(name[index]) == nil { index += 1 }
      guard index < name.count, Self.folded(name[index]) == letter else { return false }
      index += 1
    }
    return true
  }

  private static func isLetter(_ byte: UInt8) -> Bool { byte >= 0x61 && byte <= 0x7A }

  /// Lower case; nil for what is passed over.
  @inline(__always)
  private static func folded(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x41...0x5A: byte | 0x20
    case 0x5F, 0x2D, 0x2E, 0x20: nil
    default: byte
    }
  }
}

extension String {
  /// The bytes of the UTF-8 text, for the length of the call.
  package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    var text = self
    return text.withUTF8 { body(UnsafeRawBufferPointer($0)) }
  }
}
