import CaptureFormat

/// What is counted of one (namespace, peer, event).
package struct EventRow: Sendable {
  /// The namespace and the event's name as JSON.
  var namespace: [UInt8]
  var event: [UInt8]
  package var from: CaptureRecord.Peer
  package var emits = 0
  /// Emits that asked for an ack.
  package var asked = 0
  package var acknowledged = 0
  package var latencies = LatencyCounts()
  /// Final verdicts that are not `acknowledged`, by the place of their name in `verdictNames`.
  var verdicts = [Int](repeating: 0, count: verdictNames.count)

  /// The verdicts that a row counts, in this order.
  static let verdictNames = ["late", "rejected", "answered_by_event", "superseded", "unanswered"]

  /// Emits with a final verdict and no ack.
  var withoutAck: Int { verdicts.dropFirst().reduce(0, +) }

  /// Counts a final verdict; names that no row counts are ignored.
  mutating func count(_ verdict: String, _ change: Int) {
    if let place = Self.verdictNames.firstIndex(of: verdict) { verdicts[place] += change }
  }
}

/// The rows of events, found by the bytes of their names.
///
/// Distinct names beyond the limit, and overlong ones, share one row for each peer, so that whoever invents names cannot
/// use up memory.
struct EventRows: Sendable {
  private static let maximumNameLength = 1024

  private(set) var rows: [EventRow] = []
  private let limit: Int
  private var places: [Int: [Int32]] = [:]
  private var shared: [Int?] = [nil, nil]

  init(limit: Int = 2_000) {
    self.limit = limit
  }

  /// The place of the row for an event, made where there is none yet.
  @inline(__always)
  mutating func place(
    namespace: UnsafeRawBufferPointer, event: UnsafeRawBufferPointer, from: CaptureRecord.Peer
  ) -> Int {
    var hasher = Hasher()
    hasher.combine(bytes: event)
    hasher.combine(bytes: namespace)
    let hash = hasher.finalize()
    for place in places[hash] ?? [] where isRow(Int(place), namespace, event, from) { return Int(place) }
    if rows.count >= limit || event.count > Self.maximumNameLength || namespace.count > Self.maximumNameLength
    {
      return sharedPlace(from)
    }
    places[hash, default: []].append(Int32(rows.count))
    rows.append(EventRow(namespace: Array(namespace), event: Array(event), from: from))
    return rows.count - 1
  }

  /// Changes a row in place; a place from elsewhere is ignored.
  mutating func update(_ place: Int, _ change: (inout EventRow) -> Void) {
    if rows.indices.contains(place) { change(&rows[place]) }
  }

  private func isRow(
    _ place: Int, _ namespace: UnsafeRawBufferPointer, _ event: UnsafeRawBufferPointer,
    _ from: CaptureRecord.Peer
  ) -> Bool {
    rows[place].from == from && rows[place].event.elementsEqual(event)
      && rows[place].namespace.elementsEqual(namespace)
  }

  private mutating func sharedPlace(_ from: CaptureRecord.Peer) -> Int {
    let index = from == .client ? 0 : 1
    if let place = shared[index] { return place }
    rows.append(EventRow(namespace: Array("\"*\"".utf8), event: Array("\"(other events)\"".utf8), from: from))
    shared[index] = rows.count - 1
    return rows.count - 1
  }
}
