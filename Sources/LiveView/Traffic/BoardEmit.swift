import CaptureFormat

/// An emit that asked for an ack and did not get it, or not yet: what the board keeps of it.
package struct BoardEmit: Sendable {
  /// What a verdict record said last.
  package final class Note: Sendable {
    package let verdict: String
    package let cause: String?
    package let certainty: String?
    package let evidence: [Int]
    /// Microseconds from the emit to the verdict.
    package let age: Int?
    package let isFinal: Bool

    init(_ record: CaptureRecord) {
      verdict = record.string(.verdict) ?? "unanswered"
      cause = record.string(.cause)
      certainty = record.string(.certainty)
      evidence = BoardEmit.numbers(record[.evidence])
      age = record.integer(.age)
      isFinal = record.isTrue(.final)
    }

    /// Whether its emit stays on the board: one that was answered leaves it, also when that was late; not where the answer
    /// reached nobody.
    var isBad: Bool {
      switch verdict {
      case "acknowledged", "unconfirmed": false
      case "late": cause == "after_peer_left"
      default: true
      }
    }
  }

  package var seq: Int
  package var time: CaptureTimestamp
  package var conn: Int?
  package var session: Int?
  package var from: CaptureRecord.Peer
  /// The place of its event's row.
  var event: Int
  /// The ack id, as the number on the wire.
  package var id: String
  /// The last verdict record, final or not.
  package var note: Note?
  /// Microseconds to an ack that came after the ack timeout; its verdict record follows.
  var latency: Int?
  /// The record, once the history had to let go of it; nil also where it was too large.
  var line: [UInt8]?
  /// What the filter finds in it; nil without a filter.
  var facts: CaptureFilter.Facts?

  /// Microseconds that it has waited: to its verdict where that is final, else to `now`.
  func age(at now: CaptureTimestamp) -> Int {
    if let note, note.isFinal, let age = note.age { return age }
    return max(0, Int(now.since(time)))
  }

  /// The verdict as of `now`.
  func verdict(at now: CaptureTimestamp, ackTimeout: Int) -> String {
    if let note, note.isFinal { return note.verdict }
    return age(at: now) > ackTimeout ? "overdue" : "pending"
  }

  /// The whole numbers of a JSON array; at most 64 are wanted.
  static func numbers(_ array: UnsafeRawBufferPointer?) -> [Int] {
    guard let array, array.first == 0x5B else { return [] }
    return array.dropFirst().dropLast().split(separator: 0x2C).prefix(64).compactMap {
      Int(String(decoding: $0, as: UTF8.self).filter { $0.isNumber })
    }
  }
}
