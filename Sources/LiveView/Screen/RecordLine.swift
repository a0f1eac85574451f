import CaptureFormat
import JSONText

/// A record in one line, as the stream and the timelines show it.
enum RecordLine {
  private static let nameColumns = 40

  /// What happened, without time and connection.
  ///
  /// - Parameter columns: the room there is; arguments are cut to it.
  static func line(_ record: CaptureRecord, in traffic: TrafficModel, columns: Int) -> StyledLine {
    var line = StyledLine()
    switch record.kind {
    case .packet: packet(record, traffic, columns, &line)
    case .message:
      line.append("message ")
      if record[.event] != nil { line.append(WireText.name(record[.event]) + " ", .name) }
      line.append(WireText.arguments(record[.args] ?? record[.text], columns: columns), .quiet)
      if record[.base64] != nil {
        line.append("binary \(WireText.size(record.integer(.bytes) ?? 0))", .quiet)
      }
    case .verdict:
      verdict(record, &line)
    case .open:
      line.append("connection opened", .quiet)
      line.append("  from " + text(record, .client), .quiet)
    case .session:
      line.append("session \(record.session ?? 0)", .quiet)
      line.append("  sid " + text(record, .sid), .quiet)
    case .close:
      line.append("connection closed by " + text(record, .by), .quiet)
      if let code = record.integer(.code) { line.append(", code \(code)", .quiet) }
      let reason = text(record, .reason)
      if !reason.isEmpty { line.append(" \(reason)", .quiet) }
      if let pending = record.integer(.pendingEmits), pending > 0 {
        line.append("  ✗ \(pending) \(pending == 1 ? "emit" : "emits") without an ack", .bad)
      }
    case .finding:
      line.append("! finding: " + text(record, .finding), .warning)
      let certainty = text(record, .certainty)
      if !certainty.isEmpty { line.append(" (\(certainty))", .quiet) }
    case .undecodable:
      line.append("✗ undecodable from byte \(record.integer(.offset) ?? 0): " + text(record, .reason), .bad)
    case .control:
      line.append("WebSocket " + text(record, .opcode), .quiet)
      if let code = record.integer(.code) { line.append(" \(code)", .quiet) }
    case .exchange: exchange(record, &line)
    case .handshake: line.append("WebSocket handshake answered", .quiet)
    case .gap: line.append("✗ gap: \(record.integer(.lost) ?? 0) records could not be written", .bad)
    case .capture: line.append("capture begins", .quiet)
    case .end: line.append("capture ends", .quiet)
    case .rotated: line.append("the file ends, the capture goes on", .quiet)
    case .carried: line.append("still open from the file before", .quiet)
    case .other: line.append("record of a later version", .quiet)
    }
    return line
  }

  /// Whose bytes, as an arrow: `→` runs from client to server.
  static func arrow(_ peer: CaptureRecord.Peer?) -> String {
    switch peer {
    case .client: "→"
    case .server: "←"
    case nil: " "
    }
  }

  private static func packet(
    _ record: CaptureRecord, _ traffic: TrafficModel, _ columns: Int, _ line: inout StyledLine
  ) {
    let namespace = WireText.shown(record[.namespace], columns: nameColumns)
    let prefix = namespace == "/" || namespace.isEmpty ? "" : namespace + " "
    switch record.socketKind {
    case .event, .binaryEvent:
      line.append(prefix, .quiet)
      line.append(WireText.name(record[.event], columns: nameColumns), .name)
      if record[.id] != nil { line.append(" id " + WireText.shown(record[.id], columns: 20)) }
      arguments(record, record[.args] ?? record[.text], columns, &line)
    case .ack, .binaryAck:
      let seq = record.integer(.ackOf)
      let isLate = (record.integer(.latency) ?? 0) > traffic.ackTimeout
      if seq == nil {
        line.append("? ack that answers no open emit", .warning)
      } else {
        line.append(isLate ? "! late ack" : "✓ ack", isLate ? .warning : .good)
        if let latency = record.integer(.latency) {
          line.append(" " + DurationText.words(microseconds: latency))
        }
      }
      line.append("  " + prefix, .quiet)
      let event = seq.flatMap { seq in
        traffic.withRecord(seq) { $0.map { WireText.name($0[.event], columns: nameColumns) } }
      }
      if let event { line.append(event, .name) }
      line.append(" id " + WireText.shown(record[.id], columns: 20))
      arguments(record, record[.args] ?? record[.text], columns, &line)
    case .connect:
      line.append(prefix, .quiet)
      line.append("connect")
      arguments(record, record[.data] ?? record[.text], columns, &line)
    case .disconnect: line.append(prefix + "disconnect")
    case .connectError:
      line.append(prefix, .quiet)
      line.append("✗ connect refused", .bad)
      arguments(record, record[.data] ?? record[.text], columns, &line)
    case nil:
      line.append("engine " + WireText.shown(record[.engine], columns: nameColumns), .quiet)
      arguments(record, record[.data] ?? record[.text], columns, &line)
    }
  }

  /// A polling request and its answer; refusals stand out.
  private static func exchange(_ record: CaptureRecord, _ line: inout StyledLine) {
    func member(_ record: UnsafeRawBufferPointer?, _ name: String) -> String {
      guard let record, let value = (try? JSONValue(parsing: record))?[name] else { return "" }
      return TerminalText.harmless(value.string ?? value.text)
    }
    let status = member(record[.response], "status")
    let role: CellRole = status.hasPrefix("2") ? .quiet : .warning
    line.append("polling \(member(record[.request], "method")) answered \(status)", role)
    if let duration = record.integer(.duration) {
      line.append(" in " + DurationText.words(microseconds: duration), .quiet)
    }
  }

  /// Appends what a verdict record says, with its emit.
  static func verdict(_ record: CaptureRecord, _ line: inout StyledLine) {
    let verdict = record.string(.verdict) ?? ""
    let mark = mark(verdict, isFinal: record.isTrue(.final))
    line.append(mark.text + " " + TerminalText.harmless(verdict), mark.role)
    let cause = text(record, .cause)
    if !cause.isEmpty { line.append(": " + cause, mark.role) }
    let certainty = text(record, .certainty)
    if !certainty.isEmpty, record.isTrue(.final) { line.append(" (\(certainty))", .quiet) }
    if let age = record.integer(.age) { line.append(" after " + DurationText.words(microseconds: age)) }
    line.append("  ")
    if record[.event] != nil { line.append(WireText.name(record[.event], columns: nameColumns), .name) }
    if record[.id] != nil { line.append(" id " + WireText.shown(record[.id], columns: 20)) }
  }

  /// The sign and the look of a verdict: never colour alone.
  static func mark(_ verdict: String, isFinal: Bool) -> (text: String, role: CellRole) {
    switch verdict {
    case "acknowledged": ("✓", .good)
    case "pending": ("·", .text)
    case "overdue": ("!", .warning)
    case "late": ("!", .warning)
    case "unconfirmed": ("-", .quiet)
    default: isFinal ? ("✗", .bad) : ("!", .warning)
    }
  }

  private static func arguments(
    _ record: CaptureRecord, _ json: UnsafeRawBufferPointer?, _ columns: Int, _ line: inout StyledLine
  ) {
    let text = WireText.arguments(json, columns: columns)
    if !text.isEmpty { line.append("  " + text, .quiet) }
    var sizes: [String] = []
    record.forEachAttachmentSize { size in
      sizes.append(WireText.size(size))
      return sizes.count < 4
    }
    if !sizes.isEmpty { line.append("  + binary " + sizes.joined(separator: ", "), .quiet) }
  }

  private static func text(_ record: CaptureRecord, _ member: CaptureRecordMember) -> String {
    WireText.shown(record[member], columns: 200)
  }
}
