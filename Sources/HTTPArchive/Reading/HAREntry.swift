import AckCorrelation
import CaptureFormat
import JSONText
import SessionDecoder
import SocketIOPackets

/// One entry of a HAR, as far as it says something about Engine.IO or a WebSocket.
struct HAREntry {
  /// One message of `_webSocketMessages`, Chrome's form.
  struct Message {
    var from: Peer
    var time: Timestamp
    /// RFC 6455 §5.2.
    var opcode: UInt8
    var payload: [UInt8]
    /// The code of a close frame; only Ackscope's own HARs have it.
    var code: UInt16?
  }

  /// How the entry's connection ended; only Ackscope's own HARs tell.
  struct Close {
    var time: Timestamp
    var by: CloseInitiator
    var code: UInt16?
    var reason: String?
    var clientBytes: UInt64
    var serverBytes: UInt64
  }

  var startedAt: Timestamp
  /// When the answer was complete, or the last that is known of a WebSocket.
  var endedAt: Timestamp
  /// When the answer's head came.
  var answeredAt: Timestamp
  var request: RequestHead
  var requestBody: [UInt8]
  /// Nil where no answer came.
  var response: ResponseHead?
  /// Nil where the HAR was saved without bodies.
  var responseBody: [UInt8]?
  /// The answer's body has a length, but the HAR does not hold it.
  var lacksBody = false
  /// `host:port` of the server.
  var server: String
  /// `scheme://host:port`.
  var origin: String
  /// Which connection of the browser it used, where that is told.
  var connection: String?
  /// Nil for polling.
  var messages: [Message]?
  var close: Close?

  var isWebSocket: Bool { messages != nil }

  /// Nil for an entry that is neither a WebSocket nor Engine.IO, or that has no time.
  init?(_ entry: JSONValue) {
    guard let request = entry["request"], let url = request["url"]?.string.flatMap(EntryURL.init) else {
      return nil
    }
    let messages = entry["_webSocketMessages"]?.array
    let status = entry["response"]?["status"]?.integer ?? 0
    let isWebSocket = messages != nil || url.isWebSocket || status == 101
    guard isWebSocket || EngineIOQuery(target: url.target).isEngineIO else { return nil }
    guard let started = entry["startedDateTime"]?.string.flatMap(HARTime.moment) else { return nil }
    let duration = entry["time"]?.number.flatMap { HARTime.microseconds(of: $0, unit: 1_000) } ?? 0

    startedAt = started
    endedAt = started.adding(max(0, duration))
    origin = url.origin
    server = url.server
    connection = entry["connection"]?.string
    self.request = RequestHead(
      method: request["method"]?.string ?? "GET", target: url.target,
      headers: Self.headers(request["headers"]))
    requestBody = Self.body(text: request["postData"]?["text"], encoding: request["postData"]?["encoding"])
    let answer = entry["response"]
    if status > 0 || isWebSocket {
      // A HAR has the decoded body.
      let headers = Self.headers(answer?["headers"]).filter { !$0.0.equalsIgnoringCase("content-encoding") }
      response = ResponseHead(status: status > 0 ? status : 101, headers: headers)
    }
    let content = answer?["content"]
    if let text = content?["text"] {
      responseBody = Self.body(text: text, encoding: content?["encoding"])
    } else {
      lacksBody = status == 200 && content?["size"]?.integer != 0
    }
    let timings = ["blocked", "dns", "connect", "send", "wait"].map { name in
      entry["timings"]?[name]?.number.flatMap { HARTime.microseconds(of: $0, unit: 1_000) } ?? 0
    }
    answeredAt = min(started.adding(timings.reduce(0) { $0 + max(0, $1) }), endedAt)
    close = entry["_ackscope"]?["close"].flatMap(Close.init)
    if isWebSocket { becomeWebSocket(messages ?? []) }
  }

  private mutating func becomeWebSocket(_ list: [JSONValue]) {
    // Some writers leave the handshake's own fields out; that it happened is known from the messages.
    if !request.headers.hasToken("websocket", in: "upgrade") {
      request.headers.append(("Upgrade", "websocket"))
    }
    if !request.headers.hasToken("upgrade", in: "connection") {
      request.headers.append(("Connection", "Upgrade"))
    }
    request.method = "GET"
    let messages = list.compactMap { Message($0, default: startedAt) }
    self.messages = messages
    if let first = messages.map(\.time).min() { answeredAt = min(answeredAt, first) }
    if let last = messages.map(\.time).max() { endedAt = max(endedAt, last) }
    if var response {
      // Of extensions only compression is known to leave messages as a HAR has them.
      response.headers.removeAll {
        $0.0.equalsIgnoringCase("sec-websocket-extensions") && !$0.1.contains("permessage-deflate")
      }
      self.response = response
    }
  }

  private static func headers(_ list: JSONValue?) -> [(String, String)] {
    (list?.array ?? []).compactMap { header in
      guard let name = header["name"]?.string, let value = header["value"]?.string else { return nil }
      // Pseudo-fields of HTTP/2 say again what the URL says.
      return name.hasPrefix(":") ? nil : (name, value)
    }
  }

  private static func body(text: JSONValue?, encoding: JSONValue?) -> [UInt8] {
    guard let text = text?.string else { return [] }
    guard encoding?.string == "base64" else { return Array(text.utf8) }
    return bytes(ofBase64: text)
  }

  fileprivate static func bytes(ofBase64 text: String) -> [UInt8] {
    var decoded = ByteSink(capacity: text.utf8.count / 4 * 3 + 3)
    text.withBytes { _ = Base64.decode($0, into: &decoded) }
    return Array(decoded.bytes)
  }
}

extension HAREntry.Message {
  /// Nil where the direction or the data is missing.
  fileprivate init?(_ message: JSONValue, default time: Timestamp) {
    switch message["type"]?.string {
    case "send": from = .client
    case "receive": from = .server
    default: return nil
    }
    guard let data = message["data"]?.string else { return nil }
    opcode = UInt8(clamping: message["opcode"]?.integer ?? 1)
    self.time =
      message["time"]?.number.flatMap { HARTime.microseconds(of: $0, unit: 1_000_000) }
      .map(Timestamp.init(microseconds:)) ?? time
    payload = opcode == 1 || opcode == 8 ? Array(data.utf8) : HAREntry.bytes(ofBase64: data)
    code = message["_code"]?.integer.flatMap { UInt16(exactly: $0) }
  }
}

extension HAREntry.Close {
  fileprivate init?(_ close: JSONValue) {
    guard let time = close["ts"]?.string.flatMap(HARTime.moment),
      let by = close["by"]?.string.flatMap(CloseInitiator.init)
    else { return nil }
    self.time = time
    self.by = by
    code = close["code"]?.integer.flatMap { UInt16(exactly: $0) }
    reason = close["reason"]?.string
    clientBytes = UInt64(clamping: close["bytes"]?["client"]?.integer ?? 0)
    serverBytes = UInt64(clamping: close["bytes"]?["server"]?.integer ?? 0)
  }
}
