import AckCorrelation
import CaptureFormat
import Foundation
import NIOPosix
import ProxyServer
import SessionDecoder
import Synchronization
import Testing

/// A proxy in this process between two plain blocking sockets, so that a test holds both ends and can look at them at
/// the very moment at which records are written.
final class LoopbackProxy: Sendable {
  let capture: URL
  let client: BlockingSocket
  let server: BlockingSocket
  private let proxy: ProxyServer

  /// Called by a loop for each batch of records, after they were written and before anything is flushed.
  let atRecords = Mutex<(@Sendable (_ records: String) -> Void)?>(nil)

  private init(capture: URL, client: BlockingSocket, server: BlockingSocket, proxy: ProxyServer) {
    self.capture = capture
    self.client = client
    self.server = server
    self.proxy = proxy
  }

  private final class Relay: Sendable {
    let target = Mutex<LoopbackProxy?>(nil)

    func written(_ records: UnsafeRawBufferPointer) {
      guard let proxy = target.withLock({ $0 }) else { return }
      let look = proxy.atRecords.withLock { $0 }
      look?(String(decoding: records, as: UTF8.self))
    }
  }

  /// Starts a proxy and takes one connection through a WebSocket upgrade and a Socket.IO handshake.
  static func upgraded(splicesDirectly: Bool = true) async throws -> LoopbackProxy {
    let listener = try BlockingSocket.listening()
    let capture = FileManager.default.temporaryDirectory.appendingPathComponent(
      "ackscope-\(UUID().uuidString).jsonl")
    let relay = Relay()
    let decoder = TrafficDecoder(
      options: DecoderOptions(tool: "ackscope/test"), redactor: Redactor(hash: KeyedHash(key: (1, 2))))
    let recorder = TrafficRecorder(
      decoder: decoder, file: try CaptureWriter(path: capture.path), clock: ProxyClock(),
      observer: { relay.written($0) }, captureFailed: { _ in }, captureRecovered: { _ in })
    var configuration = ProxyConfiguration(upstream: try UpstreamAddress("http://127.0.0.1:\(listener.port)"))
    configuration.listenPort = 0
    configuration.splicesDirectly = splicesDirectly
    let proxy = try await ProxyServer.start(
      configuration, recorder: recorder, isEngineIO: { EngineIORule().covers(target: $0) },
      group: MultiThreadedEventLoopGroup.singleton,
      ready: { recorder.begin(listen: $0, upstream: "http://127.0.0.1") }, diagnose: { _ in })
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
    let running = LoopbackProxy(capture: capture, client: client, server: server, proxy: proxy)
    relay.target.withLock { $0 = running }
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
    atRecords.withLock { $0 = nil }
    client.close()
    server.close()
    await proxy.stop()
    try? FileManager.default.removeItem(at: capture)
  }
}
