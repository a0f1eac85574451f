import CaptureFormat

// What records tell about connections and sessions.

extension TrafficModel {
  /// The opening lines of a connection that are kept for slices, each at most so long.
  private static let openingLineLength = 8 << 10

  /// Takes note of what a record tells of its connection.
  mutating func connectionChanged(_ record: CaptureRecord) {
    if record.kind == .session || record.kind == .carried, let session = record.session,
      let sid = record.string(.sid)
    {
      sids.insert(String(sid.prefix(128)), for: session)
    }
    if record.kind == .open { alerts.removeAll { $0.endsWithConnection && $0.time < record.time } }
    guard let conn = record.conn else { return }
    connections.update(conn, at: record.time) { row in
      switch record.kind {
      case .open, .carried:
        row.opened = record.time
        row.client = record.string(.client) ?? ""
        row.upstream = record.string(.upstream) ?? ""
      case .session:
        row.session = record.session
        row.sid = record.string(.sid) ?? ""
        row.eio = record.integer(.eio)
        row.resumedFrom = record.integer(.resumedFrom)
      case .exchange:
        if row.transports.last != .polling, row.transports.count < 8 { row.transports.append(.polling) }
        if row.session == nil { row.session = record.session }
      case .handshake:
        if row.transports.last != .websocket, row.transports.count < 8 { row.transports.append(.websocket) }
        if row.session == nil { row.session = record.session }
      case .close:
        row.closed = record.time
        row.closedBy = record.string(.by) ?? ""
        row.closeCode = record.integer(.code)
        row.closeReason = record.string(.reason) ?? ""
      case .finding:
        let name = record.string(.finding) ?? ""
        if row.findings.count < 16, !row.findings.contains(name) { row.findings.append(name) }
      case .undecodable:
        row.undecodable =
          "\(record.from?.name ?? "") from byte \(record.integer(.offset) ?? 0): \(record.string(.reason) ?? "")"
      default: break
      }
      switch record.kind {
      case .open, .session, .handshake:
        if row.opening.count < 6, record.line.count <= Self.openingLineLength {
          row.opening.append(Array(record.line))
        }
      default: break
      }
    }
    if record.kind == .undecodable {
      let peer = record.from.map { "the \($0.name)'s direction" } ?? "one direction"
      alert(
        "#\(conn): \(peer) cannot be decoded from byte \(record.integer(.offset) ?? 0) on: \(record.string(.reason) ?? "")",
        record.time)
    }
  }
}
