import JSONText
import NIOCore
import NIOHTTP1
import NIOPosix
import RecordedSessions
import SocketIOPeers
import Synchronization
import Testing

@testable import MockServer

/// The mock over real sockets.
@Suite struct MockServerWireTests {
  private final class Complaints: Sendable {
    let lines = Mutex<[String]>([])
  }

  private struct Asked {
    var status: Int
    var body: String
  }

  private func withMock(
    _ record: (inout Tape) -> Void, options: MockOptions = MockOptions(),
    _ body: (MockServer, Int, Complaints) async throws -> Void
  ) async throws {
    var tape = Tape()
    record(&tape)
    var options = options
    options.speed = .infinity
    let complaints = Complaints()
    let server = try await MockServer.start(
      host: "127.0.0.1", port: 0, recording: tape.recording, options: options,
      group: MultiThreadedEventLoopGroup.singleton,
      complain: { line in complaints.lines.withLock { $0.append(line) } })
    let port = try #require(server.address.split(separator: ":").last.flatMap { Int($0) })
    do {
      try await body(server, port, complaints)
    } catch {
      await server.stop()
      throw error
    }
    await server.stop()
  }

  private func ask(
    _ port: Int, _ method: HTTPMethod, _ target: String, body: String? = nil,
    headers: [(name: String, value: String)] = []
  ) async throws -> Asked {
    let loop = MultiThreadedEventLoopGroup.singleton.any()
    let answer = try await loop.flatSubmit {
      HTTPClientConnection.open(host: "127.0.0.1", port: port, loop: loop).flatMap { connection in
        connection.value.request(method, target, headers: headers, body: body.map { ByteBuffer(string: $0) })
      }
    }.get()
    return Asked(status: answer.status, body: String(decoding: answer.body, as: UTF8.self))
  }

  private static let poll = "/socket.io/?EIO=4&transport=polling"

  private func sid(of answer: Asked) throws -> String {
    let open = try JSONValue(parsing: String(answer.body.dropFirst()))
    return try #require(open["sid"]?.string)
  }

  @Test func aSessionByPolling() async throws {
    try await withMock { tape in
      let session = tape.session()
      tape.emit(session, "say", #"["a"]"#, id: 0, ack: "[1]")
      tape.event(session, "said", #"["a"]"#)
    } _: { _, port, complaints in
      let opened = try await ask(port, .GET, Self.poll)
      #expect(opened.body.hasPrefix(#"0{"sid":""#) && opened.body.contains(#""upgrades":["websocket"]"#))
      let target = Self.poll + "&sid=" + (try sid(of: opened))
      #expect(try await ask(port, .POST, target, body: "40\u{1E}427[\"say\",\"a\"]").body == "ok")
      let answer = try await ask(port, .GET, target)
      let packets = answer.body.split(separator: "\u{1E}").map(String.init)
      #expect(packets.count == 3 && packets[0].hasPrefix(#"40{"sid":""#))
      #expect(packets.dropFirst() == ["437[1]", #"42["said","a"]"#])
      #expect(complaints.lines.withLock { $0 } == [])
    }
  }

  @Test func aPollThatComesBehindTheProbeIsFreedToo() async throws {
    try await withMock { tape in
      tape.session()
    } _: { _, port, _ in
      let opened = try await ask(port, .GET, Self.poll)
      let sid = try sid(of: opened)
      let loop = MultiThreadedEventLoopGroup.singleton.any()
      let answered = loop.makePromise(of: Void.self)
      let link = try await loop.flatSubmit {
        WebSocketDialer.dial(
          host: "127.0.0.1", port: port, target: "/socket.io/?EIO=4&transport=websocket&sid=\(sid)",
          loop: loop
        ) { link in
          link.messageArrived = { message in
            if message == .text(ByteBuffer(string: "3probe")) { answered.succeed(()) }
          }
        }
      }.get()
      try await loop.submit { link.value.send([.text(ByteBuffer(string: "2probe"))]) }.get()
      try await answered.futureResult.get()
      #expect(try await ask(port, .GET, Self.poll + "&sid=" + sid).body == "6")
      try await loop.submit { link.value.abort() }.get()
    }
  }

  @Test func engineIO3JoinsTheDefaultNamespaceByItself() async throws {
    try await withMock { tape in
      tape.session(eio: 3, auth: nil)
    } _: { _, port, _ in
      let opened = try await ask(port, .GET, "/socket.io/?EIO=3&transport=polling")
      #expect(opened.body.contains(":0{") && opened.body.hasSuffix("2:40"), "\(opened.body)")
    }
  }

  @Test func errorsAreThoseOfEngineIO() async throws {
    try await withMock { tape in
      tape.session()
    } _: { _, port, complaints in
      let unknown = try await ask(port, .GET, Self.poll + "&sid=nobody")
      #expect(unknown.status == 400 && unknown.body.contains(#""code":1"#))
      #expect(try await ask(port, .POST, Self.poll, body: "40").body.contains(#""code":2"#))
      #expect(try await ask(port, .GET, "/socket.io/?EIO=4").body.contains(#""code":0"#))
      #expect(try await ask(port, .GET, "/other/?EIO=4&transport=polling").status == 404)
      #expect(complaints.lines.withLock { $0.count } == 1)
      // A packet that nobody can read ends the session.
      let opened = try await ask(port, .GET, Self.poll)
      let target = Self.poll + "&sid=" + (try sid(of: opened))
      #expect(try await ask(port, .POST, target, body: "4\u{1E}x").status == 200)
      #expect(try await ask(port, .GET, target).status == 400)
    }
  }

  @Test func pagesOfAnyOriginMayAsk() async throws {
    try await withMock { tape in
      tape.session()
    } _: { _, port, _ in
      let preflight = try await ask(
        port, .OPTIONS, Self.poll,
        headers: [("Origin", "http://localhost:5173"), ("Access-Control-Request-Headers", "x-token")])
      #expect(preflight.status == 204)
    }
  }

  @Test func itStopsWithClientsConnected() async throws {
    try await withMock { tape in
      tape.session()
    } _: { server, port, _ in
      _ = try await ask(port, .GET, Self.poll)
      #expect(try await server.outcome() == MockOutcome(answered: 0, unanswered: 0))
    }
  }
}
