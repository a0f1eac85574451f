import CaptureFormat

/// What is known of one connection, and of the session that it carries.
package struct ConnectionRow: Sendable {
  package var number: Int
  package var opened: CaptureTimestamp
  package var closed: CaptureTimestamp?
  /// Addresses, as the capture has them.
  package var client = ""
  package var upstream = ""
  package var session: Int?
  package var sid = ""
  package var eio: Int?
  package var resumedFrom: Int?
  /// Transports met, in the order they came.
  package var transports: [CaptureRecord.Transport] = []
  package var fromClient = 0
  package var fromServer = 0
  /// Payload bytes of the packets.
  package var bytes = 0
  package var emits = 0
  /// Emits that wait for their ack.
  package var pending = 0
  package var endedBadly = 0
  /// The names of its findings, each once.
  package var findings: [String] = []
  /// Why it ended.
  package var closedBy = ""
  package var closeCode: Int?
  package var closeReason = ""
  package var undecodable = ""
  /// Lines that a slice of the capture needs: `open`, `handshake`, `session`.
  var opening: [[UInt8]] = []
}

/// The connections, newest last; beyond the limit the oldest that are closed are forgotten first.
struct ConnectionRows: Sendable {
  private let limit: Int
  private(set) var rows: [ConnectionRow] = []
  private var places: [Int: Int] = [:]
  /// Connections that were forgotten.
  private(set) var forgotten = 0

  init(limit: Int = 4_000) {
    self.limit = max(16, limit)
  }

  /// A connection by its number.
  subscript(number: Int) -> ConnectionRow? { places[number].map { rows[$0] } }

  /// Changes a connection's row; makes one for a connection that was not met before.
  @inline(__always)
  mutating func update(_ number: Int, at time: CaptureTimestamp, _ change: (inout ConnectionRow) -> Void) {
    if let place = places[number] {
      change(&rows[place])
      return
    }
    if rows.count >= limit { makeRoom() }
    places[number] = rows.count
    rows.append(ConnectionRow(number: number, opened: time))
    change(&rows[rows.count - 1])
  }

  /// Forgets an eighth, closed ones first, so that making room is rare.
  private mutating func makeRoom() {
    var surplus = limit / 8
    forgotten += surplus
    var kept = rows.filter { row in
      guard surplus > 0, row.closed != nil else { return true }
      surplus -= 1
      return false
    }
    kept.removeFirst(surplus)
    rows = kept
    places = Dictionary(kept.enumerated().map { ($1.number, $0) }, uniquingKeysWith: { $1 })
  }
}
