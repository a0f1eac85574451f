import AckCorrelation
import CaptureFormat
import JSONText
import SocketIOPackets

/// Makes a HAR of a capture, for the network panel of a browser and whatever else reads HARs: an entry for each polling
/// request, and one for each WebSocket with its messages as `_webSocketMessages`.
///
/// The bodies of polling requests are written anew from their packets. What a HAR has no place for is counted in
/// `losses`; how connections ended stands in `_ackscope`, which other readers pass over. Memory: about the size of the capture,
/// because the messages of a WebSocket belong into one entry.
package struct HARWriter {
  private let tool: String
  private var entries: [WrittenEntry] = []
  private var connections: [Int: OpenConnection] = [:]
  /// Entries of requests that were refused, by the seq of their records.
  private var refused = RecentMap<Int, Int>(limit: 10_000)
  private var versions: [Int: EngineIOVersion] = [:]
  private var upstream = "http://localhost"
  private var ackTimeout: Int?
  private var lastTime: CaptureTimestamp?
  /// What the HAR will not hold.
  package private(set) var losses = HARLosses()

  private struct OpenConnection {
    /// Packets that a client posted, whose request has not been recorded yet.
    var posted: [WirePart] = []
    /// The place of the last entry.
    var entry: Int?
    /// The place of the WebSocket's entry.
    var webSocket: Int?
    /// Whether the packets that a server sends belong to the last entry's answer.
    var isAnswering = false
  }

  /// - Parameter tool: `name/version`, for `creator`.
  package init(tool: String) {
    self.tool = tool
  }

  /// The next record of the capture.
  package mutating func recordRead(_ record: CaptureRecord) {
    lastTime = max(lastTime ?? record.time, record.time)
    switch record.kind {
    case .capture:
      upstream = record.string(.upstream) ?? upstream
      ackTimeout = record.integer(.ackTimeout)
    case .session:
      if let session = record.session { versions[session] = record.integer(.eio) == 3 ? .v3 : .v4 }
    case .exchange: exchangeRead(record)
    case .handshake: handshakeRead(record)
    case .packet: packetRead(record)
    case .message: messageRead(record)
    case .control: controlRead(record)
    case .close: closeRead(record)
    case .verdict:
      guard record.isTrue(.final) else { break }
      losses.verdicts += 1
      if record.member(.cause, equals: "not_delivered") || record.member(.cause, equals: "decoding_stopped") {
        losses.unprovable += 1
      }
    case .finding: findingRead(record)
    case .undecodable: losses.undecodable += 1
    case .gap: losses.gaps += 1
    case .open, .end, .rotated, .carried, .other: break
    }
  }

  /// Hands the HAR over, in pieces.
  package func write(output: (UnsafeRawBufferPointer) -> Bool) {
    var sink = ByteSink(capacity: 64 << 10)
    let name = tool.split(separator: "/").map(String.init)
    sink.append("{\"log\":{\"version\":\"1.2\",\"creator\":{\"name\":" as StaticString)
    sink.append(jsonString: name.first ?? "ackscope")
    sink.append(",\"version\":" as StaticString)
    sink.append(jsonString: name.last ?? "")
    sink.append("},\"pages\":[],\"_ackscope\":{" as StaticString)
    if let ackTimeout { sink.append("\"ack_timeout_us\":\(ackTimeout)," as String) }
    sink.append("\"ended\":\"" as StaticString)
    sink.append(timestamp: lastTime ?? CaptureTimestamp(microseconds: 0))
    sink.append("\"},\"entries\":[" as StaticString)
    let order = entries.indices.sorted { (entries[$0].startedAt, $0) < (entries[$1].startedAt, $1) }
    for (index, place) in order.enumerated() {
      sink.append(index == 0 ? "\n" as StaticString : ",\n")
      entries[place].write(to: &sink)
      if sink.count > 48 << 10 {
        guard output(sink.bytes) else { return }
        sink.removeAll()
      }
    }
    sink.append("\n]}}\n" as StaticString)
    _ = output(sink.bytes)
  }

  // MARK: records

  private mutating func exchangeRead(_ record: CaptureRecord) {
    guard let conn = record.conn, let head = RecordedHead(record) else { return }
    var connection = connections[conn] ?? OpenConnection()
    let duration = Int64(record.integer(.duration) ?? 0)
    let version = record.session.flatMap { versions[$0] } ?? head.version
    var entry = WrittenEntry(
      conn: conn, url: url(head, scheme: "http"), head: head,
      startedAt: CaptureTimestamp(microseconds: record.time.microseconds &- duration), endedAt: record.time,
      version: version)
    if head.method == "POST" { entry.posted = connection.posted }
    connection.posted = []
    connection.isAnswering = head.method == "GET"
    connection.entry = entries.count
    if head.status >= 400 { refused.insert(entries.count, for: record.seq) }
    entries.append(entry)
    connections[conn] = connection
  }

  private mutating func handshakeRead(_ record: CaptureRecord) {
    guard let conn = record.conn, let head = RecordedHead(record) else { return }
    var connection = connections[conn] ?? OpenConnection()
    var entry = WrittenEntry(
      conn: conn, url: url(head, scheme: "ws"), head: head, startedAt: record.time, endedAt: record.time,
      version: record.session.flatMap { versions[$0] } ?? head.version)
    if head.status == 101 {
      entry.isWebSocket = true
      connection.webSocket = entries.count
    }
    connection.entry = entries.count
    connection.isAnswering = false
    if head.status >= 400 { refused.insert(entries.count, for: record.seq) }
    entries.append(entry)
    connections[conn] = connection
  }

  private mutating func packetRead(_ record: CaptureRecord) {
    countShape(record)
    if record[.parser] != nil { losses.otherParsers += 1 }
    guard let conn = record.conn else { return }
    // The first request of a connection may be a POST, whose record comes behind its packets.
    let connection = connections[conn, default: OpenConnection()]
    let parts = WirePart.parts(of: record)
    if record.transport == .polling {
      if record.from == .client {
        connections[conn, default: OpenConnection()].posted += parts
      } else if connection.isAnswering, let place = connection.entry {
        entries[place].answered += parts
      }
    } else if let place = connection.webSocket {
      let version = record.session.flatMap { versions[$0] } ?? entries[place].version
      for part in parts { entries[place].addMessage(part, from: record.from, at: record.time, version) }
    }
  }

  private mutating func messageRead(_ record: CaptureRecord) {
    countShape(record)
    guard let place = record.conn.flatMap({ connections[$0]?.webSocket }) else { return }
    if let text = record.string(.text) {
      entries[place].addMessage(opcode: 1, data: text, from: record.from, at: record.time)
    } else if let data = record.string(.base64) {
      entries[place].addMessage(opcode: 2, data: data, from: record.from, at: record.time)
    }
  }

  private mutating func controlRead(_ record: CaptureRecord) {
    guard let place = record.conn.flatMap({ connections[$0]?.webSocket }) else { return }
    switch record.string(.opcode) {
    case "close":
      entries[place].addMessage(
        opcode: 8, data: record.string(.reason) ?? "", from: record.from, at: record.time,
        code: record.integer(.code))
    case "ping", "pong":
      let opcode = record.member(.opcode, equals: "ping") ? 9 : 10
      entries[place].addMessage(
        opcode: opcode, data: record.string(.base64) ?? "", from: record.from, at: record.time)
    default: break
    }
  }

  private mutating func closeRead(_ record: CaptureRecord) {
    guard let conn = record.conn, let connection = connections.removeValue(forKey: conn) else { return }
    guard let place = connection.webSocket ?? connection.entry else { return }
    if entries[place].isWebSocket { entries[place].endedAt = max(entries[place].endedAt, record.time) }
    var members: [(name: String, value: JSONValue)] = []
    var ts = ByteSink(capacity: 32)
    ts.append(timestamp: record.time)
    members.append(("ts", .string(String(decoding: ts.bytes, as: UTF8.self))))
    for name in ["by", "code", "reason", "bytes"] as [StaticString] {
      guard let literal = record.value(named: name), let value = try? JSONValue(parsing: literal) else {
        continue
      }
      members.append(("\(name)", value))
    }
    entries[place].close = .object(members)
  }

  /// The words of a refused request are not on record, but what was concluded from them is.
  private mutating func findingRead(_ record: CaptureRecord) {
    losses.findings += 1
    guard let name = record.string(.finding) else { return }
    let seqs = record[.evidence].map(RenumberedRecord.references) ?? []
    for place in seqs.compactMap({ refused[$0] }) {
      let code = name == "session_unknown" ? 1 : record.integer(.code)
      guard let code, name == "session_unknown" || name == "handshake_refused" else { continue }
      let message =
        name == "session_unknown"
        ? "Session ID unknown" : record.value(named: "message").map(JSONString.decode)
      entries[place].refusal =
        JSONValue.object([
          ("code", .number("\(code)")), ("message", .string(message ?? "")),
        ]).text
    }
  }

  private mutating func countShape(_ record: CaptureRecord) {
    if record.isTrue(.compressed) { losses.compressed += 1 }
    if let frames = record.integer(.frames), frames > 1 { losses.fragmented += 1 }
    if record.isTrue(.truncated) { losses.truncated += 1 }
  }

  /// The URL that the client would have used without the proxy.
  private func url(_ head: RecordedHead, scheme: String) -> String {
    var origin = upstream.split(separator: "/", omittingEmptySubsequences: false).prefix(3).joined(
      separator: "/")
    if scheme == "ws", origin.hasPrefix("http") { origin = "ws" + origin.dropFirst(4) }
    return origin + head.target
  }
}
