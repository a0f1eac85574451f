import AckCorrelation
import CAllocationCount
import CaptureFormat
import JSONText
import SessionDecoder

/// One WebSocket session that emits and acknowledges for ever.
struct MessageTraffic: ~Copyable {
  /// What a push came to.
  struct Done {
    var messages = 0
    var records: UInt64 = 0
    var bytes = 0
    /// What the decoder alone took; making the traffic is not in it.
    var nanoseconds: Int64 = 0
    var allocations: UInt64 = 0
  }

  private static let mask: [UInt8] = [0x17, 0x9E, 0xC3, 0x5A]
  private let connection = ConnectionNumber(1)
  private let window: Int
  private let text: String
  private var decoder: TrafficDecoder
  private var time = Timestamp(microseconds: 1_700_000_000_000_000)
  private var nextID = 0
  private var frames = ByteSink(capacity: 4096)

  init(payload: Int, window: Int) {
    self.window = window
    text = String(repeating: "see you at nine ", count: payload / 16 + 1).prefix(payload).description
    decoder = TrafficDecoder(
      options: DecoderOptions(tool: "decode-bench"), redactor: Redactor(hash: KeyedHash(key: (1, 2))))
    decoder.captureStarted(listen: "127.0.0.1:1", upstream: "http://127.0.0.1:2", at: time)
    decoder.connectionOpened(connection, client: "127.0.0.1:3", upstream: "127.0.0.1:2", at: time)
    let upgrade = [
      ("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
      ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ]
    decoder.requestStarted(
      connection,
      RequestHead(method: "GET", target: "/socket.io/?EIO=4&transport=websocket", headers: upgrade), at: time)
    decoder.requestEnded(connection, at: time)
    decoder.responseStarted(
      connection, ResponseHead(status: 101, headers: Array(upgrade.prefix(2))), at: time)
    decoder.responseEnded(connection, at: time)
    receive(
      .server, #"0{"sid":"bench000000000000001","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#)
    receive(.client, "40")
    receive(.server, #"40{"sid":"bench000000000000002"}"#)
  }

  /// Pushes about so many messages, half of them acks.
  mutating func push(messages: Int) -> Done {
    var done = Done()
    let before = decoder.recordCount
    decoder.removeRecords()
    while done.messages < messages {
      // The windows of a while are made first: what is measured is their decoding.
      frames.removeAll(keeping: .max)
      var ends: [(peer: Peer, end: Int)] = []
      for _ in 0..<64 {
        for id in nextID..<(nextID + window) { appendEmit(id) }
        ends.append((.client, frames.count))
        for id in nextID..<(nextID + window) { appendAck(id) }
        ends.append((.server, frames.count))
        nextID += window
        done.messages += 2 * window
      }
      let allocations = ackscope_allocations()
      let start = MonotonicTime.now
      var offset = 0
      for (peer, end) in ends {
        bytesReceived(peer, UnsafeRawBufferPointer(rebasing: frames.bytes[offset..<end]))
        offset = end
        // As the proxy does at the end of each tick, when they are written.
        done.bytes += decoder.records.count
        decoder.removeRecords()
      }
      done.nanoseconds += MonotonicTime.now - start
      done.allocations += ackscope_allocations() - allocations
    }
    done.records = decoder.recordCount - before
    return done
  }

  private mutating func receive(_ peer: Peer, _ packet: String) {
    frames.removeAll()
    appendHead(packet.utf8.count, isMasked: peer == .client)
    let start = frames.count
    frames.append(packet)
    if peer == .client { mask(from: start) }
    bytesReceived(peer, frames.bytes)
  }

  private mutating func bytesReceived(_ peer: Peer, _ bytes: UnsafeRawBufferPointer) {
    time = time.adding(100)
    decoder.bytesReceived(connection, from: peer, bytes, at: time)
    decoder.expire(at: time)
  }

  private mutating func appendEmit(_ id: Int) {
    appendHead(2 + Self.digits(id) + 11 + text.utf8.count, isMasked: true)
    let start = frames.count
    frames.append("42" as StaticString)
    frames.append(decimal: id)
    frames.append("[\"echo\",\"" as StaticString)
    frames.append(text)
    frames.append("\"]" as StaticString)
    mask(from: start)
  }

  private mutating func appendAck(_ id: Int) {
    appendHead(2 + Self.digits(id) + 4 + text.utf8.count, isMasked: false)
    frames.append("43" as StaticString)
    frames.append(decimal: id)
    frames.append("[\"" as StaticString)
    frames.append(text)
    frames.append("\"]" as StaticString)
  }

  private mutating func appendHead(_ length: Int, isMasked: Bool) {
    let flag: UInt8 = isMasked ? 0x80 : 0
    frames.append(0x81)
    switch length {
    case ..<126: frames.append(flag | UInt8(length))
    case ..<65536:
      frames.append(flag | 126)
      frames.append(UInt8(length >> 8))
      frames.append(UInt8(truncatingIfNeeded: length))
    default:
      frames.append(flag | 127)
      for shift in stride(from: 56, through: 0, by: -8) {
        frames.append(UInt8(truncatingIfNeeded: length >> shift))
      }
    }
    if isMasked { for byte in Self.mask { frames.append(byte) } }
  }

  private mutating func mask(from start: Int) {
    for index in start..<frames.count {
      frames.overwrite(at: index, with: frames.bytes[index] ^ Self.mask[(index - start) & 3])
    }
  }

  private static func digits(_ number: Int) -> Int {
    var digits = 1
    var rest = number
    while rest >= 10 {
      rest /= 10
      digits += 1
    }
    return digits
  }
}
