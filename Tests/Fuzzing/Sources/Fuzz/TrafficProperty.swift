import AckCorrelation
import CaptureFormat
import JSONText
import SessionDecoder

/// Whatever the tap is told, in whatever order: every record is one line of valid UTF-8 and JSON, `seq` rises by one and
/// `ts` does not fall.
enum TrafficProperty {
  static func check(_ input: inout FuzzInput) {
    var options = DecoderOptions(tool: "ackscope/fuzz")
    options.ackTimeout = 1000
    options.capturePayload = input.byte() & 1 == 0 ? 4096 : 40
    var decoder = TrafficDecoder(options: options, redactor: Redactor(hash: KeyedHash(key: (1, 2))))
    var order = RecordOrder()
    var now: Int64 = 1_700_000_000_000_000
    decoder.captureStarted(listen: "a", upstream: "b", at: Timestamp(microseconds: now))
    while !input.isEmpty {
      let choice = input.byte()
      let number = ConnectionNumber(UInt32(choice >> 6))
      let peer: Peer = choice & 32 == 0 ? .client : .server
      now += Int64(input.byte()) * 40
      let time = Timestamp(microseconds: now)
      switch choice & 31 {
      case 0: decoder.connectionOpened(number, client: "1.2.3.4:5", upstream: "b", at: time)
      case 1: decoder.requestStarted(number, request(&input), at: time)
      case 2: decoder.requestBodyReceived(number, input.piece(), at: time)
      case 3: decoder.requestEnded(number, at: time)
      case 4: decoder.responseStarted(number, response(&input), at: time)
      case 5: decoder.responseBodyReceived(number, input.piece(), at: time)
      case 6: decoder.responseEnded(number, at: time)
      case 7: decoder.bytesReceived(number, from: peer, input.piece(), at: time)
      case 8: decoder.legEnded(number, peer, input.byte() & 1 == 0 ? .fin : .reset, at: time)
      case 9: decoder.deliveryFailed(number, to: peer, at: time)
      case 10: decoder.peerStalled(number, peer, from: Timestamp(microseconds: now - 99), at: time)
      case 11:
        decoder.connectionClosed(
          number, by: [.client, .server, .proxy][Int(choice >> 5) % 3], code: nil, reason: nil,
          clientBytes: 1, serverBytes: 2, at: time)
      case 12:
        now += 1_000_000
        decoder.expire(at: Timestamp(microseconds: now))
      case 13: _ = decoder.standsBetweenFrames(number, toward: peer)
      case 14: upgrade(number, &decoder, &input, time)
      case 15: decoder.recordsLost(7, reason: input.text(), at: time)
      case 16: poll(number, &decoder, &input, time)
      case 17: decoder.proxyEnded(number, at: time)
      default: message(number, peer, &decoder, &input, time)
      }
      order.check(decoder.records)
      decoder.removeRecords()
    }
    decoder.captureEnded(at: Timestamp(microseconds: now))
    order.check(decoder.records)
  }

  private static let targets = [
    "/socket.io/?EIO=4&transport=polling", "/socket.io/?EIO=4&transport=polling&sid=A",
    "/socket.io/?EIO=4&transport=websocket&sid=A", "/socket.io/?EIO=4&transport=websocket",
    "/socket.io/?EIO=3&transport=polling&sid=B", "/socket.io/?EIO=3&transport=polling&j=0&sid=B",
    "/socket.io/?EIO=3&transport=websocket", "/chat?token=s3cret",
  ]

  private static func request(_ input: inout FuzzInput) -> RequestHead {
    let flags = input.byte()
    var head = RequestHead(
      method: ["GET", "POST", "OPTIONS", "PUT"][Int(flags & 3)], target: targets[Int(flags >> 2 & 7)],
      headers: [("cookie", "a=b")])
    if flags & 32 != 0 { head.headers += [("connection", "Upgrade"), ("upgrade", "websocket")] }
    if flags & 64 != 0 { head.headers.append(("content-type", "application/octet-stream")) }
    if flags & 128 != 0 { head.target += input.text() }
    return head
  }

  private static func response(_ input: inout FuzzInput) -> ResponseHead {
    let flags = input.byte()
    var head = ResponseHead(status: [200, 101, 400, 500][Int(flags & 3)], headers: [])
    if flags & 4 != 0 { head.headers.append(("content-encoding", flags & 8 == 0 ? "gzip" : "br")) }
    if flags & 16 != 0 { head.headers.append(("sec-websocket-extensions", "permessage-deflate")) }
    if flags & 32 != 0 { head.headers.append(("content-type", "application/octet-stream")) }
    if flags & 64 != 0 { head.headers.append((input.text(), input.text())) }
    return head
  }

  /// A whole upgrade, so that the interesting bytes are not far away.
  private static func upgrade(
    _ number: ConnectionNumber, _ decoder: inout TrafficDecoder, _ input: inout FuzzInput, _ time: Timestamp
  ) {
    let flags = input.byte()
    decoder.connectionOpened(number, client: "1.2.3.4:5", upstream: "b", at: time)
    let deflate = [("sec-websocket-extensions", "permessage-deflate")]
    decoder.requestStarted(
      number,
      RequestHead(
        method: "GET", target: targets[Int(flags & 7)],
        headers: [("connection", "upgrade"), ("upgrade", "websocket")] + deflate), at: time)
    decoder.requestEnded(number, at: time)
    decoder.responseStarted(
      number, ResponseHead(status: 101, headers: flags & 8 == 0 ? [] : deflate), at: time)
    decoder.responseEnded(number, at: time)
  }

  /// A whole polling exchange, a GET or a POST by the first byte.
  private static func poll(
    _ number: ConnectionNumber, _ decoder: inout TrafficDecoder, _ input: inout FuzzInput, _ time: Timestamp
  ) {
    let flags = input.byte()
    let isPost = flags & 8 != 0
    decoder.requestStarted(
      number,
      RequestHead(method: isPost ? "POST" : "GET", target: targets[Int(flags & 7)], headers: []), at: time)
    let body = input.piece()
    if isPost { decoder.requestBodyReceived(number, body, at: time) }
    decoder.requestEnded(number, at: time)
    let status = flags & 16 == 0 ? 200 : 400
    decoder.responseStarted(number, ResponseHead(status: status, headers: []), at: time)
    if !isPost { decoder.responseBodyReceived(number, body, at: time) }
    decoder.responseEnded(number, at: time)
  }

  /// A whole message in a frame of its own, which is rarely met by chance.
  private static func message(
    _ number: ConnectionNumber, _ peer: Peer, _ decoder: inout TrafficDecoder, _ input: inout FuzzInput,
    _ time: Timestamp
  ) {
    let kind = input.byte()
    let payload = input.piece().prefix(125)
    var frame: [UInt8] = [[0x81, 0x82, 0x88, 0xC1][Int(kind & 3)]]
    if peer == .client {
      frame += [0x80 | UInt8(payload.count), 0, 0, 0, 0]
    } else {
      frame.append(UInt8(payload.count))
    }
    frame += payload
    frame.withUnsafeBytes { decoder.bytesReceived(number, from: peer, $0, at: time) }
  }
}

/// Checks records one after another.
struct RecordOrder: ~Copyable {
  private var seq = 0
  private var time = Int64.min
  private var scanner = CaptureRecordScanner()

  mutating func check(_ records: UnsafeRawBufferPointer) {
    guard !records.isEmpty else { return }
    require(records.isValidUTF8, "not UTF-8")
    require(records.last == 0x0A, "no line break at the end")
    for line in records.split(separator: 0x0A, omittingEmptySubsequences: false).dropLast() {
      guard let record = try? scanner.record(in: UnsafeRawBufferPointer(rebasing: line)) else {
        fatalError("no record: \(String(decoding: line, as: UTF8.self))")
      }
      seq += 1
      require(record.seq == seq, "seq")
      require(record.time.microseconds >= time, "ts")
      time = record.time.microseconds
    }
  }
}
