import AckCorrelation

/// What the entries of a HAR tell, as steps in the order of time, each on a connection.
///
/// Requests that name one connection and do not overlap share it; HTTP/2 puts many on one at once, so that what overlaps gets
/// connections of its own.
struct HARTimeline {
  enum What: Equatable {
    case opened, requested, answered
    /// The place of the message in its entry.
    case message(Int)
    case closed
  }

  struct Step {
    var time: Timestamp
    var connection: ConnectionNumber
    /// The place of the entry.
    var entry: Int
    var what: What
  }

  private(set) var steps: [Step] = []

  private struct Lane {
    var number: ConnectionNumber
    var name: String?
    var server: String
    /// Nil where nothing more can use it.
    var freeAt: Timestamp?
  }

  /// - Parameter keepsNumbers: connections are named by the numbers that they had in a capture, and have them again.
  init(_ entries: [HAREntry], keepsNumbers: Bool) {
    var lanes: [Lane] = []
    let own = keepsNumbers ? entries.compactMap { $0.connection.flatMap { UInt32($0) } } : []
    var nextNumber: UInt32 = (own.max() ?? 0) &+ 1
    var used: Set<UInt32> = []
    let order = entries.indices.sorted { (entries[$0].startedAt, $0) < (entries[$1].startedAt, $1) }
    for place in order {
      let entry = entries[place]
      let found = lanes.firstIndex { lane in
        lane.server == entry.server && lane.name == entry.connection
          && (lane.name != nil || !entry.isWebSocket)
          && lane.freeAt.map { $0 <= entry.startedAt } ?? false
      }
      let lane = found ?? lanes.count
      if found == nil {
        var number = nextNumber
        if keepsNumbers, let own = entry.connection.flatMap({ UInt32($0) }), !used.contains(own) {
          number = own
        } else {
          nextNumber &+= 1
        }
        used.insert(number)
        lanes.append(
          Lane(
            number: ConnectionNumber(number), name: entry.connection, server: entry.server, freeAt: nil))
      }
      let number = lanes[lane].number
      func add(_ what: What, at time: Timestamp) {
        steps.append(Step(time: time, connection: number, entry: place, what: what))
      }
      if found == nil { add(.opened, at: entry.startedAt) }
      add(.requested, at: entry.startedAt)
      if entry.response != nil { add(.answered, at: entry.isWebSocket ? entry.answeredAt : entry.endedAt) }
      for (index, message) in (entry.messages ?? []).enumerated() {
        add(.message(index), at: max(message.time, entry.answeredAt))
      }
      if let close = entry.close { add(.closed, at: max(close.time, entry.endedAt)) }
      let isReusable = !entry.isWebSocket && entry.response != nil && entry.close == nil
      lanes[lane].freeAt = isReusable ? entry.endedAt : nil
    }
    // Of one moment: the order of the entries, and within an entry its own.
    let sorted = steps.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }
    steps = sorted.map(\.element)
  }
}
