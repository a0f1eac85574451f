#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Emits that were not kept, and wait for their acks.
///
/// Most are answered before a person could read of them, and are forgotten. What is not is an *elder* after two turns, and its
/// record is told, so that a lost emit gets its row however fast the others pass. Bounded: beyond `elderLimit` elders, an ack
/// still counts, only not for its event.
struct SkippedEmits: Sendable {
  /// What an ack needs to know of its emit.
  struct Facts: Equatable, Sendable {
    var conn: Int32
    /// The place of its event.
    var event: Int32
  }

  /// How an emit ended that was skipped.
  enum Settled: Equatable, Sendable {
    /// Nobody was told of it.
    case untold(Facts)
    /// It may have a row.
    case told(Facts)
  }

  /// A record that was not kept, by where it lies among the bytes of its turn.
  private struct Young {
    var seq = -1
    var facts = Facts(conn: 0, event: 0)
    var turn: UInt32 = 0
    var start: UInt32 = 0
    /// 0 where the record was too large.
    var length: UInt32 = 0
  }

  /// The records of one turn, behind one another, and the seqs of their emits.
  private struct Turn {
    var bytes: [UInt8] = []
    var seqs: [Int] = []

    mutating func removeAll() {
      bytes.removeAll(keepingCapacity: true)
      seqs.removeAll(keepingCapacity: true)
    }
  }

  private struct Elder {
    var facts: Facts
    var isTold = false
  }

  /// Emits of the last two turns, by the low bits of their seq; a power of two. Few, as are the bytes of a turn: what the
  /// traffic's thread has to write here should not drive its own data out of the processor's cache.
  private static let youngCount = 1 << 13
  /// Bytes of records in a turn: a fuller one ends early.
  private static let turnBytes = 1 << 19
  /// Bytes of a record that is remembered.
  private static let lineLimit = 64 << 10
  /// Elders at most.
  private static let elderLimit = 1 << 18
  /// Elders that are to be told, and bytes of their records, at most: more have no row.
  private static let untoldLimit = 16_384
  private static let untoldBytes = 16 << 20

  private var young: [Young] = []
  private var youngWaiting = 0
  private var turn: UInt32 = 1
  private var present = Turn()
  private var before = Turn()
  private var elders: [Int: Elder] = [:]
  private var untold: [Int: [UInt8]] = [:]
  private var untoldSize = 0

  /// Whether no skipped emit waits, so that no ack can be of one.
  var isEmpty: Bool { youngWaiting == 0 && elders.isEmpty }
  /// Whether there are records to tell.
  var hasNews: Bool { !untold.isEmpty }

  /// Remembers an emit that was not kept.
  @inline(__always)
  mutating func emitSkipped(_ seq: Int, _ facts: Facts, line: UnsafeRawBufferPointer) {
    if young.isEmpty { young = Array(repeating: Young(), count: Self.youngCount) }
    if present.bytes.count &+ line.count > Self.turnBytes { turned() }
    let place = seq & (Self.youngCount &- 1)
    if young[place].seq >= 0 { grown(place) }
    var length = 0
    let start = present.bytes.count
    if line.count <= Self.lineLimit {
      length = line.count
      present.bytes.append(contentsOf: line)
    }
    present.seqs.append(seq)
    young[place] = Young(
      seq: seq, facts: facts, turn: turn, start: UInt32(truncatingIfNeeded: start),
      length: UInt32(truncatingIfNeeded: length))
    youngWaiting &+= 1
  }

  /// An emit got its ack; nil where it was not skipped, or waits no longer.
  @inline(__always)
  mutating func settled(_ seq: Int) -> Settled? {
    if isYoung(seq) {
      let place = seq & (Self.youngCount &- 1)
      young[place].seq = -1
      youngWaiting &-= 1
      return .untold(young[place].facts)
    }
    if elders.isEmpty { return nil }
    return elderSettled(seq)
  }

  /// Whether an emit was skipped and waits.
  func isWaiting(_ seq: Int) -> Bool { isYoung(seq) || elders[seq] != nil }

  /// A verdict is about an emit: where it was skipped, its record is told before the verdict is.
  mutating func judged(_ seq: Int, isFinal: Bool) {
    if isYoung(seq) { grown(seq & (Self.youngCount &- 1)) }
    // What is told is remembered there; an elder here would wait for ever for an ack that is not to come.
    if isFinal { elders.removeValue(forKey: seq) }
  }

  /// Some time went by, a quarter of a second or so: what has waited for the whole of a turn is old.
  mutating func turned() {
    for seq in before.seqs where isYoung(seq) { grown(seq & (Self.youngCount &- 1)) }
    before.removeAll()
    swap(&before, &present)
    turn &+= 1
  }

  /// The records of emits that nobody was told of, in no order.
  mutating func tell() -> [[UInt8]] {
    guard !untold.isEmpty else { return [] }
    for seq in untold.keys { elders[seq]?.isTold = true }
    defer {
      untold = [:]
      untoldSize = 0
    }
    return Array(untold.values)
  }

  @inline(__always)
  private func isYoung(_ seq: Int) -> Bool {
    seq >= 0 && !young.isEmpty && young[seq & (Self.youngCount &- 1)].seq == seq
  }

  /// Makes an elder of a young one.
  private mutating func grown(_ place: Int) {
    let emit = young[place]
    young[place].seq = -1
    youngWaiting -= 1
    guard elders.count < Self.elderLimit else { return }
    elders[emit.seq] = Elder(facts: emit.facts)
    let length = Int(emit.length)
    guard length > 0, untold.count < Self.untoldLimit, untoldSize + length <= Self.untoldBytes else { return }
    let start = Int(emit.start)
    let lines = emit.turn == turn ? present.bytes : before.bytes
    // Older turns have none left.
    guard start + length <= lines.count else { return }
    untold[emit.seq] = Array(lines[start..<start + length])
    untoldSize += length
  }

  private mutating func elderSettled(_ seq: Int) -> Settled? {
    guard let elder = elders.removeValue(forKey: seq) else { return nil }
    if elder.isTold { return .told(elder.facts) }
    if let line = untold.removeValue(forKey: seq) { untoldSize -= line.count }
    return .untold(elder.facts)
  }
}
