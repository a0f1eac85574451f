import CaptureFormat
import JSONText

/// A part of the traffic as a capture of its own, or as JSON to paste: what the selected row is about.
enum CaptureSlice {
  /// Bytes of a slice at most.
  private static let limit = 16 << 20

  /// Which records belong to it.
  private enum Choice {
    case connection(Int, session: Int?)
    case event(namespace: [UInt8], event: [UInt8])
    case stream(Set<Int>)
  }

  /// A file name that says what is in it.
  static func suggestedName(_ model: ScreenModel) -> String {
    if let detail = model.detail {
      switch detail {
      case .emit(let seq): return "emit-\(seq).jsonl"
      case .record(let seq): return "record-\(seq).jsonl"
      case .connection(let number): return "connection-\(number).jsonl"
      }
    }
    guard let key = model.selectedKey(in: model.pane) else { return "slice.jsonl" }
    return switch model.pane {
    case .board: "emit-\(key).jsonl"
    case .events: "event-\(key + 1).jsonl"
    case .stream: "stream-\(key).jsonl"
    case .connections: "connection-\(key).jsonl"
    }
  }

  /// The lines of the slice: the capture's first line, the openings of its connections, and the records in order, with
  /// numbers of their own; nil where nothing is selected.
  static func bytes(_ model: ScreenModel) -> [UInt8]? {
    guard let choice = choice(model) else { return nil }
    let traffic = model.shown
    var conns: Set<Int> = []
    var emits: Set<Int> = []
    var lines: [(seq: Int, line: [UInt8])] = []
    var seqs: Set<Int> = []
    var size = 0
    func add(_ record: CaptureRecord) {
      guard seqs.insert(record.seq).inserted, size < limit else { return }
      size += record.line.count
      lines.append((record.seq, Array(record.line)))
      if let conn = record.conn { conns.insert(conn) }
      if record.kind == .packet { emits.insert(record.seq) }
    }
    // An emit may have been waiting longer than the history reaches.
    for emit in model.boardRows {
      guard let line = emit.line else { continue }
      var scanner = CaptureRecordScanner()
      line.withUnsafeBytes { bytes in
        if let record = try? scanner.record(in: bytes), isChosen(record, choice, emits) { add(record) }
      }
    }
    traffic.history.forEach(from: 0) { _, bytes in
      var scanner = CaptureRecordScanner()
      guard let record = try? scanner.record(in: bytes), record.kind != .capture, record.kind != .end else {
        return true
      }
      if isChosen(record, choice, emits) { add(record) }
      return true
    }
    for conn in conns {
      for line in traffic.connections[conn]?.opening ?? [] {
        var scanner = CaptureRecordScanner()
        line.withUnsafeBytes { bytes in
          if let record = try? scanner.record(in: bytes) { add(record) }
        }
      }
    }
    guard !lines.isEmpty else { return nil }
    lines.sort { $0.seq < $1.seq }
    return renumbered([traffic.firstLine] + lines.map(\.line))
  }

  /// The lines as a capture of its own. Acks and verdicts whose emit the history no longer has are left out.
  private static func renumbered(_ lines: [[UInt8]]) -> [UInt8] {
    var sink = ByteSink(capacity: 4096)
    var scanner = CaptureRecordScanner()
    var newSeqs: [Int: Int] = [:]
    // Numbered first, because evidence may point ahead.
    let kept = lines.filter { line in
      line.withUnsafeBytes { bytes in
        guard let record = try? scanner.record(in: bytes) else { return false }
        let emit = record.integer(.ackOf) ?? (record.kind == .verdict ? record.integer(.emit) : nil)
        if let emit, newSeqs[emit] == nil { return false }
        newSeqs[record.seq] = newSeqs.count + 1
        return true
      }
    }
    for line in kept {
      line.withUnsafeBytes { bytes in
        guard let record = try? scanner.record(in: bytes), let seq = newSeqs[record.seq] else { return }
        _ = RenumberedRecord.append(
          record, as: RenumberedRecord.Numbers(seq: seq), newSeq: { newSeqs[$0] }, to: &sink)
      }
    }
    return Array(sink.bytes)
  }

  private static func isChosen(_ record: CaptureRecord, _ choice: Choice, _ emits: Set<Int>) -> Bool {
    switch choice {
    case .connection(let conn, let session):
      return record.conn == conn || (session != nil && record.session == session)
    case .event(let namespace, let event):
      if let seq = record.integer(.ackOf) ?? record.integer(.emit) { return emits.contains(seq) }
      return record.kind == .packet && (record[.event].map { $0.elementsEqual(event) } ?? false)
        && (record[.namespace].map { $0.elementsEqual(namespace) } ?? false)
    case .stream(let seqs): return seqs.contains(record.seq)
    }
  }

  private static func choice(_ model: ScreenModel) -> Choice? {
    let traffic = model.shown
    func around(_ seq: Int) -> Choice? {
      if let emit = traffic.open[seq] ?? traffic.ended.last(where: { $0.seq == seq }), let conn = emit.conn {
        return .connection(conn, session: emit.session)
      }
      return traffic.withRecord(seq) { record in
        record.flatMap { record in record.conn.map { .connection($0, session: record.session) } }
      }
    }
    if let detail = model.detail {
      switch detail {
      case .emit(let seq), .record(let seq): return around(seq)
      case .connection(let number): return .connection(number, session: traffic.connections[number]?.session)
      }
    }
    guard let key = model.selectedKey(in: model.pane) else { return nil }
    switch model.pane {
    case .board: return around(key)
    case .events:
      guard traffic.events.rows.indices.contains(key) else { return nil }
      return .event(namespace: traffic.events.rows[key].namespace, event: traffic.events.rows[key].event)
    case .stream: return .stream(Set(traffic.stream.all))
    case .connections: return .connection(key, session: traffic.connections[key]?.session)
    }
  }

  /// The selected record as one line of JSON, nil where there is none.
  static func json(_ model: ScreenModel) -> String? {
    let traffic = model.shown
    func record(_ seq: Int) -> String? {
      let kept = (traffic.open[seq] ?? traffic.ended.last { $0.seq == seq })?.line
      let line = kept ?? traffic.history.withLine(of: seq) { Array($0) }
      return line.map { String(decoding: $0, as: UTF8.self) }
    }
    func connection(_ number: Int) -> String? {
      guard let row = traffic.connections[number] else { return nil }
      return row.opening.first.map { String(decoding: $0, as: UTF8.self) }
    }
    if let detail = model.detail {
      switch detail {
      case .emit(let seq), .record(let seq): return record(seq)
      case .connection(let number): return connection(number)
      }
    }
    guard let key = model.selectedKey(in: model.pane) else { return nil }
    switch model.pane {
    case .board, .stream: return record(key)
    case .connections: return connection(key)
    case .events:
      let row = traffic.events.rows[key]
      return "{\"namespace\":\(String(decoding: row.namespace, as: UTF8.self)),\"from\":\"\(row.from.name)\","
        + "\"event\":\(String(decoding: row.event, as: UTF8.self)),\"emits\":\(row.emits),\"acknowledged\":\(row.acknowledged)}"
    }
  }
}
