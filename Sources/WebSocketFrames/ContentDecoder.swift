/// Undoes the HTTP content coding of a polling body, as it arrives (RFC 9110 §8.4).
///
/// Output is handed on up to a limit; beyond it the body is followed and counted, in constant memory.
package struct ContentDecoder: ~Copyable {
  /// What a body turned out to be, once it ended.
  package enum Outcome: Sendable, Equatable {
    /// All there, checksum included where the coding has one. An empty body counts as complete.
    case complete
    /// The body ended before the compressed stream did.
    case incomplete
    /// Not what the coding says, noticed after `offset` bytes of the body had been understood.
    case corrupt(offset: Int)
    /// No memory for inflating.
    case outOfMemory
  }

  private enum Format {
    case identity, gzip
    /// `deflate` before its first two bytes told zlib format from raw.
    case undecidedDeflate
    case deflate
  }

  private enum Phase: Equatable {
    case decoding
    /// A gzip member ended; another may follow.
    case betweenMembers
    /// Bytes that follow are ignored, as receivers do.
    case done
    case failed(Outcome)
  }

  private var format: Format
  private var phase = Phase.decoding
  private var inflater: Inflater
  private var block: MessageBuffer
  private var firstByte: UInt8?
  private var taken = 0
  private let limit: Int

  /// Decoded bytes so far, those beyond the limit included.
  package private(set) var length = 0

  /// Whether the body decodes to more than was handed on.
  package var isTruncated: Bool { length > limit }

  /// Takes the Content-Encoding value; `nil` for codings that cannot be decoded here, as `br`, and for stacked ones.
  ///
  /// `deflate` is zlib format by the book and in practice (PROTOCOL.md A.10); raw DEFLATE is accepted too.
  /// `limit` is how many decoded bytes are handed on at most.
  package init?(coding: String, limit: Int) {
    let names = coding.utf8.split(separator: 0x2C).map { name in
      String(decoding: name.filter { $0 != 0x20 && $0 != 0x09 }, as: UTF8.self).lowercased()
    }
    let codings = names.filter { !$0.isEmpty && $0 != "identity" }
    guard codings.count <= 1 else { return nil }
    switch codings.first {
    case nil: format = .identity
    case "gzip", "x-gzip": format = .gzip
    case "deflate": format = .undecidedDeflate
    default: return nil
    }
    inflater = Inflater(windowBits: 15 + 16)
    block = MessageBuffer(limit: 0)
    self.limit = max(limit, 0)
  }

  /// Takes the next bytes of the body; hands decoded bytes on, valid during the call only.
  package mutating func receive(_ bytes: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void) {
    guard !bytes.isEmpty else { return }
    switch format {
    case .identity:
      taken &+= bytes.count
      handOn(bytes, body)
    case .undecidedDeflate:
      let first: UInt8
      var rest = bytes
      if let firstByte {
        first = firstByte
      } else {
        first = bytes[0]
        firstByte = first
        rest = UnsafeRawBufferPointer(rebasing: bytes[1...])
      }
      guard let second = rest.first else { return }
      format = .deflate
      inflater = Inflater(windowBits: ContentDecoder.isZlibHeader(first, second) ? 15 : -15)
      withUnsafeBytes(of: first) { inflate($0, body) }
      inflate(rest, body)
    case .gzip, .deflate:
      inflate(bytes, body)
    }
  }

  /// Takes the next bytes of the body; appends decoded bytes to `output`.
  package mutating func receive(_ bytes: UnsafeRawBufferPointer, into output: inout [UInt8]) {
    receive(bytes) { output.append(contentsOf: $0) }
  }

  /// The body ended; says whether it was all there.
  package mutating func finish() -> Outcome {
    defer {
      inflater.release()
      block.release()
    }
    switch phase {
    case .failed(let outcome): return outcome
    case .done, .betweenMembers: return .complete
    case .decoding:
      let isEmpty = taken == 0 && firstByte == nil
      return format == .identity || isEmpty ? .complete : .incomplete
    }
  }

  private mutating func inflate(_ bytes: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void) {
    var rest = bytes
    loop: while true {
      switch phase {
      case .done, .failed: return
      case .betweenMembers:
        guard let next = rest.first else { return }
        // RFC 1952 §2.2: members follow each other. What does not begin as one is padding.
        guard next == 0x1F else {
          phase = .done
          return
        }
        inflater.reset()
        phase = .decoding
      case .decoding:
        let room = block.room(4096)
        let before = rest.count
        let (produced, progress) = inflater.inflate(&rest, into: room)
        taken &+= before &- rest.count
        handOn(UnsafeRawBufferPointer(rebasing: room[..<produced]), body)
        switch progress {
        case .full: continue loop
        case .starved: return
        case .ended: phase = format == .gzip ? .betweenMembers : .done
        case .invalid: phase = .failed(.corrupt(offset: taken))
        case .outOfMemory: phase = .failed(.outOfMemory)
        }
      }
    }
  }

  private mutating func handOn(_ decoded: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void) {
    let room = max(limit &- length, 0)
    length &+= decoded.count
    let kept = min(decoded.count, room)
    if kept > 0 { body(UnsafeRawBufferPointer(rebasing: decoded[..<kept])) }
  }

  /// RFC 1950 §2.2: method 8, a window of at most 32 KiB, and a check sum over both bytes. Raw DEFLATE would begin
  /// so only with a stored block whose padding is not zero, which no compressor writes.
  private static func isZlibHeader(_ first: UInt8, _ second: UInt8) -> Bool {
    first & 0x0F == 8 && first >> 4 <= 7 && (UInt16(first) << 8 | UInt16(second)) % 31 == 0
  }
}
