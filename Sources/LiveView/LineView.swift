import CaptureFormat
import JSONText

/// The view `lines`: one line for each connection, session, event, ack, verdict and finding, for people, as it happens.
///
/// ```
/// 10:00:02.120  #3   → / send_message id 7  [{"roomId":1,"message":"hi"}]
/// 10:00:02.122  #3   ← / send_message id 7  ✓ ack 1.8 ms  [{"ok":true}]
/// 10:00:07.301  #3   → / send_message id 8  ✗ rejected: exception_event (strong) after 2.1 s
/// ```
/// `→` runs from client to server, `←` from server to client; a verdict points the way of its emit. Heartbeats,
/// transport upgrades, WebSocket control frames, HTTP exchanges, and the capture's own first and last record are not shown.
/// Nothing from the wire reaches the terminal unescaped. Pure: records in, lines out; memory is bounded.
package struct LineView: ~Copyable {
  /// How lines look.
  package struct Options: Sendable {
    /// Whether to use colours (ANSI, the sixteen).
    package var isColored = false
    /// Columns that arguments may take before they end in `…`; 0 leaves them out.
    package var argumentColumns = 80
    /// Emits whose names are remembered until their ack comes; older ones' acks are shown without a name.
    package var rememberedEmits = 65_536

    package init() {}
  }

  private struct Emit {
    var from: CaptureRecord.Peer
    var event: [UInt8]
  }

  private static let nameColumns = 60
  /// Bytes of an event's name above which an ack is shown without it, so that hostile names do not add up.
  private static let maximumNameLength = 1024
  private static let reasonColumns = 120

  private let options: Options
  private let style: LineStyle
  private var scanner = CaptureRecordScanner()
  private var emits: RecentMap<Int, Emit>
  private var ackTimeout = 5_000_000

  package init(options: Options = Options()) {
    self.options = options
    style = LineStyle(isColored: options.isColored)
    emits = RecentMap(limit: options.rememberedEmits)
  }

  /// Appends the lines for records just written: whole lines of a capture, each with its line break.
  ///
  /// A line that is no record, and a last one without line break, are said to be so rather than dropped.
  package mutating func recordsWritten(_ bytes: UnsafeRawBufferPointer, into sink: inout ByteSink) {
    var start = 0
    while start < bytes.count {
      let end = CaptureLineReader.lineBreak(in: bytes, from: start) ?? bytes.count
      recordWritten(UnsafeRawBufferPointer(rebasing: bytes[start..<end]), into: &sink)
      start = end &+ 1
    }
  }

  /// Appends the line, if any, for one record's bytes; a line break behind them does not matter.
  package mutating func recordWritten(_ bytes: UnsafeRawBufferPointer, into sink: inout ByteSink) {
    do throws(CaptureRecordFault) {
      recordRead(try scanner.record(in: bytes), into: &sink)
    } catch {
      sink.append("✗ damaged record at byte \(error.offset): \(error.reason)\n")
    }
  }

  /// Appends the line, if any, for one record.
  package mutating func recordRead(_ record: CaptureRecord, into sink: inout ByteSink) {
    switch record.kind {
    case .packet: packetRead(record, &sink)
    case .verdict: verdictRead(record, &sink)
    case .message: messageRead(record, &sink)
    case .open: openRead(record, &sink)
    case .close: closeRead(record, &sink)
    case .session: sessionRead(record, &sink)
    case .finding: findingRead(record, &sink)
    case .undecodable:
      line(record, &sink) { sink in
        style.append(.bad, to: &sink) { sink in
          sink.append("✗ undecodable" as StaticString)
          if let offset = record.integer(.offset) { sink.append(" from byte \(offset)") }
        }
        text(record, .reason, ": ", &sink)
      }
    case .gap:
      line(record, &sink) { sink in
        style.append(.bad, to: &sink) { sink in
          sink.append("✗ gap: " as StaticString)
          sink.append(record.integer(.lost).map { "\($0) records" } ?? "records")
          sink.append(" could not be written" as StaticString)
        }
        text(record, .reason, ": ", &sink)
      }
    case .capture:
      if let timeout = record.integer(.ackTimeout) { ackTimeout = timeout }
    case .handshake, .exchange, .control, .end, .rotated, .carried, .other: break
    }
  }

  // MARK: packets

  private mutating func packetRead(_ record: CaptureRecord, _ sink: inout ByteSink) {
    switch record.socketKind {
    case .event, .binaryEvent:
      if record[.id] != nil {
        let event =
          record[.event].map { $0.count <= Self.maximumNameLength ? Array($0) : Array("\"…\"".utf8) } ?? []
        emits.insert(Emit(from: record.from ?? .client, event: event), for: record.seq)
      }
      line(record, &sink) { sink in
        name(record, record[.event], &sink)
        arguments(record, record[.args] ?? record[.text], &sink)
        attachments(record, &sink)
      }
    case .ack, .binaryAck: ackRead(record, &sink)
    case .connect, .disconnect:
      line(record, &sink) { sink in
        name(record, nil, &sink)
        sink.append(record.socketKind == .connect ? " connect" as StaticString : " disconnect")
        arguments(record, record[.data] ?? record[.text], &sink)
      }
    case .connectError:
      line(record, &sink) { sink in
        name(record, nil, &sink)
        style.append(.bad, to: &sink) { $0.append(" ✗ connect refused" as StaticString) }
        arguments(record, record[.data] ?? record[.text], &sink)
      }
    case nil:
      // Heartbeats and upgrades are how the transport lives; a session's `open` packet has a record of its own.
      guard let engine = record[.engine], engine.count > 2 else { return }
      if record.member(.engine, equals: "close") {
        line(record, &sink) { $0.append("engine close" as StaticString) }
      } else if record.member(.engine, equals: "message") {
        line(record, &sink) { sink in
          sink.append("message" as StaticString)
          arguments(record, record[.data] ?? record[.text], &sink)
        }
      }
    }
  }

  private mutating func ackRead(_ record: CaptureRecord, _ sink: inout ByteSink) {
    let seq = record.integer(.ackOf)
    let emit = seq.flatMap { emits[$0] }
    let isLate = (record.integer(.latency) ?? 0) > ackTimeout
    // A late ack's verdict follows and needs the emit once more; the map forgets it in its time.
    if let seq, !isLate { emits.removeValue(for: seq) }
    line(record, &sink) { sink in
      if let emit {
        emit.event.withUnsafeBytes { name(record, $0, &sink) }
      } else {
        name(record, nil, &sink)
      }
      sink.append("  " as StaticString)
      if record[.ackOf] == nil {
        style.append(.warning, to: &sink) { $0.append("? ack that answers no open emit" as StaticString) }
      } else {
        style.append(isLate ? .warning : .good, to: &sink) { sink in
          sink.append(isLate ? "! late ack" as StaticString : "✓ ack")
          if let latency = record.integer(.latency) {
            sink.append(" " + DurationText.words(microseconds: latency))
          }
        }
      }
      arguments(record, record[.args] ?? record[.text], &sink)
      attachments(record, &sink)
    }
  }

  private func messageRead(_ record: CaptureRecord, _ sink: inout ByteSink) {
    line(record, &sink) { sink in
      sink.append("message" as StaticString)
      if let event = record[.event] {
        sink.append(0x20)
        style.append(.name, to: &sink) { _ = $0.append(terminalJSON: event, columns: Self.nameColumns) }
      }
      if let args = record[.args] {
        arguments(record, args, &sink)
      } else if let text = record[.text] {
        arguments(record, text, &sink)
      } else if let bytes = record.integer(.bytes) {
        sink.append("  binary " as StaticString)
        size(bytes, &sink)
      }
    }
  }

  // MARK: verdicts and findings

  private mutating func verdictRead(_ record: CaptureRecord, _ sink: inout ByteSink) {
    let seq = record.integer(.emit) ?? -1
    let isFinal = record.isTrue(.final)
    let from = record.from ?? emits[seq]?.from
    if isFinal && !record.member(.verdict, equals: "late") { emits.removeValue(for: seq) }
    line(record, from, &sink) { sink in
      name(record, record[.event], &sink)
      sink.append("  " as StaticString)
      let mark: StaticString
      let role: LineStyle.Role
      if record.member(.verdict, equals: "acknowledged") {
        (mark, role) = ("✓ ", .good)
      } else if record.member(.verdict, equals: "late") {
        (mark, role) = ("! ", .warning)
      } else if record.member(.verdict, equals: "unconfirmed") {
        (mark, role) = ("- ", .quiet)
      } else {
        (mark, role) = isFinal ? ("✗ ", .bad) : ("… ", .warning)
      }
      style.append(role, to: &sink) { sink in
        sink.append(mark)
        if let verdict = record[.verdict] { sink.append(terminalJSON: verdict, columns: Self.nameColumns) }
        if let cause = record[.cause], cause.first == 0x22 {
          sink.append(": " as StaticString)
          sink.append(terminalJSON: cause, columns: Self.nameColumns)
        }
      }
      if isFinal { text(record, .certainty, " (", &sink, after: ")") }
      if let age = record.integer(.age) {
        sink.append(isFinal ? " after " as StaticString : " ")
        sink.append(DurationText.words(microseconds: age))
      }
    }
  }

  private func findingRead(_ record: CaptureRecord, _ sink: inout ByteSink) {
    line(record, &sink) { sink in
      style.append(.warning, to: &sink) { sink in
        sink.append("! finding " as StaticString)
        if let finding = record[.finding] { sink.append(terminalJSON: finding, columns: Self.nameColumns) }
      }
      text(record, .certainty, " (", &sink, after: ")")
      // What a finding names is its own; findings are rare, so a tree is no cost.
      guard case .object(let members)? = try? JSONValue(parsing: record.line) else { return }
      let common = [
        "type", "seq", "ts", "conn", "session", "from", "transport", "finding", "certainty", "evidence",
      ]
      for (name, value) in members where !common.contains(name) {
        sink.append("  " as StaticString)
        sink.append(terminalText: name, columns: Self.nameColumns)
        sink.append(0x20)
        sink.append(terminalText: value.string ?? value.text, columns: Self.nameColumns)
      }
    }
  }

  // MARK: connections and sessions

  private func openRead(_ record: CaptureRecord, _ sink: inout ByteSink) {
    line(record, &sink) { sink in
      sink.append("connection opened" as StaticString)
      text(record, .client, " by ", &sink)
      text(record, .upstream, " to ", &sink)
    }
  }

  private func closeRead(_ record: CaptureRecord, _ sink: inout ByteSink) {
    line(record, &sink) { sink in
      sink.append("connection closed" as StaticString)
      text(record, .by, " by ", &sink)
      if let code = record.integer(.code) { sink.append(", code \(code)") }
      if let reason = record[.reason], reason.count > 2, reason[0] == 0x22 {
        sink.append(", " as StaticString)
        sink.append(terminalJSON: reason, columns: Self.reasonColumns)
      }
      if let duration = record.integer(.duration) {
        sink.append(", after " + DurationText.words(microseconds: duration))
      }
      if let pending = record.integer(.pendingEmits), pending > 0 {
        style.append(.bad, to: &sink) {
          $0.append("  ✗ \(pending) \(pending == 1 ? "emit" : "emits") without an ack")
        }
      }
    }
  }

  private func sessionRead(_ record: CaptureRecord, _ sink: inout ByteSink) {
    line(record, &sink) { sink in
      sink.append("session" as StaticString)
      if let number = record.session { sink.append(" \(number)") }
      text(record, .sid, " sid ", &sink)
      if let eio = record.integer(.eio) { sink.append(", EIO\(eio)") }
      text(record, .transport, ", ", &sink)
      if let earlier = record.integer(.resumedFrom) { sink.append(", resumes session \(earlier)") }
    }
  }

  // MARK: pieces of a line

  private func line(
    _ record: CaptureRecord, _ sink: inout ByteSink, _ body: (inout ByteSink) -> Void
  ) {
    line(record, record.from, &sink, body)
  }

  private func line(
    _ record: CaptureRecord, _ from: CaptureRecord.Peer?, _ sink: inout ByteSink,
    _ body: (inout ByteSink) -> Void
  ) {
    style.append(.quiet, to: &sink) { $0.append(timeOfDay: record.time) }
    sink.append("  " as StaticString)
    let start = sink.count
    if let conn = record.conn {
      sink.append(0x23)
      sink.append(decimal: conn)
    }
    while sink.count - start < 5 { sink.append(0x20) }
    switch from {
    case .client: sink.append("→ " as StaticString)
    case .server: sink.append("← " as StaticString)
    case nil: sink.append("  " as StaticString)
    }
    body(&sink)
    sink.append(0x0A)
  }

  private func name(_ record: CaptureRecord, _ event: UnsafeRawBufferPointer?, _ sink: inout ByteSink) {
    if let namespace = record[.namespace] { sink.append(terminalJSON: namespace, columns: Self.nameColumns) }
    if let event {
      sink.append(0x20)
      style.append(.name, to: &sink) { sink in
        if event.count <= 2, event.first == 0x22 {
          sink.append("\"\"" as StaticString)
        } else {
          sink.append(terminalJSON: event, columns: Self.nameColumns)
        }
      }
    }
    if let id = record[.id] {
      sink.append(" id " as StaticString)
      sink.append(terminalText: id, columns: Self.nameColumns)
    }
  }

  private func arguments(_ record: CaptureRecord, _ json: UnsafeRawBufferPointer?, _ sink: inout ByteSink) {
    guard options.argumentColumns > 0, let json, json.count > 2 || json.first != 0x5B else { return }
    sink.append("  " as StaticString)
    sink.append(terminalText: json, columns: options.argumentColumns)
    if record.isTrue(.truncated) { sink.append(" (truncated in the capture)" as StaticString) }
  }

  private func attachments(_ record: CaptureRecord, _ sink: inout ByteSink) {
    guard record[.attachments] != nil else { return }
    var shown = 0
    style.append(.quiet, to: &sink) { sink in
      record.forEachAttachmentSize { bytes in
        sink.append(shown == 0 ? "  + binary " as StaticString : ", ")
        shown += 1
        // Ten are the most that the reference server accepts (PROTOCOL.md B.2).
        if shown > 10 {
          sink.append("…" as StaticString)
          return false
        }
        size(bytes, &sink)
        return true
      }
    }
  }

  private func size(_ bytes: Int, _ sink: inout ByteSink) {
    let units: [(Int, StaticString)] = [(1 << 30, " GiB"), (1 << 20, " MiB"), (1 << 10, " KiB")]
    for (unit, name) in units where bytes >= unit {
      sink.append(decimal: bytes / unit)
      sink.append(0x2E)
      sink.append(decimal: bytes % unit * 10 / unit)
      sink.append(name)
      return
    }
    sink.append(decimal: bytes)
    sink.append(" B" as StaticString)
  }

  private func text(
    _ record: CaptureRecord, _ member: CaptureRecordMember, _ before: StaticString,
    _ sink: inout ByteSink, after: StaticString = ""
  ) {
    guard let literal = record[member], literal.first == 0x22 else { return }
    sink.append(before)
    sink.append(terminalJSON: literal, columns: Self.reasonColumns)
    sink.append(after)
  }
}
