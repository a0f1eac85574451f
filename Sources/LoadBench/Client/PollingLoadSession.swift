import JSONText

/// A session over polling: one connection for the GET that always waits, one for POSTs (PROTOCOL.md A.4).
final class PollingLoadSession: LoadSession {
  private struct Exchange: ~Copyable {
    var descriptor: Int32 = -1
    var input = SocketInput()
    var output = SocketOutput()
    var waitsForRoom = true
    var isBusy = false
  }

  private enum State {
    case opening, joining, ready
  }

  private unowned let client: LoadClient
  private var get = Exchange()
  private var post = Exchange()
  private var state = State.opening
  private var sid = ""
  private var owed = 0
  private var nextID: UInt64 = 0
  private var body = ByteSink(capacity: 256)
  var pendingTimes = PendingTimes()

  init(client: LoadClient) {
    self.client = client
  }

  var isReady: Bool { state == .ready }

  func begin() throws(LoadFault) {
    get.descriptor = try LoopbackSocket.connecting(to: client.plan.port)
    try client.watch(get.descriptor, self)
    post.descriptor = try LoopbackSocket.connecting(to: client.plan.port)
    try client.watch(post.descriptor, self)
    requestGET()
  }

  func becameReadable(_ descriptor: Int32, _ room: UnsafeMutableRawBufferPointer) throws(LoadFault) {
    switch LoopbackSocket.read(descriptor, into: room) {
    case .wouldBlock: return
    case .ended: throw client.broken("closed the connection")
    case .moved(let count):
      let bytes = UnsafeMutableRawBufferPointer(rebasing: room[..<count])
      if descriptor == post.descriptor {
        var isAnswered = false
        try post.input.received(bytes) { (bytes: UnsafeMutableRawBufferPointer) throws(LoadFault) -> Int in
          guard let answer = try answer(in: UnsafeRawBufferPointer(bytes)) else { return 0 }
          isAnswered = true
          return answer.length
        }
        if isAnswered { post.isBusy = false }
        try pump()
      } else {
        var packets: [UInt8]?
        try get.input.received(bytes) { (bytes: UnsafeMutableRawBufferPointer) throws(LoadFault) -> Int in
          guard let answer = try answer(in: UnsafeRawBufferPointer(bytes)) else { return 0 }
          packets = Array(bytes[(answer.length - answer.body)..<answer.length])
          return answer.length
        }
        guard let packets else { return }
        try packetsReceived(packets)
      }
    }
  }

  func becameWritable(_ descriptor: Int32) throws(LoadFault) {
    if descriptor == get.descriptor { try flush(&get) } else { try flush(&post) }
  }

  func emit(_ count: Int) throws(LoadFault) {
    owed += count
    try pump()
  }

  func end() {
    for descriptor in [get.descriptor, post.descriptor] where descriptor >= 0 { client.close(descriptor) }
    get.descriptor = -1
    post.descriptor = -1
  }

  /// The lengths of a whole answer and of its body, or nil while it is not there whole.
  private func answer(in bytes: UnsafeRawBufferPointer) throws(LoadFault) -> (length: Int, body: Int)? {
    guard let head = HTTPHead(bytes) else { return nil }
    guard head.status == 200 else { throw client.broken("answered '\(head.firstLine)'") }
    guard let body = head.contentLength else { throw client.broken("sent an answer without Content-Length") }
    let length = head.length + body
    return bytes.count >= length ? (length, body) : nil
  }

  private func packetsReceived(_ packets: [UInt8]) throws(LoadFault) {
    var acks = 0
    let wasReady = isReady
    for packet in packets.split(separator: 0x1E) {
      switch (packet.first, packet.dropFirst().first) {
      case (0x30, _):
        sid = Self.sid(in: String(decoding: packet, as: UTF8.self))
        guard !sid.isEmpty else { throw client.broken("opened a session without a sid") }
        state = .joining
      case (0x34, 0x30): state = .ready
      case (0x34, 0x33): acks += 1
      default: throw client.broken("sent a packet that no bench server sends")
      }
    }
    requestGET()
    try flush(&get)
    if state == .joining, !post.isBusy {
      body.removeAll()
      body.append("40" as StaticString)
      requestPOST()
      try flush(&post)
    }
    if state == .ready, !wasReady { try client.becameReady(self) }
    if acks > 0 { try client.acked(self, acks) }
  }

  private func requestGET() {
    let query = sid.isEmpty ? "" : "&sid=\(sid)"
    get.output.bytes.append(
      "GET /socket.io/?EIO=4&transport=polling\(query) HTTP/1.1\r\nHost: 127.0.0.1:\(client.plan.port)\r\n\r\n"
    )
  }

  private func requestPOST() {
    post.isBusy = true
    post.output.bytes.append(
      "POST /socket.io/?EIO=4&transport=polling&sid=\(sid) HTTP/1.1\r\nHost: 127.0.0.1:\(client.plan.port)\r\n"
    )
    post.output.bytes.append(
      "Content-Type: text/plain;charset=UTF-8\r\nContent-Length: \(body.count)\r\n\r\n")
    post.output.bytes.append(body.bytes)
  }

  private func pump() throws(LoadFault) {
    guard state == .ready, owed > 0, !post.isBusy else { return }
    body.removeAll()
    while owed > 0, body.count < WebSocketLoadSession.outputLimit {
      if body.count > 0 { body.append(0x1E) }
      client.appendEmit(nextID, to: &body)
      nextID += 1
      owed -= 1
    }
    requestPOST()
    try flush(&post)
  }

  private func flush(_ exchange: inout Exchange) throws(LoadFault) {
    guard exchange.output.flush(to: exchange.descriptor) else { throw client.broken("closed the connection") }
    let waits = exchange.output.waiting > 0
    if waits != exchange.waitsForRoom {
      exchange.waitsForRoom = waits
      client.wait(forRoom: waits, in: exchange.descriptor)
    }
  }

  /// The sid of an open packet.
  static func sid(in packet: String) -> String {
    let value = try? JSONValue(parsing: String(packet.dropFirst()))
    return value?["sid"]?.string ?? ""
  }
}
