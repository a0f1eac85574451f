import Dispatch
import Foundation
import NIOPosix
import Testing

/// How a connection leaves the event loop behind an upgrade: whatever happens meanwhile is passed on.
@Suite(.serialized) struct HandOverTests {
  /// One that a splice loop does not take from its first byte on.
  private static let request = Array(
    ("GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      + "Trailer: none\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
      .utf8)
  private static let answer = Array(
    ("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n").utf8)
  private static let headEnd = Array("\r\n\r\n".utf8)

  @Test(arguments: [true, false])
  func anEndInTheMomentOfTheAnswerIsPassedOnBehindIt(splicesDirectly: Bool) async throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let listener = try BlockingSocket.listening()
    let proxy = try await InProcessProxy.start(
      upstreamPort: listener.port, splicesDirectly: splicesDirectly, group: group)
    let client = try BlockingSocket.connected(to: proxy.port)
    try client.send(Self.request)
    let server = try listener.accepted()
    _ = try server.receive(until: Self.headEnd)
    // While the loop is held up both arrive, and it sees them at once.
    let (isHeld, isReleased) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    group.next().execute {
      isHeld.signal()
      isReleased.wait()
    }
    await Task.detached { isHeld.wait() }.value
    let frame = LoopbackProxy.frame("bye", masked: false)
    try server.send(Self.answer + frame)
    client.endSending()
    isReleased.signal()
    _ = try client.receive(until: Self.headEnd)
    #expect(try client.receive(exactly: frame.count) == frame)
    #expect(server.receiveToEnd() == [])
    server.close()
    #expect(client.receiveToEnd() == [])
    await proxy.stop()
    let records = try proxy.captureLines()
    #expect(records.contains { $0.contains(#""type":"close""#) && $0.contains(#""by":"client""#) })
    proxy.removeCapture()
    try await group.shutdownGracefully()
  }

  /// The server takes nothing in at first, so that bytes wait for it while the connection is on its way; and more comes.
  @Test(arguments: 0..<6) func whatComesOnTheWayArrivesInItsOrder(_ round: Int) async throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    /// Lets the loop take in what has arrived: it looks at its sockets once a turn, and has read all long before.
    func turn() async throws {
      for _ in 0..<200 { try await group.next().submit {}.get() }
    }
    let listener = try BlockingSocket.listening(isNarrow: true)
    let proxy = try await InProcessProxy.start(upstreamPort: listener.port, group: group)
    let client = try BlockingSocket.connected(to: proxy.port)
    let frames = (0..<1500).map {
      LoopbackProxy.frame(
        "42[\"say\",\"frame \($0 + 1000) \(String(repeating: "x", count: 90))\"]", masked: true)
    }
    let early = Array(frames[..<1000].joined())
    let later = Array(frames[1000...].joined())
    try client.send(Self.request + early)
    let server = try listener.accepted()
    _ = try server.receive(until: Self.headEnd)
    try await turn()
    try server.send(Self.answer)
    _ = try client.receive(until: Self.headEnd)
    try await turn()
    try client.send(later)
    try await turn()
    #expect(try server.receive(exactly: early.count + later.count) == early + later)
    client.close()
    server.close()
    await proxy.stop()
    proxy.removeCapture()
    try await group.shutdownGracefully()
  }

  /// Whoever does not listen before it was heard is heard.
  @Test func aServerThatTakesNothingInIsHeard() async throws {
    let listener = try BlockingSocket.listening(isNarrow: true)
    let proxy = try await InProcessProxy.start(upstreamPort: listener.port)
    let client = try BlockingSocket.connected(to: proxy.port)
    try client.send(Self.request + [UInt8](repeating: 0x81, count: 100_000))
    let server = try listener.accepted()
    _ = try server.receive(until: Self.headEnd)
    try server.send(Self.answer)
    _ = try client.receive(until: Self.headEnd)
    let frame = LoopbackProxy.frame("do you hear me", masked: false)
    for _ in 0..<3 {
      try server.send(frame)
      #expect(try client.receive(exactly: frame.count) == frame)
    }
    client.close()
    server.close()
    await proxy.stop()
    proxy.removeCapture()
  }
}
