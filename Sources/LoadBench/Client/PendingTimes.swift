/// When the emits that have no ack yet were meant to be sent, oldest first.
///
/// A connection's acks come in the order of its emits, so that none has to be looked up.
struct PendingTimes {
  private var times: [Int64] = []
  private var first = 0

  var count: Int { times.count - first }

  mutating func append(_ time: Int64) { times.append(time) }

  /// The oldest, no longer pending; nil when none is.
  mutating func removeFirst() -> Int64? {
    guard first < times.count else { return nil }
    let time = times[first]
    first += 1
    if first == times.count {
      times.removeAll(keepingCapacity: true)
      first = 0
    } else if first > 4096 {
      times.removeFirst(first)
      first = 0
    }
    return time
  }
}
