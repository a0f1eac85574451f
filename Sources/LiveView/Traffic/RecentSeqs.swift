/// The latest seqs of records, at most so many, in the order they came.
struct RecentSeqs: Sendable {
  private let limit: Int
  private var seqs: [Int] = []
  private var start = 0

  init(limit: Int) {
    self.limit = max(1, limit)
  }

  var count: Int { seqs.count - start }

  /// Oldest first.
  var all: ArraySlice<Int> { seqs[start...] }

  @inline(__always)
  mutating func append(_ seq: Int) {
    seqs.append(seq)
    if seqs.count - start > limit {
      start += 1
      // Moving is paid for once in `limit` appends.
      if start >= limit {
        seqs.removeFirst(start)
        start = 0
      }
    }
  }

  /// Forgets all of them.
  mutating func removeAll() {
    seqs.removeAll(keepingCapacity: true)
    start = 0
  }
}
