import CaptureFormat

/// The rows of events, found by the bytes of their names without making strings of them.
///
/// Distinct names beyond the limit, and overlong ones, share one row for each peer, so that a client that invents names cannot use up memory.
struct EventTable {
  /// Bytes of JSON above which a name gets no row of its own: no program names its events so.
  private static let maximumNameLength = 1024

  /// How many distinct rows are kept apart.
  static let defaultLimit = 10_000

  private(set) var rows: [EventRow] = []
  /// Whether names were met that have no row of their own.
  private(set) var isFull = false
  private let limit: Int
  private var places: [Int32]
  private var shared: (client: Int?, server: Int?) = (nil, nil)

  init(limit: Int = Self.defaultLimit) {
    self.limit = limit
    places = Array(repeating: -1, count: 64)
  }

  /// The place of the row for an event, made where there is none yet.
  mutating func place(
    namespace: UnsafeRawBufferPointer, event: UnsafeRawBufferPointer, from: CaptureRecord.Peer
  ) -> Int {
    if event.count > Self.maximumNameLength || namespace.count > Self.maximumNameLength {
      return sharedPlace(from)
    }
    var slot = Self.hash(namespace, event, from) & (places.count - 1)
    while places[slot] >= 0 {
      let index = Int(places[slot])
      if isRow(index, namespace, event, from) { return index }
      slot = (slot + 1) & (places.count - 1)
    }
    if rows.count >= limit { return sharedPlace(from) }
    places[slot] = Int32(rows.count)
    rows.append(EventRow(namespace: Array(namespace), event: Array(event), from: from))
    if rows.count * 2 > places.count { enlarge() }
    return rows.count - 1
  }

  /// Changes a row in place.
  mutating func update(_ place: Int, _ change: (inout EventRow) -> Void) {
    change(&rows[place])
  }

  private func isRow(
    _ index: Int, _ namespace: UnsafeRawBufferPointer, _ event: UnsafeRawBufferPointer,
    _ from: CaptureRecord.Peer
  ) -> Bool {
    rows[index].from == from && Self.isEqual(rows[index].event, event)
      && Self.isEqual(rows[index].namespace, namespace)
  }

  private static func isEqual(_ bytes: [UInt8], _ slice: UnsafeRawBufferPointer) -> Bool {
    bytes.count == slice.count && bytes.withUnsafeBytes { $0.elementsEqual(slice) }
  }

  private mutating func sharedPlace(_ from: CaptureRecord.Peer) -> Int {
    isFull = true
    if let place = from == .client ? shared.client : shared.server { return place }
    rows.append(EventRow(namespace: Array("\"*\"".utf8), event: Array("\"(other events)\"".utf8), from: from))
    if from == .client { shared.client = rows.count - 1 } else { shared.server = rows.count - 1 }
    return rows.count - 1
  }

  private mutating func enlarge() {
    places = Array(repeating: -1, count: places.count * 2)
    for (index, row) in rows.enumerated() {
      let hash = row.namespace.withUnsafeBytes { namespace in
        row.event.withUnsafeBytes { Self.hash(namespace, $0, row.from) }
      }
      var slot = hash & (places.count - 1)
      while places[slot] >= 0 { slot = (slot + 1) & (places.count - 1) }
      places[slot] = Int32(index)
    }
  }

  /// Seeded by the standard library for each process: names from the wire cannot be chosen to collide.
  private static func hash(
    _ namespace: UnsafeRawBufferPointer, _ event: UnsafeRawBufferPointer, _ from: CaptureRecord.Peer
  ) -> Int {
    var hasher = Hasher()
    hasher.combine(bytes: event)
    hasher.combine(bytes: namespace)
    hasher.combine(from)
    return hasher.finalize()
  }
}
