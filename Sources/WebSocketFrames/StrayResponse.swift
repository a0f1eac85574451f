/// Recognises an HTTP response where the first WebSocket frame should be.
///
/// engine.io checks the protocol revision after the WebSocket handshake, and refuses with the bytes of an HTTP
/// response on the upgraded connection (PROTOCOL.md A.9). No frame can begin so: `H` would be a fragmented close.
struct StrayResponse {
  /// What such a response begins with.
  static let opening: StaticString = "HTTP/1.1 "

  /// What the bytes so far amount to.
  enum Progress {
    /// They may still become a response, or a response has more to quote.
    case undecided
    /// They are something else.
    case refuted
    /// They are a response, and all that can be quoted is there.
    case complete
  }

  /// The bytes to quote.
  private(set) var kept: [UInt8] = []

  /// Whether the opening was seen in full.
  var isResponse: Bool { kept.count >= StrayResponse.opening.utf8CodeUnitCount }

  /// Takes the next bytes; keeps `limit` of all bytes, or fewer where Content-Length says that the response is over.
  mutating func receive(_ bytes: UnsafeRawBufferPointer, limit: Int) -> Progress {
    var index = 0
    while !isResponse {
      guard index < bytes.count else { return .undecided }
      guard bytes[index] == StrayResponse.opening.utf8Start[kept.count] else { return .refuted }
      kept.append(bytes[index])
      index += 1
    }
    let room = max(limit - kept.count, 0)
    kept.append(contentsOf: bytes[index..<min(bytes.count, index + room)])
    if let length = responseLength(), kept.count >= length {
      kept.removeLast(kept.count - length)
      return .complete
    }
    return kept.count >= limit ? .complete : .undecided
  }

  /// Bytes of head and body together, once the head is there and tells.
  private func responseLength() -> Int? {
    var lineStart = 0
    var bodyLength: Int?
    while let lineEnd = kept[lineStart...].firstIndex(of: 0x0A) {
      var line = kept[lineStart..<lineEnd]
      if line.last == 0x0D { line.removeLast() }
      if line.isEmpty { return bodyLength.map { lineEnd + 1 + $0 } }
      bodyLength = StrayResponse.contentLength(line) ?? bodyLength
      lineStart = lineEnd + 1
    }
    return nil
  }

  private static func contentLength(_ line: ArraySlice<UInt8>) -> Int? {
    var name = Array("content-length:".utf8)[...]
    var rest = line
    while let expected = name.popFirst() {
      guard let byte = rest.popFirst(), byte | 0x20 == expected | 0x20 else { return nil }
    }
    let digits = rest.drop { $0 == 0x20 || $0 == 0x09 }.prefix { $0 >= 0x30 && $0 <= 0x39 }
    // Longer numbers than a quote can hold need no exact value.
    guard !digits.isEmpty, digits.count <= 9 else { return nil }
    return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
  }
}
