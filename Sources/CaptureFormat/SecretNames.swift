import JSONText

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

  /// The letters of all parts, one behind the other.
  private let letters: [UInt8]
  private let spans: [Span]
  /// The anchors of all parts, to pass over most letters of most names with one comparison.
  private let anchors: UInt32
  /// Anchors of the names that the user added, where none of the built-in parts has them.
  private let addedAnchors: [UInt8]

  /// Where a part stands among the letters, and which of its letters is looked for first.
  private struct Span {
    let start: Int
    let anchor: Int
    let end: Int
  }

  /// The rarest letters of the built-in parts: one of them stands in each.
  private static let anchors: [UInt8] = Array("kwzcp".utf8)
  /// From the rarest in running text to the most frequent.
  private static let rarity: [UInt8] = Array("zjqxkwvcpbygfmdhlurinosate".utf8)

  /// - Parameter extra: names the user adds; matched like the built-in ones.
  package init(adding extra: [String] = []) {
    let added = extra.map { name in
      name.withBytes { bytes in bytes.compactMap(Self.folded) }
    }
    var letters: [UInt8] = []
    var spans: [Span] = []
    for part in Self.parts + added.filter({ !$0.isEmpty }) {
      let anchor =
        (Self.anchors + Self.rarity).lazy.compactMap { part.firstIndex(of: $0) }.first ?? 0
      spans.append(
        Span(start: letters.count, anchor: letters.count + anchor, end: letters.count + part.count))
      letters += part
    }
    self.letters = letters
    self.spans = spans
    anchors = spans.reduce(0) { $0 | Self.bit(letters[$1.anchor]) }
    addedAnchors = Array(Set(spans.map { letters[$0.anchor] }).subtracting(Self.anchors))
  }

  /// Whether a JSON member or query parameter of this name (raw bytes, without quotes) holds a secret. Of longer text:
  /// whether such a name stands anywhere in it.
  package func contains(_ name: UnsafeRawBufferPointer) -> Bool {
    guard name.count < 32 else { return holdsName(name) }
    for index in 0..<name.count {
      guard let letter = Self.folded(name[index]), anchors & Self.bit(letter) != 0 else { continue }
      if holdsPart(name, around: index, letter) { return true }
    }
    return false
  }

  /// As `contains`, in large steps from one rare letter to the next.
  private func holdsName(_ text: UnsafeRawBufferPointer) -> Bool {
    var index = 0
    while true {
      index = ByteScan.firstLetter(
        text, from: index, among: (0x6B, 0x77, 0x7A, 0x63, 0x70), or: addedAnchors)
      guard index < text.count else { return false }
      if let letter = Self.folded(text[index]), holdsPart(text, around: index, letter) { return true }
      index &+= 1
    }
  }

  /// Whether a header field of this name holds a secret.
  package func containsHeader(_ name: UnsafeRawBufferPointer) -> Bool {
    let folded = name.compactMap(Self.folded)
    // `Access-Control-Allow-Credentials: true` and its like name secrets and hold none.
    return contains(name) && !folded.starts(with: Self.crossOrigin) || Self.headers.contains(folded)
  }

  private static let crossOrigin = Array("accesscontrol".utf8)

  /// Whether one of the parts that `letter` anchors stands around it.
  private func holdsPart(_ name: UnsafeRawBufferPointer, around index: Int, _ letter: UInt8) -> Bool {
    for span in spans where letters[span.anchor] == letter {
      if followed(span, in: name, from: index &+ 1), preceded(span, in: name, from: index) { return true }
    }
    return false
  }

  private func followed(_ span: Span, in name: UnsafeRawBufferPointer, from start: Int) -> Bool {
    var index = start
    for position in (span.anchor + 1)..<span.end {
      while index < name.count, Self.folded(name[index]) == nil { index &+= 1 }
      guard index < name.count, Self.folded(name[index]) == letters[position] else { return false }
      index &+= 1
    }
    return true
  }

  private func preceded(_ span: Span, in name: UnsafeRawBufferPointer, from end: Int) -> Bool {
    var index = end
    for position in (span.start..<span.anchor).reversed() {
      while index > 0, Self.folded(name[index - 1]) == nil { index &-= 1 }
      guard index > 0, Self.folded(name[index - 1]) == letters[position] else { return false }
      index &-= 1
    }
    return true
  }

  /// One bit for each letter, and one for all other bytes.
  @inline(__always)
  private static func bit(_ letter: UInt8) -> UInt32 {
    letter >= 0x61 && letter <= 0x7A ? 1 << UInt32(letter &- 0x61) : 1 << 31
  }

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
