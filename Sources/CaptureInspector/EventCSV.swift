import CaptureFormat
import JSONText

/// The events and acks of a capture as comma-separated values: a header, then a row for each, in the order of the capture.
///
/// Columns: `seq`, `ts`, `conn`, `session`, `sid`, `transport`, `from`, `kind` (`event`, `ack`, or `message` for a named
/// message that is not Engine.IO), `namespace`, `event` (of an ack: that of its emit), `id`, `args` (JSON), `attachments` (how many
/// bytes), `bytes`, `ack_of`, `latency_us`, `verdict`, `cause` (of events; of acks they are empty). The capture is read twice,
/// because a verdict stands behind its emit.
package final class EventCSV {
  private struct Outcome {
    var verdict: String
    var cause: String?
  }

  private var summary: CaptureSummary
  /// What is neither `acknowledged` nor `unconfirmed`.
  private var outcomes: [Int: Outcome] = [:]
  private var sids = RecentMap<Int, String>(limit: 100_000)
  private var events = RecentMap<Int, [UInt8]>(limit: 100_000)

  /// Rows written so far.
  package private(set) var rows = 0

  package init() {
    var limits = CaptureSummary.Limits()
    limits.unresolved = 0
    limits.findings = 0
    limits.events = 1
    summary = CaptureSummary(limits: limits)
    summary.captureOpened(path: "")
    summary.emitSettled = { [unowned self] settled in
      let isPlain = settled.verdict == "acknowledged" || settled.verdict == "unconfirmed"
      outcomes[settled.seq] = isPlain ? nil : Outcome(verdict: settled.verdict, cause: settled.cause)
    }
  }

  /// First reading: a record.
  package func recordRead(_ record: CaptureRecord) { summary.recordRead(record) }

  /// First reading: the end.
  package func captureEnded() { summary.captureEnded(torn: 0) }

  /// Appends the first line.
  package func writeHeader(to sink: inout ByteSink) {
    sink.append(
      "seq,ts,conn,session,sid,transport,from,kind,namespace,event,id,args,attachments,bytes,ack_of,latency_us,verdict,cause\n"
        as StaticString)
  }

  /// Second reading: appends the record's row, if it has one.
  package func write(_ record: CaptureRecord, to sink: inout ByteSink) {
    let kind: StaticString
    switch record.kind {
    case .session:
      if let session = record.session, let sid = record.string(.sid) { sids.insert(sid, for: session) }
      return
    case .message where record[.event] != nil: kind = "message"
    case .packet:
      switch record.socketKind {
      case .event, .binaryEvent: kind = "event"
      case .ack, .binaryAck: kind = "ack"
      default: return
      }
    default: return
    }
    rows += 1
    let ackOf = record.integer(.ackOf)
    var event = record[.event].map(Array.init)
    if record.kind == .packet, record[.id] != nil {
      if let event { events.insert(event, for: record.seq) } else if let ackOf { event = events[ackOf] }
    }
    sink.append(decimal: record.seq)
    sink.append(0x2C)
    sink.append(timestamp: record.time)
    number(record.conn, &sink)
    number(record.session, &sink)
    text(record.session.flatMap { sids[$0] }, &sink)
    literal(record[.transport].map(Array.init), &sink)
    text(record.from?.name, &sink)
    sink.append(0x2C)
    sink.append(kind)
    literal(record[.namespace].map(Array.init), &sink)
    literal(event, &sink)
    literal(record[.id].map(Array.init), &sink)
    sink.append(0x2C)
    if let args = record[.args] ?? record[.text] {
      var harmless = ByteSink(capacity: args.count + 16)
      harmless.append(harmlessJSON: args)
      sink.append(csvField: harmless.bytes)
    }
    var attached = 0
    record.forEachAttachmentSize { size in
      attached += size
      return true
    }
    number(attached > 0 ? attached : nil, &sink)
    number(record.integer(.bytes), &sink)
    number(ackOf, &sink)
    number(record.integer(.latency), &sink)
    writeOutcome(of: record, isEvent: "\(kind)" == "event", &sink)
    sink.append(0x0A)
  }

  private func writeOutcome(of record: CaptureRecord, isEvent: Bool, _ sink: inout ByteSink) {
    guard isEvent else { return sink.append(",," as StaticString) }
    if let outcome = outcomes[record.seq] {
      text(outcome.verdict, &sink)
      text(outcome.cause, &sink)
    } else if record[.id] == nil {
      sink.append(",unconfirmed,no_ack_requested" as StaticString)
    } else {
      sink.append(",acknowledged," as StaticString)
    }
  }

  private func number(_ value: Int?, _ sink: inout ByteSink) {
    sink.append(0x2C)
    if let value { sink.append(decimal: value) }
  }

  private func text(_ value: String?, _ sink: inout ByteSink) {
    sink.append(0x2C)
    value?.withBytes { sink.append(csvField: $0) }
  }

  /// A JSON string without its quotes, controls shown as escapes; anything else as it is.
  private func literal(_ value: [UInt8]?, _ sink: inout ByteSink) {
    sink.append(0x2C)
    guard let value else { return }
    var shown = ByteSink()
    _ = value.withUnsafeBytes { shown.append(terminalJSON: $0) }
    sink.append(csvField: shown.bytes)
  }
}
