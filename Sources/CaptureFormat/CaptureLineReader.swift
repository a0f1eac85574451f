import JSONText

/// One line of a capture: where it stands, and its bytes without the line break.
///
/// The bytes are valid during the call that lends the line only.
package struct CaptureLine {
  /// The line's bytes, or its first bytes where it is longer than the reader's limit.
  package let bytes: UnsafeRawBufferPointer
  /// Counted from 1.
  package let number: Int
  /// Bytes from the start of the capture to the line's first byte.
  package let offset: Int
  /// Whether the line was longer than the limit, so that `bytes` is not all of it.
  package let isCut: Bool
}

/// Cuts a capture's bytes, arriving in pieces cut anywhere, into lines.
///
/// A line inside one piece is lent in place; only a line that spans pieces is copied. A last line without its line
/// break is a torn write (CAPTURE-FORMAT.md) and is never lent: `ended()` tells its length.
/// Memory: one line, up to the limit.
package struct CaptureLineReader: ~Copyable {
  /// The length above which a line is lent cut: 64 MiB. A proxy's default limits keep its lines far below that.
  package static let defaultMaximumLineLength = 64 << 20

  private let maximumLineLength: Int
  private var carried: ByteSink
  /// Bytes of the unfinished line so far, kept or not.
  private var carriedLength = 0
  private var nextOffset = 0
  /// Lines lent so far.
  package private(set) var lineCount = 0

  package init(maximumLineLength: Int = Self.defaultMaximumLineLength) {
    self.maximumLineLength = max(1, maximumLineLength)
    carried = ByteSink(capacity: 1024)
  }

  /// Takes the next piece and lends every line that ends in it, in order.
  package mutating func bytesArrived<Failure: Error>(
    _ piece: UnsafeRawBufferPointer, _ lend: (CaptureLine) throws(Failure) -> Void
  ) throws(Failure) {
    var start = 0
    while let end = Self.lineBreak(in: piece, from: start) {
      let part = UnsafeRawBufferPointer(rebasing: piece[start..<end])
      let length = carriedLength &+ part.count
      if carriedLength == 0 {
        try lend(line(part.count > maximumLineLength ? prefix(of: part) : part, length: length))
      } else {
        carry(part)
        try lend(line(carried.bytes, length: length))
        carried.removeAll()
        carriedLength = 0
      }
      start = end &+ 1
    }
    if start < piece.count { carry(UnsafeRawBufferPointer(rebasing: piece[start...])) }
  }

  /// Takes note of the end and tells how many bytes stand behind the last line break: 0, or a torn line.
  package mutating func ended() -> Int {
    let torn = carriedLength
    carried.removeAll()
    carriedLength = 0
    return torn
  }

  private mutating func line(_ bytes: UnsafeRawBufferPointer, length: Int) -> CaptureLine {
    lineCount &+= 1
    let offset = nextOffset
    nextOffset &+= length &+ 1
    return CaptureLine(bytes: bytes, number: lineCount, offset: offset, isCut: length > maximumLineLength)
  }

  private func prefix(of part: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: part[..<maximumLineLength])
  }

  private mutating func carry(_ part: UnsafeRawBufferPointer) {
    carriedLength &+= part.count
    let room = maximumLineLength - carried.count
    carried.append(part.count > room ? UnsafeRawBufferPointer(rebasing: part[..<room]) : part)
  }

  /// The place of the first LF at or behind `start`, or nil. Eight bytes at a time: a capture is mostly long lines.
  package static func lineBreak(in bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let highs: UInt64 = 0x8080_8080_8080_8080
    var index = start
    while index &+ 32 <= bytes.count {
      func marks(_ offset: Int) -> UInt64 {
        let word = bytes.loadUnaligned(fromByteOffset: index &+ offset, as: UInt64.self) ^ (ones &* 0x0A)
        return (word &- ones) & ~word & highs
      }
      if marks(0) | marks(8) | marks(16) | marks(24) != 0 { break }
      index &+= 32
    }
    while index < bytes.count {
      if bytes[index] == 0x0A { return index }
      index &+= 1
    }
    return nil
  }
}
