import Testing
import AckCorrelation
import CaptureFormat
import Foundation
import JSONText
import SessionDecoder

/// A recorded session of real peers with its truth (`transcripts.jsonl`), and its way through the decoder.
struct RecordedScenario: CustomTestStringConvertible, Sendable {
  let id: String
  let json: JSONValue

  var testDescription: String { id }

  static let all: [RecordedScenario] = {
    guard let url = Bundle.module.url(forResource: "transcripts", withExtension: "jsonl"),
      let text = try? String(contentsOf: url, encoding: .utf8)
    else { return [] }
    return text.split(separator: "\n").compactMap { line in
      guard let json = try? JSONValue(parsing: String(line)), let id = json["id"]?.string else { return nil }
      return RecordedScenario(id: id, json: json)
    }
  }()

  private struct Step {
    var time: Int64
    var connection: Int
    var event: JSONValue
  }

  /// One connection on its way from raw bytes to the decoder's inputs.
  private struct Feed {
    var client = HTTPSplitter(isRequest: true)
    var server = HTTPSplitter(isRequest: false)
    var isUpgraded = false
    var ended: Set<String> = []
    var firstEnd: CloseInitiator?
    var bytes: (client: UInt64, server: UInt64) = (0, 0)
  }

  /// Feeds the recording to a decoder, as if the proxy had seen it, and returns the capture's lines.
  ///
  /// - Parameter cut: cuts recorded reads further; by default they are fed as they were.
  func capture(cut: ([UInt8]) -> [[UInt8]] = { [$0] }) -> [String] {
    let settings = json["settings"]
    var options = DecoderOptions(tool: "ackscope/test")
    options.ackTimeout = Int64(settings?["ack_timeout_ms"]?.integer ?? 5000) * 1000
    var decoder = TrafficDecoder(
      options: options, redactor: Redactor(hash: KeyedHash(key: (1, 2)), isOn: false))
    var lines: [String] = []
    func drain(_ decoder: inout TrafficDecoder) {
      lines += String(decoding: decoder.records, as: UTF8.self).split(separator: "\n").map(String.init)
      decoder.removeRecords()
    }
    let start: Int64 = 1_790_000_000_000_000
    func at(_ time: Int64) -> Timestamp { Timestamp(microseconds: start + time) }

    var steps: [Step] = []
    for connection in json["connections"]?.array ?? [] {
      let number = connection["conn"]?.integer ?? 0
      for event in connection["events"]?.array ?? [] {
        let ms = Double(event["ms"]?.number ?? "0") ?? 0
        steps.append(Step(time: Int64((ms * 1000).rounded()), connection: number, event: event))
      }
    }
    // A stable sort: within a connection the recorded order counts.
    let ordered = steps.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }
    let refused = Set(steps.filter { $0.event["kind"]?.string == "refused" }.map(\.connection))
    var feeds: [Int: Feed] = [:]
    decoder.captureStarted(listen: "http://127.0.0.1:1", upstream: "http://127.0.0.1:2", at: at(0))
    var last: Int64 = 0
    for (_, step) in ordered {
      // Time passes in between, as the proxy's timer has it.
      while last + 50_000 < step.time {
        last += 50_000
        decoder.expire(at: at(last))
      }
      last = step.time
      let number = ConnectionNumber(UInt32(step.connection))
      var feed = feeds[step.connection] ?? Feed()
      let time = at(step.time)
      switch step.event["kind"]?.string {
      case "connect" where refused.contains(step.connection):
        // The proxy learns that the server cannot be reached before it passes anything on.
        decoder.deliveryFailed(number, to: .server, at: time)
      case "connect":
        decoder.connectionOpened(
          number, client: "127.0.0.1:\(50000 + step.connection)", upstream: "127.0.0.1:2", at: time)
      case "refused":
        decoder.responseStarted(number, ResponseHead(status: 502, headers: []), at: time)
        decoder.responseEnded(number, at: time)
      case "fin", "reset":
        let from = step.event["from"]?.string ?? ""
        let peer = from == "client" ? Peer.client : .server
        guard feed.ended.insert(from).inserted else { break }
        feed.firstEnd = feed.firstEnd ?? (peer == .client ? .client : .server)
        if peer == .server {
          for part in feed.server.ended() { give(part, number, peer, &decoder, time) }
        }
        let isReset = step.event["kind"]?.string == "reset"
        decoder.legEnded(number, peer, isReset ? .reset : .fin, at: time)
        if peer == .server { decoder.deliveryFailed(number, to: .server, at: time) }
        if feed.ended.count == 2 { close(number, feed, &decoder, time) }
      default:
        guard let data = step.event["b64"]?.string.flatMap({ Data(base64Encoded: $0) }) else { break }
        let peer = step.event["from"]?.string == "client" ? Peer.client : .server
        for piece in cut(Array(data)) { receive(piece, number, peer, &feed, &decoder, time) }
      }
      feeds[step.connection] = feed
      drain(&decoder)
    }
    for (connection, feed) in feeds.sorted(by: { $0.key < $1.key }) where feed.ended.count == 1 {
      close(ConnectionNumber(UInt32(connection)), feed, &decoder, at(last))
    }
    // The capture goes on for a moment, as it does when a person stops it.
    decoder.expire(at: at(last + 10_000))
    decoder.captureEnded(at: at(last + 10_000))
    drain(&decoder)
    return lines
  }

  private func close(
    _ number: ConnectionNumber, _ feed: Feed, _ decoder: inout TrafficDecoder, _ time: Timestamp
  ) {
    decoder.connectionClosed(
      number, by: feed.firstEnd ?? .client, code: nil, reason: nil, clientBytes: feed.bytes.client,
      serverBytes: feed.bytes.server, at: time)
  }

  private func receive(
    _ bytes: [UInt8], _ number: ConnectionNumber, _ peer: Peer, _ feed: inout Feed,
    _ decoder: inout TrafficDecoder,
    _ time: Timestamp
  ) {
    if peer == .client {
      feed.bytes.client += UInt64(bytes.count)
    } else {
      feed.bytes.server += UInt64(bytes.count)
    }
    if feed.isUpgraded {
      return bytes.withUnsafeBytes { decoder.bytesReceived(number, from: peer, $0, at: time) }
    }
    if peer == .client {
      for part in feed.client.receive(bytes, stopAfterHead: { _ in false }) {
        give(part, number, peer, &decoder, time)
      }
      return
    }
    let parts = feed.server.receive(bytes) { $0[0].hasPrefix("HTTP/1.1 101") }
    for part in parts { give(part, number, peer, &decoder, time) }
    if case .head(let lines) = parts.last, lines[0].hasPrefix("HTTP/1.1 101") {
      feed.isUpgraded = true
      decoder.responseEnded(number, at: time)
      let rest = feed.server.takeRest()
      if !rest.isEmpty { rest.withUnsafeBytes { decoder.bytesReceived(number, from: .server, $0, at: time) } }
    }
  }

  private func give(
    _ part: HTTPSplitter.Part, _ number: ConnectionNumber, _ peer: Peer, _ decoder: inout TrafficDecoder,
    _ time: Timestamp
  ) {
    func headers(_ lines: [String]) -> [(String, String)] {
      lines.dropFirst().map { line in
        let name = line.prefix { $0 != ":" }
        return (String(name), String(line.dropFirst(name.count + 1).trimmingBlanks))
      }
    }
    switch (part, peer) {
    case (.head(let lines), .client):
      let words = lines[0].components(" ")
      decoder.requestStarted(
        number, RequestHead(method: words[0], target: words[1], headers: headers(lines)), at: time)
    case (.body(let bytes), .client):
      bytes.withUnsafeBytes { decoder.requestBodyReceived(number, $0, at: time) }
    case (.end, .client): decoder.requestEnded(number, at: time)
    case (.head(let lines), .server):
      let status = Int(lines[0].components(" ")[1]) ?? 0
      decoder.responseStarted(number, ResponseHead(status: status, headers: headers(lines)), at: time)
    case (.body(let bytes), .server):
      bytes.withUnsafeBytes { decoder.responseBodyReceived(number, $0, at: time) }
    case (.end, .server): decoder.responseEnded(number, at: time)
    }
  }
}
