import NIOCore
import NIOPosix

/// A TCP connection that sends any bytes, sound or not, and reads what comes back.
struct RawConnection {
  private let channel: any Channel
  private let bytes: AsyncStream<[UInt8]>.Iterator

  static func open(to port: Int, _ group: MultiThreadedEventLoopGroup) async throws -> RawConnection {
    let (stream, continuation) = AsyncStream.makeStream(of: [UInt8].self)
    let channel = try await ClientBootstrap(group: group)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(Collector(continuation))
        }
      }
      .connect(host: "127.0.0.1", port: port).get()
    return RawConnection(channel: channel, bytes: stream.makeAsyncIterator())
  }

  func send(_ text: String) async throws { try await send(Array(text.utf8)) }

  func send(_ bytes: [UInt8]) async throws {
    try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
  }

  /// Everything the server sends until it closes the connection or `end` came.
  func read(until end: String? = nil) async -> String {
    String(decoding: await readBytes(until: end), as: UTF8.self)
  }

  func readBytes(until end: String? = nil) async -> [UInt8] {
    var iterator = bytes
    var all: [UInt8] = []
    while let more = await iterator.next() {
      all += more
      if let end, String(decoding: all, as: UTF8.self).contains(end) { break }
    }
    return all
  }

  /// Shuts this end's output; the server can still send.
  func halfClose() async throws { try await channel.close(mode: .output).get() }

  func close() async { try? await channel.close().get() }

  /// Ends the connection with RST.
  func reset() async throws {
    if let socket = channel as? any SocketOptionProvider {
      try await socket.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
    }
    try await channel.close().get()
  }

  private final class Collector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let continuation: AsyncStream<[UInt8]>.Continuation

    init(_ continuation: AsyncStream<[UInt8]>.Continuation) { self.continuation = continuation }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      continuation.yield(Array(unwrapInboundIn(data).readableBytesView))
    }
    func channelInactive(context: ChannelHandlerContext) { continuation.finish() }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
  }
}

/// An HTTP request as text.
func request(_ method: String, _ target: String, body: String? = nil, _ headers: String...) -> String {
  var text = "\(method) \(target) HTTP/1.1\r\nHost: test\r\n"
  for header in headers { text += header + "\r\n" }
  if let body { text += "Content-Length: \(body.utf8.count)\r\n" }
  return text + "\r\n" + (body ?? "")
}

/// A WebSocket handshake as text.
func upgradeRequest(_ target: String) -> String {
  request(
    "GET", target, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits")
}

/// A client's text frame with a mask of zeros; the text is shorter than 126 bytes.
func maskedText(_ text: String) -> [UInt8] {
  [0x81, 0x80 | UInt8(text.utf8.count), 0, 0, 0, 0] + Array(text.utf8)
}
