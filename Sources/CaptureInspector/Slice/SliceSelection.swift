import CaptureFormat

/// Which records of one capture belong to a slice: found in a first reading, asked in a second.
///
/// Without a filter, all of them. With one, the emits that it lets through with their acks, verdicts and evidence, any
/// other record that it lets through, and of the sessions that these belong to what is needed to understand them: connections,
/// handshakes, upgrades, namespaces, closes, findings. Memory: a bit for each record that is chosen, and the numbers of sessions
/// and connections.
final class SliceSelection {
  private let isFiltered: Bool
  private let takesWholeSessions: Bool
  private var summary: CaptureSummary
  private var seqs = NumberSet()
  private var sessions = NumberSet()
  private var connections = NumberSet()
  private var connectionsOfSessions: [Int: NumberSet] = [:]

  /// What the first reading found, for those who merge captures.
  private(set) var highestConnection = 0
  private(set) var highestSession = 0
  private(set) var hasEnd = false

  /// - Parameter takesWholeSessions: every session that anything chosen belongs to is chosen as a whole.
  init(filter: CaptureFilter?, takesWholeSessions: Bool) {
    isFiltered = filter != nil
    self.takesWholeSessions = takesWholeSessions
    var limits = CaptureSummary.Limits()
    limits.unresolved = 0
    limits.findings = 0
    limits.events = 1
    summary = CaptureSummary(filter: filter, limits: limits)
    guard isFiltered else { return }
    summary.emitSettled = { [unowned self] settled in
      if settled.isCounted {
        choose(settled.seq, settled.emit.session, settled.emit.conn)
      } else {
        seqs.remove(settled.seq)
      }
    }
    summary.captureOpened(path: "")
  }

  private func choose(_ seq: Int, _ session: Int?, _ conn: Int?) {
    seqs.insert(seq)
    if let session { sessions.insert(session) } else if let conn { connections.insert(conn) }
  }

  // MARK: first reading

  func recordRead(_ record: CaptureRecord) {
    if let conn = record.conn { highestConnection = max(highestConnection, conn) }
    if let session = record.session { highestSession = max(highestSession, session) }
    if record.kind == .end { hasEnd = true }
    guard isFiltered else { return }
    if let conn = record.conn, let session = record.session {
      connectionsOfSessions[session, default: NumberSet()].insert(conn)
    }
    summary.recordRead(record)
    switch record.kind {
    case .capture, .end, .gap, .rotated, .carried: break
    case .verdict:
      if let emit = record.integer(.emit), seqs.contains(emit) { chooseEvidence(of: record) }
    case .packet where record.socketKind == .event || record.socketKind == .binaryEvent: break
    case .packet where record[.ackOf] != nil: break
    default:
      guard summary.isLetThrough(record) else { return }
      choose(record.seq, record.session, record.conn)
      if record.kind == .finding { chooseEvidence(of: record) }
    }
  }

  private func chooseEvidence(of record: CaptureRecord) {
    for seq in record[.evidence].map(RenumberedRecord.references) ?? [] { seqs.insert(seq) }
    if let next = record.value(named: "next").flatMap({ RenumberedRecord.number($0) }) { seqs.insert(next) }
  }

  func captureEnded() {
    guard isFiltered else { return }
    summary.captureEnded(torn: 0)
    for (session, conns) in connectionsOfSessions where sessions.contains(session) {
      conns.forEach { connections.insert($0) }
    }
    connectionsOfSessions = [:]
  }

  // MARK: second reading

  /// Whether the record is one of the slice. First and last lines of captures are not: a slice has its own.
  func holds(_ record: CaptureRecord) -> Bool {
    switch record.kind {
    case .capture, .end, .rotated, .carried: return false
    case .gap: return true
    default: break
    }
    guard isFiltered else { return true }
    let isAround =
      record.session.map(sessions.contains) ?? record.conn.map(connections.contains) ?? false
    if takesWholeSessions { return isAround || isOfConnection(record) }
    if let emit = record.integer(.ackOf) ?? (record.kind == .verdict ? record.integer(.emit) : nil) {
      return seqs.contains(emit)
    }
    return seqs.contains(record.seq) || ((isAround || isOfConnection(record)) && isFrame(record))
  }

  /// Whether it is about a connection as a whole, which several sessions may use one after another.
  private func isOfConnection(_ record: CaptureRecord) -> Bool {
    switch record.kind {
    case .open, .close, .handshake: record.conn.map(connections.contains) ?? false
    default: false
    }
  }

  /// Whether a record frames what happens in its session.
  private func isFrame(_ record: CaptureRecord) -> Bool {
    switch record.kind {
    case .open, .close, .session, .handshake, .undecodable, .finding: return true
    case .exchange:
      // Headers are written on handshakes only (CAPTURE-FORMAT.md).
      guard let request = record[.request], let response = record[.response] else { return false }
      return String(decoding: request, as: UTF8.self).contains("\"headers\":")
        || !String(decoding: response, as: UTF8.self).contains("\"status\":200")
    case .control: return record.member(.opcode, equals: "close")
    case .packet:
      switch record.socketKind {
      case .connect, .connectError, .disconnect: return true
      case .event, .binaryEvent, .ack, .binaryAck: return false
      case nil: break
      }
      return record.member(.engine, equals: "open") || record.member(.engine, equals: "close")
        || record.member(.engine, equals: "upgrade") || record.member(.text, equals: "probe")
    default: return false
    }
  }
}
