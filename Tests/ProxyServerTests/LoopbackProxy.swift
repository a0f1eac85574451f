import Foundation

/// A proxy in this process between two plain blocking sockets, so that a test holds both ends and can look at them at
/// the very moment at which records are written.
final class LoopbackProxy: Sendable {
  let proxy: InProcessProxy
  let client: BlockingSocket
  let server: BlockingSocket

  var capture: URL { proxy.capture }

  private init(proxy: InProcessProxy, client: BlockingSocket, server: BlockingSocket) {
    self.proxy = proxy
    self.client = client
    self.server = server
  }

  /// Starts a proxy and takes one connection through a WebSocket upgrade and a Socket.IO handshake.
  static func upgraded(splicesDirectly: Bool = true) async throws -> LoopbackProxy {
    let listener = try BlockingSocket.listening()
    let proxy = try await InProcessProxy.start(
      upstreamPort: listener.port, splicesDirectly: splicesDirectly)
    let client = try BlockingSocket.connected(to: proxy.port)
    try client.send(
      Array(
        ("GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
          + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").utf8))
    let server = try listener.accepted()
    _ = try server.receive(until: Array("\r\n\r\n".utf8))
    try server.send(
      Array(
        ("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
          + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n").utf8))
    _ = try client.receive(until: Array("\r\n\r\n".utf8))
    let running = LoopbackProxy(proxy: proxy, client: client, server: server)
    let open = #"0{"sid":"abc","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#
    try server.send(Self.frame(open, masked: false))
    _ = try client.receive(until: Array("}".utf8))
    return running
  }

  /// A text frame of fewer than 126 bytes.
  static func frame(_ text: String, masked: Bool) -> [UInt8] {
    let payload = Array(text.utf8)
    precondition(payload.count < 126)
    guard masked else { return [0x81, UInt8(payload.count)] + payload }
    let key: [UInt8] = [0x11, 0x22, 0x33, 0x44]
    return [0x81, 0x80 | UInt8(payload.count)] + key + payload.enumerated().map { $1 ^ key[$0 & 3] }
  }

  func stop() async {
    proxy.atRecords(nil)
    client.close()
    server.close()
    await proxy.stop()
    proxy.removeCapture()
  }
}
