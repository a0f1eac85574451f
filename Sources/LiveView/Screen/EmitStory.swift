import CaptureFormat
import JSONText

/// What is told of one emit, record or connection when it is looked at closely.
struct EmitStory {
  /// Records of the session that a timeline tells of, behind the emit and before its end; others between are counted.
  private static let timelineEnds = 8
  /// Records that a timeline looks at, at most.
  private static let reach = 20_000

  let traffic: TrafficModel
  let now: CaptureTimestamp
  /// What to look at next, for a verdict and its cause, or for a finding and nil.
  let advice: (String, String?) -> String
  /// The width to write for.
  let columns: Int

  /// What a row of the stream is about: the emit that it is, answers or judges, or else the record itself.
  static func subject(of seq: Int, in traffic: TrafficModel) -> ScreenModel.Detail {
    traffic.withRecord(seq) { record in
      guard let record else { return .record(seq) }
      switch record.kind {
      case .packet:
        if record.socketKind == .event || record.socketKind == .binaryEvent { return .emit(seq) }
        return record.integer(.ackOf).map { .emit($0) } ?? .record(seq)
      case .verdict: return record.integer(.emit).map { .emit($0) } ?? .record(seq)
      case .open, .close, .session: return record.conn.map { .connection($0) } ?? .record(seq)
      default: return .record(seq)
      }
    }
  }

  // MARK: an emit

  /// An emit's whole story.
  func lines(ofEmit seq: Int) -> [StyledLine] {
    let board = traffic.open[seq] ?? traffic.ended.last { $0.seq == seq }
    var scanner = CaptureRecordScanner()
    let line = board?.line ?? traffic.history.withLine(of: seq) { Array($0) }
    guard let line else {
      return [
        StyledLine("This emit's record (seq \(seq)) is no longer kept here; the capture file has it.", .quiet)
      ] + (board == nil && !traffic.isWaiting(seq) ? [StyledLine("It waits no longer.", .quiet)] : [])
    }
    return line.withUnsafeBytes { bytes -> [StyledLine] in
      guard let record = try? scanner.record(in: bytes) else { return [] }
      return story(record, board)
    }
  }

  /// What became of an emit, as far as the records tell.
  private struct Outcome {
    var verdict = "pending"
    var cause: String?
    var certainty: String?
    var evidence: [Int] = []
    var age = 0
    var isFinal = false
    var ack: Int?
    /// Whether it was answered by an ack that was not kept.
    var isAckUnseen = false
  }

  private func story(_ emit: CaptureRecord, _ board: BoardEmit?) -> [StyledLine] {
    var outcome = Outcome()
    var timeline: [StyledLine] = []
    // The latest records of the session that found no place in the timeline yet.
    var later: [Int] = []
    var skipped = 0
    func tellLater() {
      if skipped > 0 {
        let records = skipped == 1 ? "1 record more" : "\(WireText.count(skipped)) records more"
        timeline.append(StyledLine("            … \(records) on this session", .quiet))
      }
      for seq in later {
        traffic.withRecord(seq) { record in
          if let record { timeline.append(entry(record, since: emit.time, isAboutEmit: false)) }
        }
      }
      later = []
      skipped = 0
    }
    var ackTime: Int?
    var seen = 0
    traffic.history.forEach(from: emit.seq + 1) { _, bytes in
      var scanner = CaptureRecordScanner()
      seen += 1
      guard seen < Self.reach else { return false }
      guard let record = try? scanner.record(in: bytes) else { return true }
      let isAck = record.kind == .packet && record.integer(.ackOf) == emit.seq
      let isVerdict = record.kind == .verdict && record.integer(.emit) == emit.seq
      let isNear = emit.session != nil ? record.session == emit.session : record.conn == emit.conn
      if isAck {
        outcome.ack = record.seq
        outcome.age = record.integer(.latency) ?? Int(record.time.since(emit.time))
        ackTime = outcome.age
        outcome.verdict = outcome.age > traffic.ackTimeout ? "late" : "acknowledged"
      }
      if isVerdict {
        let note = BoardEmit.Note(record)
        outcome.verdict = note.verdict
        outcome.cause = note.cause
        outcome.certainty = note.certainty
        outcome.evidence = note.evidence
        outcome.age = note.age ?? outcome.age
        outcome.isFinal = note.isFinal
      }
      let isOver = outcome.isFinal || (outcome.ack != nil && outcome.verdict == "acknowledged")
      if isAck || isVerdict || (isNear && isWorthTelling(record)) {
        if isAck || isVerdict {
          tellLater()
          timeline.append(entry(record, since: emit.time, isAboutEmit: true))
        } else if timeline.count < Self.timelineEnds {
          timeline.append(entry(record, since: emit.time, isAboutEmit: false))
        } else {
          later.append(record.seq)
          if later.count > Self.timelineEnds {
            later.removeFirst()
            skipped += 1
          }
        }
      }
      // A little of what follows an ack may still matter: a verdict right behind corrects it.
      return !(isOver && !isAck && Int(record.time.since(emit.time)) > outcome.age + 50_000)
        && !(isOver && isVerdict)
    }
    tellLater()
    if let note = board?.note, outcome.cause == nil {
      outcome.verdict = note.verdict
      outcome.cause = note.cause
      outcome.certainty = note.certainty
      outcome.evidence = note.evidence
      outcome.age = note.age ?? 0
      outcome.isFinal = note.isFinal
    }
    let asked = emit[.id] != nil
    if !asked {
      outcome = Outcome(verdict: "unconfirmed", cause: "no_ack_requested", certainty: "proved", isFinal: true)
    } else if !outcome.isFinal, outcome.ack == nil, board == nil, !traffic.isWaiting(emit.seq) {
      outcome.verdict = "acknowledged"
      outcome.isAckUnseen = true
    } else if !outcome.isFinal, outcome.ack == nil {
      outcome.age = max(0, Int(now.since(emit.time)))
      outcome.verdict = outcome.age > traffic.ackTimeout ? "overdue" : "pending"
    }
    return headline(emit, outcome, board) + facts(emit)
      + [StyledLine(), StyledLine("Timeline", .title)] + [first(emit, outcome)] + timeline
      + still(outcome, asked) + evidence(outcome) + payload(emit, ackSeq: ackTime == nil ? nil : outcome.ack)
  }

  private func headline(_ emit: CaptureRecord, _ outcome: Outcome, _ board: BoardEmit?) -> [StyledLine] {
    let mark = RecordLine.mark(outcome.verdict, isFinal: outcome.isFinal)
    var line = StyledLine("\(mark.text) \(TerminalText.harmless(outcome.verdict))", mark.role)
    if let cause = outcome.cause { line.append(": " + TerminalText.harmless(cause), mark.role) }
    if let certainty = outcome.certainty, outcome.cause != nil {
      line.append("  (\(TerminalText.harmless(certainty)))", .quiet)
    }
    if outcome.verdict != "unconfirmed", !outcome.isAckUnseen {
      line.append("  after " + DurationText.words(microseconds: outcome.age))
    }
    var text = advice(outcome.verdict, outcome.cause)
    if let board, outcome.verdict == "overdue", outcome.cause == nil {
      let circumstances = EmitCircumstances(traffic: traffic, emit: board).sentences
      if !circumstances.isEmpty { text = circumstances }
    }
    return [line] + (text.isEmpty ? [] : StyledLine.wrapped(text, columns: columns, indent: 2)) + [
      StyledLine()
    ]
  }

  private func facts(_ emit: CaptureRecord) -> [StyledLine] {
    var line = StyledLine(WireText.name(emit[.event]), .name)
    if emit[.id] != nil { line.append("  id " + WireText.shown(emit[.id], columns: 40)) }
    line.append("  namespace " + WireText.shown(emit[.namespace], columns: 60))
    line.append(emit.from == .server ? "  from the server to the client" : "  from the client to the server")
    var second = StyledLine("", .quiet)
    if let conn = emit.conn { second.append("connection #\(conn)", .quiet) }
    if let session = emit.session {
      second.append("  session \(session)", .quiet)
      if let sid = traffic.sids[session] { second.append("  sid \(TerminalText.harmless(sid))", .quiet) }
    }
    if let transport = emit.transport { second.append("  \(transport)", .quiet) }
    second.append("  seq \(emit.seq)", .quiet)
    if let bytes = emit.integer(.bytes) { second.append("  \(WireText.size(bytes))", .quiet) }
    return [line, second]
  }

  private func first(_ emit: CaptureRecord, _ outcome: Outcome) -> StyledLine {
    var sink = ByteSink()
    sink.append(timeOfDay: emit.time)
    var line = StyledLine(String(decoding: sink.bytes, as: UTF8.self) + " ", .quiet)
    line.append(RecordLine.arrow(emit.from) + " emitted by the \(emit.from?.name ?? "peer")")
    let receiver = emit.from == .server ? "client" : "server"
    line.append(
      outcome.cause == "not_delivered"
        ? "; it never reached the \(receiver)" : "; forwarded to the \(receiver)")
    return line
  }

  private func still(_ outcome: Outcome, _ asked: Bool) -> [StyledLine] {
    guard asked, !outcome.isFinal, outcome.ack == nil else { return [] }
    guard !outcome.isAckUnseen else {
      return [
        StyledLine(
          "            its ack came with too many others to be kept here; the capture file has it", .quiet)
      ]
    }
    var line = StyledLine(stamp(outcome.age), .quiet)
    line.append("  still no ack", outcome.verdict == "overdue" ? .warning : .text)
    return [line]
  }

  /// Whether a timeline tells of a record: not of heartbeats, and not of what a connection is made of.
  private func isWorthTelling(_ record: CaptureRecord) -> Bool {
    switch record.kind {
    case .packet:
      record.socketKind != nil || record.member(.engine, equals: "close")
        || record.member(.engine, equals: "upgrade")
    case .message, .finding, .close, .undecodable: true
    case .control: record.member(.opcode, equals: "close")
    case .capture, .open, .session, .handshake, .exchange, .verdict, .gap, .end, .rotated, .carried, .other:
      false
    }
  }

  private func entry(_ record: CaptureRecord, since start: CaptureTimestamp, isAboutEmit: Bool) -> StyledLine
  {
    var line = StyledLine(stamp(Int(record.time.since(start))) + " ", .quiet)
    line.append(
      RecordLine.arrow(record.kind == .verdict ? nil : record.from) + " ", isAboutEmit ? .text : .quiet)
    for span in RecordLine.line(record, in: traffic, columns: columns).spans {
      line.append(span.text, isAboutEmit || span.role == .bad ? span.role : .quiet)
    }
    return line
  }

  private func stamp(_ microseconds: Int) -> String {
    let text = "+" + DurationText.words(microseconds: microseconds)
    return String(repeating: " ", count: max(0, 12 - text.count)) + text
  }

  private func evidence(_ outcome: Outcome) -> [StyledLine] {
    guard !outcome.evidence.isEmpty else { return [] }
    return [StyledLine(), StyledLine("Evidence", .title)]
      + outcome.evidence.map { seq in
        var line = StyledLine("  seq \(seq)  ", .quiet)
        traffic.withRecord(seq) { record in
          guard let record else { return line.append("no longer kept here; the capture file has it", .quiet) }
          line.append(RecordLine.arrow(record.from) + " ")
          for span in RecordLine.line(record, in: traffic, columns: columns).spans {
            line.append(span.text, span.role)
          }
        }
        return line
      }
  }

  private func payload(_ emit: CaptureRecord, ackSeq: Int?) -> [StyledLine] {
    var lines = arguments(emit, title: "Arguments")
    if let ackSeq {
      traffic.withRecord(ackSeq) { record in
        if let record { lines += arguments(record, title: "Arguments of the ack") }
      }
    }
    return lines
  }

  private func arguments(_ record: CaptureRecord, title: String) -> [StyledLine] {
    guard let json = record[.args] ?? record[.data] ?? record[.text] else { return [] }
    var lines = [StyledLine(), StyledLine(title, .title)]
    lines += PrettyJSON.lines(json, columns: columns)
    if record.isTrue(.truncated) {
      lines.append(
        StyledLine("  longer than the capture keeps: the rest was forwarded, and is not on record", .warning))
    }
    return lines + attachments(record)
  }

  private func attachments(_ record: CaptureRecord) -> [StyledLine] {
    guard let array = record[.attachments] else { return [] }
    var lines: [StyledLine] = []
    var scanner = JSONScanner(array)
    var number = 0
    do throws(JSONFault) {
      try scanner.enterArray()
      var isFirst = true
      while try scanner.nextElement(&isFirst), number < 16 {
        let literal = UnsafeRawBufferPointer(rebasing: array[try scanner.skipValue()])
        lines += [StyledLine()]
        if let bytes = HexDump.bytes(base64: literal) {
          lines.append(StyledLine("Attachment \(number), \(WireText.size(bytes.count))", .title))
          lines += HexDump.lines(bytes, columns: columns)
        } else {
          lines.append(StyledLine("Attachment \(number): \(WireText.shown(literal, columns: 60))", .title))
        }
        number += 1
      }
    } catch {
      lines.append(StyledLine("  the attachments cannot be read", .bad))
    }
    return lines
  }

  // MARK: anything else

  /// A record that is no emit.
  func lines(ofRecord seq: Int) -> [StyledLine] {
    traffic.withRecord(seq) { record in
      guard let record else {
        return [
          StyledLine("This record (seq \(seq)) is no longer kept here; the capture file has it.", .quiet)
        ]
      }
      var sink = ByteSink()
      sink.append(timeOfDay: record.time)
      var first = StyledLine(String(decoding: sink.bytes, as: UTF8.self) + " ", .quiet)
      first.append(RecordLine.arrow(record.from) + " ")
      for span in RecordLine.line(record, in: traffic, columns: 0).spans {
        first.append(span.text, span.role)
      }
      var lines = [first]
      if record.kind == .finding {
        let text = advice(record.string(.finding) ?? "", nil)
        if !text.isEmpty { lines += StyledLine.wrapped(text, columns: columns, indent: 2) }
      }
      lines += arguments(record, title: "Arguments")
      lines += [StyledLine(), StyledLine("Record", .title)]
      lines += PrettyJSON.lines(record.line, columns: columns)
      return lines
    }
  }

  /// A connection with its session.
  func lines(ofConnection number: Int) -> [StyledLine] {
    guard let row = traffic.connections[number] else {
      return [StyledLine("Connection #\(number) is no longer kept here; the capture file has it.", .quiet)]
    }
    var lines = [StyledLine("Connection #\(number)", .title)]
    func fact(_ name: String, _ value: String, _ role: CellRole = .text) {
      guard !value.isEmpty else { return }
      var line = StyledLine("  " + name + String(repeating: " ", count: max(1, 13 - name.count)), .quiet)
      line.append(TerminalText.harmless(value), role)
      lines.append(line)
    }
    fact("client", row.client)
    fact("upstream", row.upstream)
    fact("transport", ConnectionRowText.transports(row))
    fact("session", row.session.map { "\($0)" } ?? "none yet")
    fact("sid", row.sid)
    fact("Engine.IO", row.eio.map { "revision \($0)" } ?? "")
    fact("resumes", row.resumedFrom.map { "session \($0)" } ?? "")
    fact("open for", DurationText.words(microseconds: Int((row.closed ?? now).since(row.opened))))
    fact("packets", "→ \(WireText.count(row.fromClient))  ← \(WireText.count(row.fromServer))")
    fact("payload", WireText.size(row.bytes))
    fact(
      "emits", "\(row.emits) that asked for an ack: \(row.pending) waiting, \(row.endedBadly) ended without")
    fact("undecodable", row.undecodable, .bad)
    fact("closed", ConnectionRowText.ending(row))
    for finding in row.findings {
      lines += [StyledLine(), StyledLine("! finding: " + TerminalText.harmless(finding), .warning)]
      let text = advice(finding, nil)
      if !text.isEmpty { lines += StyledLine.wrapped(text, columns: columns, indent: 2) }
    }
    lines += [StyledLine(), StyledLine("Latest packets", .title)]
    var latest: [StyledLine] = []
    var seen = 0
    traffic.history.forEachBackward { _, bytes in
      var scanner = CaptureRecordScanner()
      seen += 1
      if let record = try? scanner.record(in: bytes), record.conn == number, isWorthTelling(record) {
        latest.append(entry(record, since: row.opened, isAboutEmit: true))
      }
      return latest.count < 100 && seen < Self.reach
    }
    return lines + latest.reversed()
  }
}
