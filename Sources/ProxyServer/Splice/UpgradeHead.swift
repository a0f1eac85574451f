import NIOHTTP1

/// Reads the heads of an upgrade and its answer without a decoder.
///
/// Takes only what every reader takes in the same way (RFC 9112): whole lines of printable ASCII that end with CRLF, a
/// target in origin form, no field that a body could follow. Whatever else there may be is for the HTTP decoders.
enum UpgradeHead {
  /// What the bytes are so far.
  enum Reading<Head> {
    /// Nothing is wrong yet, but the end is missing.
    case incomplete
    /// - length: bytes of the head, the empty line included.
    case whole(Head, length: Int)
    case other
  }

  /// The request of a client that wants a WebSocket (RFC 6455 §4.1).
  static func request(_ bytes: UnsafeRawBufferPointer, maximumFields: Int) -> Reading<HTTPRequestHead> {
    var lines = Lines(bytes)
    guard let first = lines.next() else { return lines.reading() }
    let words = first.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
    guard words.count == 3, words[0].elementsEqual("GET".utf8), words[2].elementsEqual("HTTP/1.1".utf8),
      words[1].first == UInt8(ascii: "/"),
      words[1].allSatisfy({ $0 > 0x20 && $0 != UInt8(ascii: "#") })
    else { return .other }
    guard let fields = lines.fields(atMost: maximumFields) else { return lines.reading() }
    let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: text(words[1]), headers: fields)
    guard ForwardedRequest.asksForWebSocket(head) else { return .other }
    return .whole(head, length: lines.position)
  }

  /// The answer of a server that switches.
  static func answer(_ bytes: UnsafeRawBufferPointer, maximumFields: Int) -> Reading<HTTPResponseHead> {
    var lines = Lines(bytes)
    guard let first = lines.next() else { return lines.reading() }
    let switched = "HTTP/1.1 101"
    guard first.starts(with: switched.utf8),
      first.count == switched.utf8.count || first[first.startIndex + switched.utf8.count] == 0x20
    else { return .other }
    guard let fields = lines.fields(atMost: maximumFields) else { return lines.reading() }
    return .whole(
      HTTPResponseHead(version: .http1_1, status: .switchingProtocols, headers: fields),
      length: lines.position)
  }

  private static func text(_ bytes: Slice<UnsafeRawBufferPointer>) -> String {
    String(decoding: UnsafeRawBufferPointer(rebasing: bytes), as: UTF8.self)
  }

  /// Walks the lines of a head.
  private struct Lines {
    private let bytes: UnsafeRawBufferPointer
    /// Behind the last line.
    private(set) var position = 0
    private var isOther = false

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    mutating func next() -> Slice<UnsafeRawBufferPointer>? {
      var index = position
      while index < bytes.count {
        let byte = bytes[index]
        if byte == 0x0D {
          guard index + 1 < bytes.count else { return nil }
          guard bytes[index + 1] == 0x0A else { break }
          defer { position = index + 2 }
          return bytes[position..<index]
        }
        guard (0x20..<0x7F).contains(byte) || byte == 0x09 else { break }
        index += 1
      }
      isOther = index < bytes.count
      return nil
    }

    /// The fields up to the empty line; nil where there is no such line, or one that is none of ours.
    mutating func fields(atMost maximum: Int) -> HTTPHeaders? {
      var fields: [(String, String)] = []
      while let line = next() {
        if line.isEmpty { return HTTPHeaders(fields) }
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), fields.count < maximum,
          let name = Self.name(line[..<colon])
        else {
          isOther = true
          return nil
        }
        fields.append((name, Self.value(line[(colon + 1)...])))
      }
      return nil
    }

    /// What the bytes are where no whole head was found.
    func reading<Head>() -> Reading<Head> { isOther ? .other : .incomplete }

    /// A name that announces no body and nothing else to wait for.
    private static func name(_ bytes: Slice<UnsafeRawBufferPointer>) -> String? {
      guard !bytes.isEmpty, bytes.allSatisfy(isToken) else { return nil }
      let name = text(bytes)
      for other in ["content-length", "transfer-encoding", "expect", "trailer"]
      where name.equalsIgnoringCase(other) {
        return nil
      }
      return name
    }

    private static func value(_ bytes: Slice<UnsafeRawBufferPointer>) -> String {
      var rest = bytes.drop { $0 == 0x20 || $0 == 0x09 }
      while let last = rest.last, last == 0x20 || last == 0x09 { rest.removeLast() }
      return text(rest)
    }

    /// A character of a token (RFC 9110 §5.6.2).
    private static func isToken(_ byte: UInt8) -> Bool {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
      default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
      }
    }
  }
}
