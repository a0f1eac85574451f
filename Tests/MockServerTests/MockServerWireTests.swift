import JSONText
import NIOCore
import NIOHTTP1
import NIOPosix
import RecordedSessions
import SocketIOPackets
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

  /// What a `___eio[n]("…");` holds.
  private func unwrapped(_ answer: Asked, callback: Int) throws -> String {
    #expect(answer.body.hasPrefix("___eio[\(callback)](\"") && answer.body.hasSuffix("\");"))
    #expect(!answer.body.contains("\u{2028}"))
    var sink = ByteSink(capacity: 64)
    var body = answer.body
    try body.withUTF8 { try JSONP.unwrapResponse(UnsafeRawBufferPointer($0), into: &sink) }
    return String(decoding: sink.bytes, as: UTF8.self)
  }

  @Test func aSessionByJSONPOfEngineIO4() async throws {
    let text = "\u{2028}\n\\n \"ü\""
    var literal = ByteSink(capacity: 64)
    literal.append(jsonString: text)
    let argument = String(decoding: literal.bytes, as: UTF8.self)
    try await withMock { tape in
      let session = tape.session()
      tape.emit(session, "say", "[\(argument)]", id: 0, ack: "[\(argument)]")
    } _: { _, port, complaints in
      let opened = try unwrapped(try await ask(port, .GET, Self.poll + "&j=0"), callback: 0)
      let sid = try #require(try JSONValue(parsing: String(opened.dropFirst()))["sid"]?.string)
      let target = Self.poll + "&sid=\(sid)&j="
      // As a form: what JSON writes as backslash and n, a client writes with one more backslash.
      let packets = "40\u{1E}420[\"say\",\(argument)]".replacing("\\n", with: "\\\\n")
      let posted = try await ask(port, .POST, target + "1", body: "d=" + Self.formEncoded(packets))
      #expect(posted.body == "ok")
      let answer = try unwrapped(try await ask(port, .GET, target + "2"), callback: 2)
      let ack = answer.split(separator: "\u{1E}").last.map { String($0.dropFirst(3)) } ?? ""
      #expect(try JSONValue(parsing: ack)[0]?.string == text)
      #expect(complaints.lines.withLock { $0 } == [])
      // A body without its `d` ends the session, as other garbage does.
      _ = try await ask(port, .POST, target + "3", body: "40")
      #expect(try await ask(port, .GET, target + "4").status == 400)
    }
  }

  @Test func aSessionByJSONPOfEngineIO3() async throws {
    try await withMock { tape in
      let session = tape.session(eio: 3, auth: nil)
      tape.emit(session, "say", #"["ü"]"#, id: 0, ack: #"["ü"]"#)
    } _: { _, port, complaints in
      let poll = "/socket.io/?EIO=3&transport=polling&b64=1"
      let opened = try unwrapped(try await ask(port, .GET, poll + "&j=0"), callback: 0)
      let open = try #require(opened.firstIndex(of: "{"))
      let close = try #require(opened.firstIndex(of: "}"))
      let sid = try #require(try JSONValue(parsing: String(opened[open...close]))["sid"]?.string)
      #expect(opened.hasSuffix("2:40"))
      let target = poll + "&sid=\(sid)&j="
      let packet = #"420["say","ü"]"#
      let body = "d=" + Self.formEncoded("\(packet.utf16.count):\(packet)")
      #expect(try await ask(port, .POST, target + "1", body: body).body == "ok")
      #expect(try unwrapped(try await ask(port, .GET, target + "2"), callback: 2) == #"8:430["ü"]"#)
      #expect(complaints.lines.withLock { $0 } == [])
    }
  }

  private static func formEncoded(_ text: String) -> String {
    text.utf8.map { byte in
      byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A || byte >= 0x30 && byte <= 0x39
        ? String(UnicodeScalar(byte)) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }.joined()
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
