import Foundation

/// One line of a capture: the members, and the line itself for exact digits and order.
struct CaptureRecord: Sendable, CustomStringConvertible {
  let line: String
  let members: JSON
  let type: String
  let seq: Int

  init(line: String) throws {
    self.line = line
    members = try JSON(parsing: line)
    type = members["type"]?.string ?? ""
    seq = members["seq"]?.int ?? -1
  }

  subscript(name: String) -> JSON? { members[name] }

  var from: String? { self["from"]?.string }
  var transport: String? { self["transport"]?.string }
  var socket: String? { self["socket"]?.string }
  var namespace: String? { self["namespace"]?.string }
  var event: String? { self["event"]?.string }
  var id: Int? { self["id"]?.int }
  var description: String { line }

  /// An event, binary or not.
  var isEvent: Bool { socket == "event" || socket == "binary_event" }

  /// An ack, binary or not.
  var isAck: Bool { socket == "ack" || socket == "binary_ack" }
}

/// A capture as a test reads it.
struct CaptureFile: Sendable {
  let records: [CaptureRecord]

  /// The last line had no newline; it is not among the records.
  let isTorn: Bool

  private let byEmit: (acks: [Int: CaptureRecord], verdicts: [Int: [CaptureRecord]])

  /// Reads a capture, complete or still being written. Throws where a line other than a torn last one is not JSON.
  init(contentsOf file: URL) throws {
    let text = try String(contentsOf: file, encoding: .utf8)
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    let torn = lines.removeLast()
    try self.init(lines: lines, isTorn: !torn.isEmpty)
  }

  init(lines: [String], isTorn: Bool) throws {
    records = try lines.map(CaptureRecord.init(line:))
    self.isTorn = isTorn
    let acks = records.filter(\.isAck).compactMap { ack in ack["ack_of"]?.int.map { ($0, ack) } }
    byEmit = (
      Dictionary(acks, uniquingKeysWith: { first, _ in first }),
      Dictionary(grouping: records.filter { $0.type == "verdict" }) { $0["emit"]?.int ?? -1 }
    )
  }

  /// The record with this address.
  func record(_ seq: Int) -> CaptureRecord? {
    // In a whole capture the numbers count the lines.
    if records.indices.contains(seq - 1), records[seq - 1].seq == seq { return records[seq - 1] }
    return records.first { $0.seq == seq }
  }

  func records(_ type: String) -> [CaptureRecord] { records.filter { $0.type == type } }

  /// Socket.IO events, narrowed by whatever is given.
  func events(from: String? = nil, namespace: String? = nil, event: String? = nil) -> [CaptureRecord] {
    records("packet").filter {
      $0.isEvent && (from == nil || $0.from == from) && (namespace == nil || $0.namespace == namespace)
        && (event == nil || $0.event == event)
    }
  }

  /// Events that ask for an ack.
  func emits(from: String? = nil, namespace: String? = nil, event: String? = nil) -> [CaptureRecord] {
    events(from: from, namespace: namespace, event: event).filter { $0.id != nil }
  }

  /// Acks, by the peer that sent them.
  func acks(from: String? = nil, namespace: String? = nil) -> [CaptureRecord] {
    records("packet").filter {
      $0.isAck && (from == nil || $0.from == from) && (namespace == nil || $0.namespace == namespace)
    }
  }

  /// The ack that was paired with this emit.
  func ack(of emit: CaptureRecord) -> CaptureRecord? { byEmit.acks[emit.seq] }

  /// The verdicts on this emit, in order.
  func verdicts(on emit: CaptureRecord) -> [CaptureRecord] {
    byEmit.verdicts[emit.seq] ?? []
  }

  /// The last word on this emit.
  func finalVerdict(on emit: CaptureRecord) -> CaptureRecord? {
    verdicts(on: emit).last { $0["final"]?.bool == true }
  }

  /// Counts of events keyed "namespace event", as the peers' own reports have them.
  func eventCounts(from: String) -> [String: Int] {
    Dictionary(
      events(from: from).map { ("\($0.namespace ?? "?") \($0.event ?? "?")", 1) }, uniquingKeysWith: +)
  }

  /// Counts of acks keyed "namespace event" of the emit they answer, by the peer that acknowledged.
  func ackCounts(from: String) -> [String: Int] {
    let keys = acks(from: from).map { ack in
      let emit = ack["ack_of"]?.int.flatMap(record)
      return ("\(ack.namespace ?? "?") \(emit?.event ?? "?")", 1)
    }
    return Dictionary(keys, uniquingKeysWith: +)
  }
}
