import AckCorrelation
import CaptureFormat
import RecordedTranscripts
import SessionDecoder

/// A recorded scenario's way through the decoder.
extension RecordedScenario {
  /// One connection on its way from raw bytes to the decoder's inputs.
  private struct Feed {
    var client = HTTPSplitter(isRequest: true)
    var server = HTTPSplitter(isRequest: false)
    var isUpgraded = false
    var ended: Set<Peer> = []
    var firstEnd: CloseInitiator?
    var bytes: (client: UInt64, server: UInt64) = (0, 0)
  }

  /// Feeds the recording to a decoder, as if the proxy had seen it, and returns the capture's lines.
  ///
  /// - Parameter cut: cuts recorded reads further; by default they are fed as they were.
  func capture(cut: ([UInt8]) -> [[UInt8]] = { [$0] }) -> [String] {
    var options = DecoderOptions(tool: "ackscope/test")
    options.ackTimeout = ackTimeout
    options.notesPackets = true
    var decoder = TrafficDecoder(
      options: options, redactor: Redactor(hash: KeyedHash(key: (1, 2)), isOn: false))
    var lines: [String] = []
    func drain(_ decoder: inout TrafficDecoder) {
      PacketNoteModel.check(decoder.notes, of: decoder.records)
      lines += String(decoding: decoder.records, as: UTF8.self).split(separator: "\n").map(String.init)
      decoder.removeRecords()
    }
    let start: Int64 = 1_790_000_000_000_000
    func at(_ time: Int64) -> Timestamp { Timestamp(microseconds: start + time) }

    var feeds: [Int: Feed] = [:]
    decoder.captureStarted(listen: "http://127.0.0.1:1", upstream: "http://127.0.0.1:2", at: at(0))
    var last: Int64 = 0
    for step in steps {
      // Time passes in between, as the proxy's timer has it.
      while last + 50_000 < step.time {
        last += 50_000
        decoder.expire(at: at(last))
      }
      last = step.time
      let number = ConnectionNumber(UInt32(step.connection))
      var feed = feeds[step.connection] ?? Feed()
      let time = at(step.time)
      switch step.what {
      case .connected where refused.contains(step.connection):
        // The proxy learns that the server cannot be reached before it passes anything on.
        decoder.deliveryFailed(number, to: .server, at: time)
      case .connected:
        decoder.connectionOpened(
          number, client: "127.0.0.1:\(50000 + step.connection)", upstream: "127.0.0.1:2", at: time)
      case .refused:
        decoder.responseStarted(number, ResponseHead(status: 502, headers: []), at: time)
        decoder.responseEnded(number, at: time)
      case .finished(let peer): end(peer, .fin, number, &feed, &decoder, time)
      case .reset(let peer): end(peer, .reset, number, &feed, &decoder, time)
      case .bytes(let bytes, let peer):
        for piece in cut(bytes) { receive(piece, number, peer, &feed, &decoder, time) }
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

  private func end(
    _ peer: Peer, _ how: EndOfLeg, _ number: ConnectionNumber, _ feed: inout Feed,
    _ decoder: inout TrafficDecoder, _ time: Timestamp
  ) {
    guard feed.ended.insert(peer).inserted else { return }
    feed.firstEnd = feed.firstEnd ?? (peer == .client ? .client : .server)
    if peer == .server {
      for part in feed.server.ended() { give(part, number, peer, &decoder, time) }
    }
    decoder.legEnded(number, peer, how, at: time)
    if peer == .server { decoder.deliveryFailed(number, to: .server, at: time) }
    if feed.ended.count == 2 { close(number, feed, &decoder, time) }
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
