import CaptureFormat

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What is counted of one (namespace, peer, event).
package struct EventRow: Sendable {
  /// The namespace and the event's name as JSON.
  var namespace: [UInt8]
  var event: [UInt8]
  package var from: CaptureRecord.Peer
  package var emits = 0
  /// Emits that asked for an ack.
  package var asked = 0
  /// Of those, how many got their ack in time.
  package var acknowledged = 0
  package var latencies = LatencyCounts()
  /// Emits that asked for an ack and whose final verdict does not count as acknowledged here.
  var ended = 0
  /// Final verdicts that are not `acknowledged`, by the place of their name in `verdictNames`.
  var verdicts = [Int](repeating: 0, count: verdictNames.count)

  /// The verdicts that a row counts, in this order.
  static let verdictNames = ["late", "rejected", "answered_by_event", "superseded", "unanswered"]

  /// Emits that got their ack, in time or late.
  var answered: Int { acknowledged + verdicts[0] }

  /// Emits with a final verdict and no ack.
  var withoutAck: Int { verdicts.dropFirst().reduce(0, +) }

  /// Emits that wait for their ack.
  var waiting: Int { max(0, asked - acknowledged - ended) }

  /// Counts a final verdict; names that no row counts are ignored.
  mutating func count(_ verdict: String, _ change: Int) {
    if let place = Self.verdictNames.firstIndex(of: verdict) { verdicts[place] += change }
  }
}

/// An event of the main namespace whose name has 4 to 16 bytes as JSON, told from all others by few numbers.
private struct ShortName: Equatable {
  private var first: UInt64 = 0
  private var last: UInt64 = 0
  /// The length and the peer; 0 for none.
  private var kind: UInt64 = 0

  init() {}

  /// Nil for a longer or shorter one, or one of another namespace.
  @inline(__always)
  init?(_ namespace: UnsafeRawBufferPointer, _ event: UnsafeRawBufferPointer, _ from: CaptureRecord.Peer) {
    let count = event.count
    guard namespace.count == 3, namespace[1] == 0x2F, count >= 4, count <= 16 else { return nil }
    if count >= 8 {
      // The two may overlap: with the length, they tell every byte.
      first = event.loadUnaligned(fromByteOffset: 0, as: UInt64.self)
      last = event.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
    } else {
      first = UInt64(event.loadUnaligned(fromByteOffset: 0, as: UInt32.self))
      last = UInt64(event.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self))
    }
    kind = UInt64(count &<< 1)
    if case .server = from { kind |= 1 }
  }

  /// A number below 256.
  @inline(__always)
  var bucket: Int { Int(((first ^ last &<< 1 ^ kind) &* 0x9E37_79B9_7F4A_7C15) &>> 56) }
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
  /// The places of short names found last: traffic knows few names, and most of those are short.
  private var recentShort = [(name: ShortName, place: Int)](repeating: (ShortName(), -1), count: 256)
  /// Those of all others, by the low bits of their hashes.
  private var recent = [Int32](repeating: -1, count: 256)
  /// Whoever invents names cannot choose those that meet in one place.
  private let seed = UInt64.random(in: .min ... .max)

  init(limit: Int = 2_000) {
    self.limit = limit
  }

  /// The place of the row for an event, made where there is none yet.
  @inline(__always)
  mutating func place(
    namespace: UnsafeRawBufferPointer, event: UnsafeRawBufferPointer, from: CaptureRecord.Peer
  ) -> Int {
    guard let name = ShortName(namespace, event, from) else {
      return placeOfAny(namespace: namespace, event: event, from: from)
    }
    let bucket = name.bucket
    if recentShort[bucket].name == name { return recentShort[bucket].place }
    let place = placeOfAny(namespace: namespace, event: event, from: from)
    recentShort[bucket] = (name, place)
    return place
  }

  private mutating func placeOfAny(
    namespace: UnsafeRawBufferPointer, event: UnsafeRawBufferPointer, from: CaptureRecord.Peer
  ) -> Int {
    let hash = Int(truncatingIfNeeded: Self.hash(namespace, Self.hash(event, seed)))
    let recently = Int(recent[hash & 255])
    if recently >= 0, isRow(recently, namespace, event, from) { return recently }
    for place in places[hash] ?? [] where isRow(Int(place), namespace, event, from) {
      recent[hash & 255] = place
      return Int(place)
    }
    if rows.count >= limit || event.count > Self.maximumNameLength || namespace.count > Self.maximumNameLength
    {
      return sharedPlace(from)
    }
    places[hash, default: []].append(Int32(rows.count))
    rows.append(EventRow(namespace: Array(namespace), event: Array(event), from: from))
    return rows.count - 1
  }

  /// The peer that asks for acks of an event; the client where both do, or none.
  func asker(namespace: UnsafeRawBufferPointer, event: UnsafeRawBufferPointer) -> CaptureRecord.Peer {
    func asks(_ peer: CaptureRecord.Peer) -> Bool {
      rows.indices.contains { rows[$0].asked > 0 && isRow($0, namespace, event, peer) }
    }
    return asks(.server) && !asks(.client) ? .server : .client
  }

  /// Changes a row in place; a place from elsewhere is ignored.
  mutating func update(_ place: Int, _ change: (inout EventRow) -> Void) {
    if rows.indices.contains(place) { change(&rows[place]) }
  }

  private func isRow(
    _ place: Int, _ namespace: UnsafeRawBufferPointer, _ event: UnsafeRawBufferPointer,
    _ from: CaptureRecord.Peer
  ) -> Bool {
    rows[place].from == from && Self.areEqual(rows[place].event, event)
      && Self.areEqual(rows[place].namespace, namespace)
  }

  @inline(__always)
  private static func areEqual(_ kept: [UInt8], _ bytes: UnsafeRawBufferPointer) -> Bool {
    guard kept.count == bytes.count, let start = bytes.baseAddress else {
      return kept.isEmpty && bytes.isEmpty
    }
    return kept.withUnsafeBytes { kept in
      kept.baseAddress.map { memcmp($0, start, bytes.count) == 0 } ?? true
    }
  }

  /// Eight bytes at a time.
  @inline(__always)
  private static func hash(_ bytes: UnsafeRawBufferPointer, _ seed: UInt64) -> UInt64 {
    var hash = seed ^ UInt64(bytes.count)
    func mix(_ word: UInt64) {
      hash = (hash ^ word) &* 0x9E37_79B9_7F4A_7C15
      hash ^= hash >> 29
    }
    var index = 0
    while index &+ 8 <= bytes.count {
      mix(bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
      index &+= 8
    }
    var last: UInt64 = 0
    while index < bytes.count {
      last = last << 8 | UInt64(bytes[index])
      index &+= 1
    }
    mix(last)
    return hash
  }

  private mutating func sharedPlace(_ from: CaptureRecord.Peer) -> Int {
    let index = from == .client ? 0 : 1
    if let place = shared[index] { return place }
    rows.append(EventRow(namespace: Array("\"*\"".utf8), event: Array("\"(other events)\"".utf8), from: from))
    shared[index] = rows.count - 1
    return rows.count - 1
  }
}
