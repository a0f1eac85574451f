import JSONText

/// One connection to the echo server: HTTP first, and frames from an upgrade on.
final class EchoConnection {
  let descriptor: Int32
  var output = SocketOutput()
  /// Whether the queue waits for room in the socket.
  var waitsForRoom = false
  /// The polling session that this connection last spoke for.
  private(set) var session: PollingSession?

  private unowned let server: EchoServer
  private var input = SocketInput()
  private var isUpgraded = false
  private var sid = ""
  private var deflater: MessageDeflater?
  /// An answer before it is compressed.
  private var plain = ByteSink(capacity: 256)

  init(descriptor: Int32, server: EchoServer) {
    self.descriptor = descriptor
    self.server = server
  }

  /// Takes what one read brought.
  ///
  /// - Returns: false when the connection is to be closed.
  func received(_ bytes: UnsafeMutableRawBufferPointer) -> Bool {
    var goesOn = true
    input.received(bytes) { bytes in
      var done = 0
      while done < bytes.count, goesOn {
        let rest = UnsafeMutableRawBufferPointer(rebasing: bytes[done...])
        let taken = isUpgraded ? frame(rest, &goesOn) : request(rest, &goesOn)
        guard taken > 0 else { break }
        done += taken
      }
      return done
    }
    return goesOn
  }

  /// Answers a GET with packets.
  func respond(_ body: UnsafeRawBufferPointer) {
    output.bytes.append(
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Length: " as StaticString)
    output.bytes.append(decimal: body.count)
    output.bytes.append("\r\n\r\n" as StaticString)
    output.bytes.append(body)
  }

  // MARK: frames

  /// Consumes one frame; 0 while it is not there whole.
  private func frame(_ bytes: UnsafeMutableRawBufferPointer, _ goesOn: inout Bool) -> Int {
    guard let shape = FrameShape(UnsafeRawBufferPointer(bytes), at: 0) else { return 0 }
    guard shape.isMasked, shape.payloadLength <= FrameShape.limit else {
      goesOn = false
      return 0
    }
    guard bytes.count >= shape.length else { return 0 }
    let payload = UnsafeMutableRawBufferPointer(rebasing: bytes[shape.headerLength..<shape.length])
    let key = UnsafeRawBufferPointer(bytes).loadUnaligned(
      fromByteOffset: shape.headerLength - 4, as: UInt32.self)
    FrameShape.apply(UInt32(littleEndian: key), to: payload)
    switch shape.opcode {
    case 1: packet(UnsafeRawBufferPointer(payload))
    case 8:
      FrameShape.append(0x88, payloadLength: payload.count, to: &output.bytes)
      output.bytes.append(UnsafeRawBufferPointer(payload))
      goesOn = false
    case 9:
      FrameShape.append(0x8A, payloadLength: payload.count, to: &output.bytes)
      output.bytes.append(UnsafeRawBufferPointer(payload))
    default: break
    }
    return shape.length
  }

  private func packet(_ packet: UnsafeRawBufferPointer) {
    if deflater == nil, packet.count > 4 {
      // An answer is two bytes of type, digits and arguments: its length is known before it is written.
      let length = packet.count - 7
      let mark = output.bytes.count
      FrameShape.append(FrameShape.text, payloadLength: max(0, length), to: &output.bytes)
      if EchoPacket.appendAnswer(to: packet, &output.bytes) { return }
      output.bytes.truncate(to: mark)
    }
    plain.removeAll()
    if EchoPacket.appendAnswer(to: packet, &plain) {
      send()
    } else if EchoPacket.joins(packet) {
      plain.append("40{\"sid\":\"\(sid)\"}")
      send()
    } else if packet.count > 0, packet[0] == 0x32 {
      plain.append("3" as StaticString)
      plain.append(UnsafeRawBufferPointer(rebasing: packet[1...]))
      send()
    }
  }

  /// Sends what is in `plain` as a message.
  private func send() {
    if let deflater {
      deflater.append(UnsafeMutableRawBufferPointer(mutating: plain.bytes), to: &output.bytes)
    } else {
      FrameShape.append(FrameShape.text, payloadLength: plain.count, to: &output.bytes)
      output.bytes.append(plain.bytes)
    }
  }

  // MARK: HTTP

  /// Consumes one request; 0 while it is not there whole.
  private func request(_ bytes: UnsafeMutableRawBufferPointer, _ goesOn: inout Bool) -> Int {
    let bytes = UnsafeRawBufferPointer(bytes)
    guard let head = HTTPHead(bytes) else {
      goesOn = bytes.count <= HTTPHead.limit
      return 0
    }
    let bodyLength = head.contentLength ?? 0
    guard bodyLength <= FrameShape.limit else {
      goesOn = false
      return 0
    }
    let length = head.length + bodyLength
    guard bytes.count >= length else { return 0 }
    if let key = head.text(of: "sec-websocket-key") {
      upgrade(key, extensions: head.text(of: "sec-websocket-extensions") ?? "")
      return length
    }
    let target = head.firstLine.split(separator: " ").dropFirst().first ?? ""
    let sid = target.split(whereSeparator: { $0 == "?" || $0 == "&" }).first { $0.hasPrefix("sid=") }?
      .dropFirst(4)
    guard let sid else {
      let session = server.makeSession()
      self.session = session
      session.beginPacket()
      session.packets.append(EchoPacket.open(sid: session.sid))
      session.waiting = self
      _ = session.deliver()
      return length
    }
    guard let session = server.session(String(sid)) else {
      refuse()
      return length
    }
    self.session = session
    if head.begins(with: "POST") {
      posted(UnsafeRawBufferPointer(rebasing: bytes[head.length..<length]), session)
    } else {
      session.waiting = self
      _ = session.deliver()
    }
    return length
  }

  private func posted(_ body: UnsafeRawBufferPointer, _ session: PollingSession) {
    for packet in body.split(separator: 0x1E) {
      let packet = UnsafeRawBufferPointer(rebasing: packet)
      let mark = session.packets.count
      session.beginPacket()
      if EchoPacket.appendAnswer(to: packet, &session.packets) { continue }
      if EchoPacket.joins(packet) {
        session.packets.append("40{\"sid\":\"\(session.sid)\"}")
      } else {
        session.packets.truncate(to: mark)
      }
    }
    output.bytes.append(
      "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nok" as StaticString)
    if let other = session.deliver(), other !== self { server.hasOutput(other) }
  }

  private func upgrade(_ key: String, extensions: String) {
    isUpgraded = true
    sid = server.makeSID()
    output.bytes.append(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        as StaticString)
    output.bytes.append(WebSocketAccept.value(for: key))
    if server.compresses, extensions.contains("permessage-deflate") {
      deflater = MessageDeflater()
      if deflater != nil {
        output.bytes.append("\r\nSec-WebSocket-Extensions: permessage-deflate" as StaticString)
      }
    }
    output.bytes.append("\r\n\r\n" as StaticString)
    plain.removeAll()
    plain.append(EchoPacket.open(sid: sid))
    send()
  }

  private func refuse() {
    let body = "{\"code\":1,\"message\":\"Session ID unknown\"}"
    output.bytes.append(
      "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
        + body)
  }
}
