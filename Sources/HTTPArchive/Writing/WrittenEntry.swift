import CaptureFormat
import JSONText
import SocketIOPackets

/// One entry of a HAR that is being made.
struct WrittenEntry {
  let conn: Int
  let url: String
  let head: RecordedHead
  var startedAt: CaptureTimestamp
  var endedAt: CaptureTimestamp
  let version: EngineIOVersion
  var isWebSocket = false
  /// Packets of the request's body.
  var posted: [WirePart] = []
  /// Packets of the answer's body.
  var answered: [WirePart] = []
  /// The body of an answer that refuses.
  var refusal: String?
  /// What `_ackscope` says of the connection's end.
  var close: JSONValue?
  /// `_webSocketMessages`, without the brackets.
  private var messages: [UInt8] = []

  init(
    conn: Int, url: String, head: RecordedHead, startedAt: CaptureTimestamp, endedAt: CaptureTimestamp,
    version: EngineIOVersion
  ) {
    self.conn = conn
    self.url = url
    self.head = head
    self.startedAt = startedAt
    self.endedAt = endedAt
    self.version = version
  }

  // MARK: messages

  mutating func addMessage(
    _ part: WirePart, from: CaptureRecord.Peer?, at time: CaptureTimestamp, _ version: EngineIOVersion
  ) {
    switch part {
    case .text(let bytes):
      addMessage(opcode: 1, data: String(decoding: bytes, as: UTF8.self), from: from, at: time)
    case .binary(let bytes):
      var sink = ByteSink(capacity: bytes.count / 3 * 4 + 8)
      // PROTOCOL.md A.5: Engine.IO 3 begins a binary message with its type.
      (version == .v3 ? [4] + bytes : bytes).withUnsafeBytes { sink.append(base64: $0) }
      addMessage(opcode: 2, data: String(decoding: sink.bytes, as: UTF8.self), from: from, at: time)
    }
  }

  mutating func addMessage(
    opcode: Int, data: String, from: CaptureRecord.Peer?, at time: CaptureTimestamp, code: Int? = nil
  ) {
    var sink = ByteSink(capacity: data.utf8.count + 96)
    sink.append(messages.isEmpty ? "\n" as StaticString : ",\n")
    sink.append("{\"type\":\"" as StaticString)
    sink.append(from == .server ? "receive" as StaticString : "send")
    sink.append("\",\"time\":" as StaticString)
    sink.append(Self.decimal(time.microseconds, places: 6))
    sink.append(",\"opcode\":\(opcode),\"data\":" as String)
    sink.append(jsonString: data)
    if let code { sink.append(",\"_code\":\(code)" as String) }
    sink.append(0x7D)
    messages += sink.bytes
    endedAt = max(endedAt, time)
  }

  // MARK: writing

  func write(to sink: inout ByteSink) {
    let duration = max(0, endedAt.since(startedAt))
    let wait = isWebSocket ? 0 : duration
    sink.append("{\"_resourceType\":\"" as StaticString)
    sink.append(isWebSocket ? "websocket" as StaticString : "xhr")
    sink.append("\",\"startedDateTime\":\"" as StaticString)
    sink.append(timestamp: startedAt)
    sink.append("\",\"time\":" as StaticString)
    sink.append(Self.decimal(duration, places: 3))
    sink.append(",\"connection\":\"\(conn)\",\"request\":{\"method\":" as String)
    sink.append(jsonString: head.method)
    sink.append(",\"url\":" as StaticString)
    sink.append(jsonString: url)
    sink.append(",\"httpVersion\":\"HTTP/1.1\",\"cookies\":[],\"headers\":" as StaticString)
    write(pairs: head.requestHeaders, to: &sink)
    sink.append(",\"queryString\":" as StaticString)
    write(pairs: queryPairs, to: &sink)
    sink.append(",\"headersSize\":-1,\"bodySize\":-1" as StaticString)
    if head.method == "POST" {
      sink.append(",\"postData\":{\"mimeType\":\"text/plain;charset=UTF-8\",\"text\":" as StaticString)
      let body = PollingBodyText.body(posted, version: version)
      sink.append(jsonString: head.callback == nil ? body : PollingBodyText.form(body))
      sink.append(0x7D)
    }
    sink.append("},\"response\":{\"status\":\(head.status),\"statusText\":" as String)
    sink.append(jsonString: isWebSocket ? "Switching Protocols" : head.status == 200 ? "OK" : "")
    sink.append(",\"httpVersion\":\"HTTP/1.1\",\"cookies\":[],\"headers\":" as StaticString)
    write(pairs: head.responseHeaders, to: &sink)
    sink.append(",\"content\":" as StaticString)
    writeContent(to: &sink)
    sink.append(",\"redirectURL\":\"\",\"headersSize\":-1,\"bodySize\":-1},\"cache\":{}," as StaticString)
    sink.append("\"timings\":{\"send\":0,\"wait\":" as StaticString)
    sink.append(Self.decimal(wait, places: 3))
    sink.append(",\"receive\":" as StaticString)
    sink.append(Self.decimal(duration - wait, places: 3))
    sink.append(0x7D)
    if isWebSocket {
      sink.append(",\"_webSocketMessages\":[" as StaticString)
      sink.append(messages)
      sink.append(0x5D)
    }
    if let close {
      sink.append(",\"_ackscope\":{\"close\":" as StaticString)
      close.write(to: &sink)
      sink.append(0x7D)
    }
    sink.append(0x7D)
  }

  private func writeContent(to sink: inout ByteSink) {
    var body = ""
    if !answered.isEmpty {
      body = PollingBodyText.body(answered, version: version)
      if let callback = head.callback { body = PollingBodyText.padded(body, callback: callback) }
    } else if let refusal {
      body = refusal
    }
    let type = head.responseHeaders.first { $0.0.lowercased() == "content-type" }?.1
    sink.append("{\"size\":\(body.utf8.count),\"mimeType\":" as String)
    sink.append(jsonString: type ?? (isWebSocket ? "x-unknown" : "text/plain; charset=UTF-8"))
    sink.append(",\"text\":" as StaticString)
    sink.append(jsonString: body)
    sink.append(0x7D)
  }

  private func write(pairs: [(String, String)], to sink: inout ByteSink) {
    sink.append(0x5B)
    for (index, pair) in pairs.enumerated() {
      if index > 0 { sink.append(0x2C) }
      sink.append("{\"name\":" as StaticString)
      sink.append(jsonString: pair.0)
      sink.append(",\"value\":" as StaticString)
      sink.append(jsonString: pair.1)
      sink.append(0x7D)
    }
    sink.append(0x5D)
  }

  /// The query's members, as they stand in the URL.
  private var queryPairs: [(String, String)] {
    guard let mark = head.target.firstIndex(of: "?") else { return [] }
    return head.target[head.target.index(after: mark)...].split(separator: "&").map { pair in
      let name = pair.prefix { $0 != "=" }
      return (String(name), String(pair.dropFirst(name.count + 1)))
    }
  }

  /// A whole number of small units as a decimal of the large unit.
  private static func decimal(_ number: Int64, places: Int) -> String {
    var scale: Int64 = 1
    for _ in 0..<places { scale *= 10 }
    let fraction = String(number.magnitude % UInt64(scale))
    let zeros = String(repeating: "0", count: places - fraction.count)
    return (number < 0 ? "-" : "") + "\(number.magnitude / UInt64(scale)).\(zeros)\(fraction)"
  }
}
