import JSONText

/// A session over one WebSocket.
final class WebSocketLoadSession: LoadSession {
  private enum State {
    case upgrading, opening, joining, ready
  }

  private unowned let client: LoadClient
  private var descriptor: Int32 = -1
  private var state = State.upgrading
  private var head = SocketInput()
  private var frames = FrameCounter()
  private var output = SocketOutput()
  private var waitsForRoom = true
  private var owed = 0
  private var nextID: UInt64 = 0
  var pendingTimes = PendingTimes()

  /// Bytes that may wait for room in the socket before further emits are held back.
  static let outputLimit = 256 << 10

  init(client: LoadClient) {
    self.client = client
  }

  var isReady: Bool { state == .ready }

  func begin() throws(LoadFault) {
    descriptor = try LoopbackSocket.connecting(to: client.plan.port)
    try client.watch(descriptor, self)
    output.bytes.append(
      "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:\(client.plan.port)\r\n")
    output.bytes.append(
      "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" as StaticString)
    output.bytes.append("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" as StaticString)
    if client.plan.compresses {
      output.bytes.append("Sec-WebSocket-Extensions: permessage-deflate\r\n" as StaticString)
    }
    output.bytes.append("\r\n" as StaticString)
  }

  func becameReadable(_ descriptor: Int32, _ room: UnsafeMutableRawBufferPointer) throws(LoadFault) {
    switch LoopbackSocket.read(descriptor, into: room) {
    case .wouldBlock: return
    case .ended: throw client.broken("closed the connection")
    case .moved(let count):
      let bytes = UnsafeMutableRawBufferPointer(rebasing: room[..<count])
      if state != .upgrading { return try framesReceived(UnsafeRawBufferPointer(bytes)) }
      // What comes right behind the head is frames already.
      var early: [UInt8] = []
      try head.received(bytes) { (bytes: UnsafeMutableRawBufferPointer) throws(LoadFault) -> Int in
        guard let head = HTTPHead(UnsafeRawBufferPointer(bytes)) else { return 0 }
        try upgraded(head)
        early = Array(bytes[head.length...])
        return bytes.count
      }
      guard !early.isEmpty else { return }
      let result: Result<Void, LoadFault> = early.withUnsafeBytes { raw in
        do throws(LoadFault) { return .success(try framesReceived(raw)) } catch { return .failure(error) }
      }
      try result.get()
    }
  }

  func becameWritable(_ descriptor: Int32) throws(LoadFault) { try pump() }

  func emit(_ count: Int) throws(LoadFault) {
    owed += count
    try pump()
  }

  func end() {
    guard descriptor >= 0 else { return }
    client.close(descriptor)
    descriptor = -1
  }

  private func upgraded(_ head: HTTPHead) throws(LoadFault) {
    guard head.status == 101 else { throw client.broken("answered the upgrade with '\(head.firstLine)'") }
    let accepted = head.text(of: "sec-websocket-extensions")?.contains("permessage-deflate") ?? false
    guard accepted == client.plan.compresses else {
      throw client.broken("did not pass permessage-deflate on: the figures would be of something else")
    }
    state = .opening
  }

  private func framesReceived(_ bytes: UnsafeRawBufferPointer) throws(LoadFault) {
    let count = frames.received(bytes)
    var messages = count.messages
    if messages > 0, state == .opening {
      messages -= 1
      state = .joining
      [UInt8]("40".utf8).withUnsafeBytes { text in
        _ = ClientFrame.append(text, to: &output.bytes)
      }
      try pump()
    }
    if messages > 0, state == .joining {
      messages -= 1
      state = .ready
      try client.becameReady(self)
    }
    if messages > 0 { try client.acked(self, messages) }
    if count.hasEnded { throw client.broken("ended the WebSocket") }
  }

  private func pump() throws(LoadFault) {
    repeat {
      while owed > 0, output.waiting < Self.outputLimit {
        client.appendEmit(nextID, to: &output.bytes)
        nextID += 1
        owed -= 1
      }
      guard output.flush(to: descriptor) else { throw client.broken("closed the connection") }
    } while owed > 0 && output.waiting == 0
    let waits = output.waiting > 0
    if waits != waitsForRoom {
      waitsForRoom = waits
      client.wait(forRoom: waits, in: descriptor)
    }
  }
}
