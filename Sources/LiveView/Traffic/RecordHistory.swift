/// The latest records as they were written, found by their seq, in bounded memory.
///
/// Lines lie behind one another in chunks; the oldest chunk goes when there are too many bytes. A copy is a snapshot and
/// shares the chunks. Records come in rising order of seq; one out of order is kept and may not be found.
package struct RecordHistory: Sendable {
  /// Lines behind one another.
  struct Chunk: Sendable {
    fileprivate var bytes: [UInt8] = []
    fileprivate var seqs: [Int] = []
    fileprivate var starts: [Int] = []

    /// Lends each line, in order, until `body` returns false.
    func forEach(_ body: (_ seq: Int, UnsafeRawBufferPointer) -> Bool) {
      RecordHistory.forEach(self, from: 0, body)
    }
  }

  private static let chunkSize = 1 << 20

  private let limit: Int
  private var chunks: [Chunk] = []
  private var size = 0

  /// - Parameter limit: bytes of lines kept, in whole chunks of 1 MiB; at least two chunks are.
  package init(limit: Int = 32 << 20) {
    self.limit = limit
  }

  /// The seq of the oldest record that is kept.
  var oldestSeq: Int? { chunks.first?.seqs.first }

  /// Keeps a line, without its line break; returns the chunk that had to make room for it, if any.
  @inline(__always)
  mutating func append(_ line: UnsafeRawBufferPointer, seq: Int) -> Chunk? {
    var gone: Chunk?
    if chunks.isEmpty || chunks[chunks.count - 1].bytes.count + line.count > Self.chunkSize { gone = begin() }
    let last = chunks.count - 1
    chunks[last].seqs.append(seq)
    chunks[last].starts.append(chunks[last].bytes.count)
    chunks[last].bytes.append(contentsOf: line)
    size &+= line.count
    return gone
  }

  private mutating func begin() -> Chunk? {
    var gone: Chunk?
    if size > limit, chunks.count > 2 {
      let first = chunks.removeFirst()
      size -= first.bytes.count
      gone = first
    }
    var chunk = Chunk()
    chunk.bytes.reserveCapacity(Self.chunkSize)
    chunks.append(chunk)
    return gone
  }

  /// Lends the line of a record to `body`; nil where it is not kept.
  func withLine<Result>(of seq: Int, _ body: (UnsafeRawBufferPointer) -> Result) -> Result? {
    guard let chunk = chunk(of: seq) else { return nil }
    let index = Self.place(chunks[chunk].seqs, seq)
    guard index < chunks[chunk].seqs.count, chunks[chunk].seqs[index] == seq else { return nil }
    return Self.withLine(chunks[chunk], index, body)
  }

  /// Lends the kept lines from a seq on, in order, until `body` returns false.
  func forEach(from seq: Int, _ body: (_ seq: Int, UnsafeRawBufferPointer) -> Bool) {
    let first = chunk(of: seq) ?? 0
    for index in chunks.indices where index >= first {
      let start = index == first ? Self.place(chunks[index].seqs, seq) : 0
      if !Self.forEach(chunks[index], from: start, body) { return }
    }
  }

  /// Lends the kept lines, the latest first, until `body` returns false.
  func forEachBackward(_ body: (_ seq: Int, UnsafeRawBufferPointer) -> Bool) {
    for chunk in chunks.reversed() {
      for index in chunk.seqs.indices.reversed() {
        if !Self.withLine(chunk, index, { body(chunk.seqs[index], $0) }) { return }
      }
    }
  }

  /// The chunk that would hold the record.
  private func chunk(of seq: Int) -> Int? {
    chunks.lastIndex { ($0.seqs.first ?? .max) <= seq }
  }

  @discardableResult
  fileprivate static func forEach(
    _ chunk: Chunk, from start: Int, _ body: (Int, UnsafeRawBufferPointer) -> Bool
  ) -> Bool {
    guard start < chunk.seqs.count else { return true }
    for index in start..<chunk.seqs.count {
      if !withLine(chunk, index, { body(chunk.seqs[index], $0) }) { return false }
    }
    return true
  }

  private static func withLine<Result>(
    _ chunk: Chunk, _ index: Int, _ body: (UnsafeRawBufferPointer) -> Result
  ) -> Result {
    let end = index + 1 < chunk.starts.count ? chunk.starts[index + 1] : chunk.bytes.count
    return chunk.bytes.withUnsafeBytes {
      body(UnsafeRawBufferPointer(rebasing: $0[chunk.starts[index]..<end]))
    }
  }

  /// The index of the first seq that is not below `seq`.
  private static func place(_ seqs: [Int], _ seq: Int) -> Int {
    var low = 0
    var high = seqs.count
    while low < high {
      let middle = (low + high) / 2
      if seqs[middle] < seq { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
