/// A WebSocket client for tests that speak their Socket.IO themselves: text in, text out, one frame a message.
struct WebSocketPeer: Sendable {
  let connection: RawConnection

  /// Opens a WebSocket. Throws unless the answer is 101.
  static func open(port: Int, target: String) async throws -> WebSocketPeer {
    let connection = try RawConnection(port: port)
    let answer = try await connection.fetch("GET", target, upgradeFields)
    guard answer.status == 101 else {
      throw PeerFailure("the upgrade of \(target) was answered \(answer.status)")
    }
    return WebSocketPeer(connection: connection)
  }

  /// Opens an Engine.IO 4 session over WebSocket alone and joins a namespace.
  static func join(port: Int, namespace: String = "/") async throws -> WebSocketPeer {
    let peer = try await open(port: port, target: "/socket.io/?EIO=4&transport=websocket")
    _ = try await peer.text { $0.hasPrefix("0{") }
    try peer.send(namespace == "/" ? "40" : "40\(namespace),")
    let reply = namespace == "/" ? "40{" : "40\(namespace),{"
    _ = try await peer.text { $0.hasPrefix(reply) }
    return peer
  }

  /// The header fields of an upgrade request.
  static let upgradeFields = [
    "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  ]

  /// Sends a text message.
  func send(_ text: String) throws { try connection.write(Self.frame(opcode: 1, Array(text.utf8))) }

  /// Sends a close frame with status 1000, and half-closes.
  func close() throws {
    try connection.write(Self.frame(opcode: 8, [0x03, 0xE8]))
    connection.finishWriting()
  }

  /// The next text message that satisfies `matches`; the others are dropped, pings of Engine.IO answered.
  func text(where matches: (String) -> Bool) async throws -> String {
    while true {
      let (opcode, payload) = try await message()
      guard opcode != 8 else { throw PeerFailure("the WebSocket was closed before the text came") }
      let text = String(decoding: payload, as: UTF8.self)
      if opcode == 1 && matches(text) { return text }
      if text == "2" { try send("3") }
    }
  }

  /// Drops what comes, heartbeats unanswered, until the other side closes; then closes too.
  func awaitClose() async throws {
    while try await message().opcode != 8 {}
    // A proxy that stops may be gone by now.
    try? close()
  }

  /// The next message, or control frame, with its opcode.
  func message() async throws -> (opcode: UInt8, payload: [UInt8]) {
    let head = try await connection.read(2)
    guard head[0] & 0xF0 == 0x80, head[1] & 0x80 == 0 else {
      throw PeerFailure("a frame that is fragmented, compressed or masked: \(head)")
    }
    var length = Int(head[1])
    if length > 125 {
      length = try await connection.read(length == 126 ? 2 : 8).reduce(0) { $0 << 8 | Int($1) }
    }
    return (head[0] & 0x0F, try await connection.read(length))
  }

  /// One whole client frame, masked (RFC 6455 §5.2).
  static func frame(opcode: UInt8, _ payload: [UInt8]) -> [UInt8] {
    let mask: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]
    var frame = [0x80 | opcode]
    switch payload.count {
    case ...125: frame.append(0x80 | UInt8(payload.count))
    case ...65535: frame += [0xFE, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
    default:
      frame.append(0xFF)
      frame += (0..<8).reversed().map { UInt8(payload.count >> ($0 * 8) & 255) }
    }
    return frame + mask + payload.enumerated().map { $1 ^ mask[$0 & 3] }
  }
}
