import JSONText

/// The members of records that readers look at, in the order of CAPTURE-FORMAT.md.
///
/// Those that only a rare reader wants are found with `CaptureRecord.value(named:)`.
package enum CaptureRecordMember: UInt8, CaseIterable, Sendable {
  case type, seq, ts, conn, session, from, transport
  case schema, mode, listen, upstream, ackTimeout
  case client
  case sid, eio, path, resumedFrom
  case request, response, duration
  case engine, socket, namespace, id, event, args, data, attachments, bytes, parser, frames, compressed
  case ackOf, latency, truncated, text, base64
  case opcode, code, reason
  case emit, verdict, cause, certainty, evidence, age, final
  case finding
  case offset
  case lost
  case by, pendingEmits
  case connections, sessions, packets, emits, acks, verdicts

  /// The name as captures spell it.
  package var name: String {
    switch self {
    case .ackTimeout: "ack_timeout_us"
    case .resumedFrom: "resumed_from"
    case .duration: "duration_us"
    case .ackOf: "ack_of"
    case .latency: "latency_us"
    case .age: "age_us"
    case .pendingEmits: "pending_emits"
    default: "\(self)"
    }
  }

  /// The member that `name` (without quotes, without escapes) spells, or nil.
  ///
  /// Names are compared as one or two machine words, because this runs for each member of each record.
  @inline(__always)
  static func spelled(
    _ line: UnsafeRawBufferPointer, _ start: Int, _ length: Int
  ) -> CaptureRecordMember? {
    guard length >= 2, length <= 16 else { return nil }
    let first = word(line, start, min(length, 8))
    switch length {
    case 2:
      if first == spelling("ts") { return .ts }
      if first == spelling("id") { return .id }
      if first == spelling("by") { return .by }
    case 3:
      if first == spelling("seq") { return .seq }
      if first == spelling("sid") { return .sid }
      if first == spelling("eio") { return .eio }
    case 4:
      if first == spelling("type") { return .type }
      if first == spelling("conn") { return .conn }
      if first == spelling("from") { return .from }
      if first == spelling("args") { return .args }
      if first == spelling("emit") { return .emit }
      if first == spelling("data") { return .data }
      if first == spelling("acks") { return .acks }
      if first == spelling("code") { return .code }
      if first == spelling("text") { return .text }
      if first == spelling("mode") { return .mode }
      if first == spelling("path") { return .path }
      if first == spelling("lost") { return .lost }
    case 5:
      if first == spelling("event") { return .event }
      if first == spelling("bytes") { return .bytes }
      if first == spelling("cause") { return .cause }
      if first == spelling("final") { return .final }
      if first == spelling("emits") { return .emits }
    case 6:
      if first == spelling("socket") { return .socket }
      if first == spelling("ack_of") { return .ackOf }
      if first == spelling("engine") { return .engine }
      if first == spelling("age_us") { return .age }
      if first == spelling("parser") { return .parser }
      if first == spelling("frames") { return .frames }
      if first == spelling("base64") { return .base64 }
      if first == spelling("opcode") { return .opcode }
      if first == spelling("reason") { return .reason }
      if first == spelling("offset") { return .offset }
      if first == spelling("client") { return .client }
      if first == spelling("schema") { return .schema }
      if first == spelling("listen") { return .listen }
    case 7:
      if first == spelling("session") { return .session }
      if first == spelling("verdict") { return .verdict }
      if first == spelling("finding") { return .finding }
      if first == spelling("request") { return .request }
      if first == spelling("packets") { return .packets }
    case 8:
      if first == spelling("evidence") { return .evidence }
      if first == spelling("upstream") { return .upstream }
      if first == spelling("response") { return .response }
      if first == spelling("sessions") { return .sessions }
      if first == spelling("verdicts") { return .verdicts }
    default:
      let second = word(line, start &+ 8, length &- 8)
      func spells(_ head: StaticString, _ tail: StaticString) -> Bool {
        first == spelling(head) && second == spelling(tail)
      }
      if spells("transpor", "t") { return .transport }
      if spells("namespac", "e") { return .namespace }
      if spells("latency_", "us") { return .latency }
      if spells("certaint", "y") { return .certainty }
      if spells("attachme", "nts") { return .attachments }
      if spells("duration", "_us") { return .duration }
      if spells("compress", "ed") { return .compressed }
      if spells("truncate", "d") { return .truncated }
      if spells("pending_", "emits") { return .pendingEmits }
      if spells("connecti", "ons") { return .connections }
      if spells("resumed_", "from") { return .resumedFrom }
      if spells("ack_time", "out_us") { return .ackTimeout }
    }
    return nil
  }
}

/// Up to eight bytes as a word, the first in the lowest place.
@inline(__always)
private func word(_ line: UnsafeRawBufferPointer, _ start: Int, _ length: Int) -> UInt64 {
  if start &+ 8 <= line.count {
    let word = UInt64(littleEndian: line.loadUnaligned(fromByteOffset: start, as: UInt64.self))
    return length == 8 ? word : word & ((1 << UInt64(length &* 8)) &- 1)
  }
  var word: UInt64 = 0
  for index in 0..<length { word |= UInt64(line[start &+ index]) << UInt64(index &* 8) }
  return word
}

/// The same of a name in the source, which the optimiser turns into a constant.
@inline(__always)
private func spelling(_ name: StaticString) -> UInt64 {
  var word: UInt64 = 0
  var index = 0
  while index < name.utf8CodeUnitCount {
    word |= UInt64(name.utf8Start[index]) << UInt64(index &* 8)
    index &+= 1
  }
  return word
}
