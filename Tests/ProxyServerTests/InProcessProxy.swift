import AckCorrelation
import CaptureFormat
import CaptureStorage
import Foundation
import NIOPosix
import ProxyServer
import SessionDecoder
import Synchronization

/// A proxy in this process before an upstream on loopback, with its capture in a file of its own.
final class InProcessProxy: Sendable {
  let capture: URL
  let recorder: TrafficRecorder
  private let proxy: ProxyServer
  private let relay: Relay

  var port: Int { proxy.port }

  private init(capture: URL, recorder: TrafficRecorder, proxy: ProxyServer, relay: Relay) {
    self.capture = capture
    self.recorder = recorder
    self.proxy = proxy
    self.relay = relay
  }

  private final class Relay: Sendable {
    let look = Mutex<(@Sendable (_ records: String) -> Void)?>(nil)

    func written(_ records: UnsafeRawBufferPointer) {
      guard let look = look.withLock({ $0 }) else { return }
      look(String(decoding: records, as: UTF8.self))
    }
  }

  static func start(
    upstreamPort: Int, ackTimeout: Int64? = nil, redacts: Bool = true, clock: ProxyClock = ProxyClock(),
    splicesDirectly: Bool = true, limits: ProxyLimits = ProxyLimits(),
    host: String = "127.0.0.1", access: AccessRule = AccessRule(),
    group: MultiThreadedEventLoopGroup = .singleton
  ) async throws -> InProcessProxy {
    let capture = FileManager.default.temporaryDirectory.appendingPathComponent(
      "ackscope-\(UUID().uuidString).jsonl")
    let relay = Relay()
    var options = DecoderOptions(tool: "ackscope/test")
    // Where the time does not matter, a busy machine must not make an emit overdue.
    options.ackTimeout = ackTimeout ?? 600_000_000
    let decoder = TrafficDecoder(
      options: options, redactor: Redactor(hash: KeyedHash(key: (1, 2)), isOn: redacts))
    let recorder = TrafficRecorder(
      decoder: decoder, files: try CaptureFiles(path: capture.path), clock: clock,
      observer: { records, _ in relay.written(records) }, captureFailed: { _ in }, captureRecovered: { _ in })
    var configuration = ProxyConfiguration(upstream: try UpstreamAddress("http://127.0.0.1:\(upstreamPort)"))
    configuration.listenPort = 0
    configuration.splicesDirectly = splicesDirectly
    configuration.limits = limits
    configuration.listenHost = host
    configuration.access = access
    let proxy = try await ProxyServer.start(
      configuration, recorder: recorder, isEngineIO: { EngineIORule().covers(target: $0) },
      group: group, ready: { recorder.begin(listen: $0, upstream: "http://127.0.0.1") }, diagnose: { _ in })
    return InProcessProxy(capture: capture, recorder: recorder, proxy: proxy, relay: relay)
  }

  /// Has each batch of records shown to `look` by the loop that made it, after they were written and before anything is
  /// flushed.
  func atRecords(_ look: (@Sendable (_ records: String) -> Void)?) {
    relay.look.withLock { $0 = look }
  }

  /// Stops in order and completes the capture.
  func stop() async {
    await proxy.stop()
  }

  /// The capture's lines so far.
  func captureLines() throws -> [String] {
    try String(contentsOf: capture, encoding: .utf8).split(separator: "\n").map(String.init)
  }

  func removeCapture() {
    try? FileManager.default.removeItem(at: capture)
  }
}
