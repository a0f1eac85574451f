import AckCorrelation
import CaptureFormat
import JSONText
import SessionDecoder

/// Shows a decoder traffic as the proxy would, and keeps the lines that it makes. Time rises by a millisecond a call.
final class TapDriver {
  private var decoder: TrafficDecoder
  private(set) var bytes: [UInt8] = []
  private var now: Int64 = 1_790_000_000_000_000
  let connection = ConnectionNumber(1)

  init(keepsSecrets: Bool = false, _ change: (inout DecoderOptions) -> Void = { _ in }) {
    var options = DecoderOptions(tool: "ackscope/test")
    options.notesPackets = true
    change(&options)
    decoder = TrafficDecoder(
      options: options, redactor: Redactor(hash: KeyedHash(key: (1, 2)), isOn: !keepsSecrets))
    decoder.captureStarted(
      listen: "http://127.0.0.1:1", upstream: "http://127.0.0.1:2", at: Timestamp(microseconds: now))
    drain()
  }

  /// The capture so far, line by line.
  var lines: [String] {
    String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
  }

  /// The records so far; a line that is none is left out.
  var records: [JSONValue] { lines.compactMap { try? JSONValue(parsing: $0) } }

  func records(_ type: String) -> [JSONValue] { records.filter { $0["type"]?.string == type } }

  // MARK: calls as they are

  func call(after microseconds: Int64 = 1000, _ body: (inout TrafficDecoder, Timestamp) -> Void) {
    now += microseconds
    body(&decoder, Timestamp(microseconds: now))
    drain()
  }

  private func drain() {
    PacketNoteModel.check(decoder.notes, of: decoder.records)
    bytes += decoder.records
    decoder.removeRecords()
  }

  // MARK: connections

  func open() {
    call { decoder, time in
      decoder.connectionOpened(connection, client: "127.0.0.1:50001", upstream: "127.0.0.1:2", at: time)
    }
  }

  func close() {
    call { decoder, time in
      decoder.connectionClosed(
        connection, by: .client, code: nil, reason: nil, clientBytes: 1, serverBytes: 2, at: time)
    }
  }

  func endCapture() {
    call { decoder, time in decoder.captureEnded(at: time) }
  }

  // MARK: HTTP

  func request(_ method: String, _ target: String, _ headers: [(String, String)] = [], body: [UInt8] = []) {
    call { decoder, time in
      decoder.requestStarted(
        connection, RequestHead(method: method, target: target, headers: headers), at: time)
      if !body.isEmpty { body.withUnsafeBytes { decoder.requestBodyReceived(connection, $0, at: time) } }
      decoder.requestEnded(connection, at: time)
    }
  }

  func respond(_ status: Int = 200, _ headers: [(String, String)] = [], body: [UInt8] = []) {
    call { decoder, time in
      decoder.responseStarted(connection, ResponseHead(status: status, headers: headers), at: time)
      if !body.isEmpty { body.withUnsafeBytes { decoder.responseBodyReceived(connection, $0, at: time) } }
      decoder.responseEnded(connection, at: time)
    }
  }

  /// A POST with that body, answered `ok`.
  func post(_ body: String, _ target: String = "/socket.io/?EIO=4&transport=polling&sid=S") {
    request("POST", target, [("content-type", "text/plain;charset=UTF-8")], body: Array(body.utf8))
    respond(body: Array("ok".utf8))
  }

  /// A GET that is answered with that body.
  func get(
    _ body: [UInt8], _ target: String = "/socket.io/?EIO=4&transport=polling&sid=S",
    _ headers: [(String, String)] = []
  ) {
    request("GET", target)
    respond(200, headers, body: body)
  }

  // MARK: WebSocket

  /// A connection that is upgraded at once.
  func upgrade(
    _ target: String = "/socket.io/?EIO=4&transport=websocket", request: [(String, String)] = [],
    response: [(String, String)] = []
  ) {
    open()
    self.request("GET", target, [("Connection", "Upgrade"), ("Upgrade", "websocket")] + request)
    respond(101, [("Upgrade", "websocket")] + response)
  }

  /// An upgraded connection with its open packet and the default namespace connected.
  func connect(_ target: String = "/socket.io/?EIO=4&transport=websocket") {
    upgrade(target)
    server(#"0{"sid":"S","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#)
    client("40")
    server(#"40{"sid":"n"}"#)
  }

  func client(_ text: String) { frame(.client, 0x81, Array(text.utf8)) }
  func server(_ text: String) { frame(.server, 0x81, Array(text.utf8)) }
  func client(_ data: [UInt8]) { frame(.client, 0x82, data) }
  func server(_ data: [UInt8]) { frame(.server, 0x82, data) }

  /// One frame; masked with zeros where the client sends it.
  func frame(_ peer: Peer, _ first: UInt8, _ payload: [UInt8]) {
    let mask: UInt8 = peer == .client ? 0x80 : 0
    var bytes = [first]
    switch payload.count {
    case ...125: bytes.append(mask | UInt8(payload.count))
    case ...0xFFFF: bytes += [mask | 126, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
    default:
      bytes.append(mask | 127)
      for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(payload.count >> shift & 255)) }
    }
    if peer == .client { bytes += [0, 0, 0, 0] }
    raw(peer, bytes + payload)
  }

  func raw(_ peer: Peer, _ bytes: [UInt8]) {
    call { decoder, time in
      bytes.withUnsafeBytes { decoder.bytesReceived(connection, from: peer, $0, at: time) }
    }
  }
}

extension JSONValue {
  /// The names of an object's members, in order.
  var memberNames: [String] {
    if case .object(let members) = self { members.map(\.name) } else { [] }
  }
}
