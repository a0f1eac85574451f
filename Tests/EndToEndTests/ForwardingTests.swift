import Foundation
import Testing

/// HTTP and upgrades that no chat library would send, before a server that answers byte by byte.
@Suite(.serialized) struct Forwarding {
  /// The server, the proxy, and one client connection through it.
  private struct Wire {
    let server: PeerProcess
    let proxy: ProxyProcess
    let client: RawConnection

    static func open(_ arguments: String...) async throws -> Wire {
      let (server, port) = try await PeerProcess.startServer(script: "raw_server.py", environment: .plain)
      let proxy = try await ProxyProcess.start(
        upstream: "http://127.0.0.1:\(port)", arguments: arguments)
      return Wire(server: server, proxy: proxy, client: try RawConnection(port: proxy.port))
    }

    /// Ends in order; the capture must be complete.
    func end() async throws -> CaptureFile {
      client.finishWriting()
      #expect(await proxy.stop() == .exited(0))
      await server.stop()
      let capture = try proxy.capture()
      #expect(capture.records.last?.type == "end")
      return capture
    }
  }

  /// What `raw_server.py` sends as a body: 0 to 250, over and over.
  private static func pattern(_ count: Int) -> [UInt8] { (0..<count).map { UInt8($0 % 251) } }

  /// Bytes that look like nothing, the same for a seed.
  private static func noise(_ count: Int, seed: UInt64) -> [UInt8] {
    var state = seed
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return UInt8(truncatingIfNeeded: state >> 33)
    }
  }

  @Test func bodiesComeByteForByteInEveryFraming() async throws {
    let wire = try await Wire.open()
    for count in [0, 1, 250, 65_536, 3_000_000] {
      let answer = try await wire.client.fetch("GET", "/static?bytes=\(count)")
      #expect(answer.status == 200)
      #expect(answer["content-length"] == "\(count)")
      #expect(answer.body == Self.pattern(count), "\(count) bytes with a length")
    }
    for (count, chunk) in [(0, 10), (10, 1), (100_000, 777), (1_000_000, 65_536)] {
      let answer = try await wire.client.fetch("GET", "/chunked?bytes=\(count)&chunk=\(chunk)&trailers=1")
      #expect(answer.status == 200)
      #expect(answer.body == Self.pattern(count), "\(count) bytes in chunks of \(chunk)")
      #expect(HTTPResponse.value("x-count", in: answer.trailers) == "\(count)")
      #expect(HTTPResponse.value("x-sum", in: answer.trailers)?.count == 64)
    }
    let last = try await wire.client.fetch("GET", "/until-close?bytes=200000")
    #expect(last["content-length"] == nil)
    #expect(last.body == Self.pattern(200_000))
    _ = try await wire.end()
  }

  @Test func requestsComeByteForByte() async throws {
    let wire = try await Wire.open("--preserve-host")
    for count in [0, 1, 5000, 2_000_000] {
      let body = Self.noise(count, seed: 7)
      let answer = try await wire.client.fetch(
        "POST", "/echo?x=%2F+%20&y", ["X-Odd:  v ", "x-odd: w"], body: body)
      let head = String(decoding: answer.body.prefix { $0 != 0x0D }, as: UTF8.self)
      #expect(head == "POST /echo?x=%2F+%20&y HTTP/1.1")
      #expect(Array(answer.body.suffix(count)) == body)
      let text = String(decoding: answer.body.dropLast(count), as: UTF8.self)
      #expect(text.contains("Host: chat.example\r\n"))
      #expect(text.contains("X-Odd:") && text.contains("x-odd: w"))
    }
    _ = try await wire.end()
  }

  @Test func bodylessAnswersLeaveTheConnectionUsable() async throws {
    let wire = try await Wire.open()
    let head = try await wire.client.fetch("HEAD", "/static?bytes=1234")
    #expect(head.status == 200 && head["content-length"] == "1234")
    let chunked = try await wire.client.fetch("HEAD", "/chunked?bytes=99")
    #expect(chunked["transfer-encoding"] == "chunked")
    for code in [204, 304] {
      let answer = try await wire.client.fetch("GET", "/status?code=\(code)")
      #expect(answer.status == code)
      #expect(answer["etag"] == #""x""#)
      #expect(answer["content-length"] == nil && answer["transfer-encoding"] == nil)
    }
    let unknown = try await wire.client.fetch("DELETE", "/nothing-here")
    #expect(unknown.status == 404)
    #expect(try await wire.client.fetch("GET", "/static?bytes=3").body == [0, 1, 2])
    let opened = try wire.proxy.capture().records("open")
    #expect(opened.count == 1, "one connection served them all")
    _ = try await wire.end()
  }

  @Test func interimAnswersPass() async throws {
    let wire = try await Wire.open()
    try wire.client.request("GET", "/early-hints")
    let hints = try await wire.client.response()
    #expect(hints.status == 103)
    #expect(hints["link"] == "</style.css>; rel=preload")
    #expect(String(decoding: try await wire.client.response().body, as: UTF8.self) == "after the hints\n")

    try wire.client.request("POST", "/continue", ["Expect: 100-continue", "Content-Length: 5"])
    #expect(try await wire.client.response().status == 100)
    try wire.client.write("hello")
    let sum = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    #expect(String(decoding: try await wire.client.response().body, as: UTF8.self) == sum)
    _ = try await wire.end()
  }

  @Test func fieldsKeepTheirOrderAndSpelling() async throws {
    let wire = try await Wire.open()
    let answer = try await wire.client.fetch("GET", "/lowercase")
    #expect(
      answer.fields.map(\.name) == [
        "x-ZULU", "set-cookie", "X-Empty", "content-length", "Set-Cookie", "x-alpha",
      ])
    #expect(answer.fields.map(\.value).prefix(3) == ["1", "a=1", ""])
    #expect(answer.body == Array("ok".utf8))
    _ = try await wire.end()
  }

  @Test func aRefusedUpgradeIsAnAnswerLikeAnyOther() async throws {
    let wire = try await Wire.open()
    for (target, code) in [("/refuse?code=400", 400), ("/refuse?code=401&chunked=1", 401)] {
      let answer = try await wire.client.fetch("GET", target, WebSocketPeer.upgradeFields)
      #expect(answer.status == code)
      #expect(String(decoding: answer.body, as: UTF8.self) == "refused with \(code)\n")
    }
    #expect(try await wire.client.fetch("GET", "/static?bytes=1").body == [0])
    let last = try await wire.client.fetch("GET", "/refuse?code=403&close=1", WebSocketPeer.upgradeFields)
    #expect(last.status == 403)
    #expect(await wire.client.readToEnd().isEmpty)
    let capture = try await wire.end()
    let answers = capture.records("handshake").compactMap { $0["response"]?["status"]?.int }
    #expect(answers == [400, 401, 403])
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func garbageBehindTheUpgradeIsForwardedByteForByte(_ seed: UInt64) async throws {
    let wire = try await Wire.open()
    let answer = try await wire.client.fetch("GET", "/upgrade?mode=echo", WebSocketPeer.upgradeFields)
    #expect(answer.status == 101)
    // Reserved bits make the first frame already undecodable; whatever follows is not looked at.
    let sent = [0xFF, 0xFF] + Self.noise(500_000, seed: seed)
    var back: [UInt8] = []
    for start in stride(from: 0, to: sent.count, by: 50_001) {
      let part = Array(sent[start..<min(sent.count, start + 50_001)])
      try wire.client.write(part)
      back += try await wire.client.read(part.count)
    }
    #expect(back == sent, "seed \(seed)")
    wire.client.finishWriting()
    #expect(await wire.client.readToEnd().isEmpty)
    let closed = try await wire.server.next { $0["event"] == .string("closed") }
    #expect(closed["bytes"] == .int(sent.count))
    _ = try await wire.proxy.record { $0.type == "close" }
    let capture = try await wire.end()
    let undecodable = capture.records("undecodable")
    #expect(undecodable.map(\.from).sorted { $0 ?? "" < $1 ?? "" } == ["client", "server"])
    #expect(undecodable.allSatisfy { $0["offset"]?.int == 0 && $0["reason"]?.string?.isEmpty == false })
    let close = try #require(capture.records("close").first)
    #expect((close["bytes"]?["client"]?.int ?? 0) > sent.count)
    #expect((close["bytes"]?["server"]?.int ?? 0) > sent.count)
  }

  @Test func bytesInTheSegmentOfTheUpgradeArrive() async throws {
    let wire = try await Wire.open()
    let greeting = Data("in one segment".utf8).base64EncodedString()
    try wire.client.request("GET", "/upgrade?mode=greet&base64=\(greeting)", WebSocketPeer.upgradeFields)
    #expect(try await wire.client.response().status == 101)
    #expect(try await wire.client.read(14) == Array("in one segment".utf8))
    _ = try await wire.end()
  }

  @Test(arguments: [10, 500_000])
  func anAnswerThatBreaksOffArrivesAsFarAsItCame(_ count: Int) async throws {
    let wire = try await Wire.open()
    try wire.client.request("GET", "/cut?bytes=\(count)&of=1000000")
    _ = try await wire.client.read(through: "\r\n\r\n")
    #expect(await wire.client.readToEnd() == Self.pattern(count))
    #expect(!wire.client.wasReset)
    let capture = try await wire.end()
    #expect(capture.records("close").first?["by"] == .string("server"))
  }

  @Test(arguments: ["/upgrade?mode=reset", "/reset?bytes=10"])
  func aResetIsPassedOnAsAReset(_ target: String) async throws {
    let wire = try await Wire.open()
    try wire.client.request("GET", target, WebSocketPeer.upgradeFields)
    _ = await wire.client.readToEnd()
    #expect(wire.client.wasReset)
    _ = try await wire.end()
  }

  @Test(arguments: ["fin", "late"])
  func aHalfCloseIsPassedOnAsAHalfClose(_ mode: String) async throws {
    let wire = try await Wire.open()
    let farewell = Data("farewell".utf8).base64EncodedString()
    let answer = try await wire.client.fetch(
      "GET", "/upgrade?mode=\(mode)&base64=\(farewell)", WebSocketPeer.upgradeFields)
    #expect(answer.status == 101)
    if mode == "fin" { #expect(await wire.client.readToEnd().isEmpty) }
    try wire.client.write("still open this way")
    wire.client.finishWriting()
    if mode == "late" { #expect(await wire.client.readToEnd() == Array("farewell".utf8)) }
    let closed = try await wire.server.next { $0["event"] == .string("closed") }
    #expect(closed["bytes"] == .int(19))
    _ = try await wire.end()
  }

  @Test func anUpstreamThatSpeaksNoHTTPIsABadGateway() async throws {
    let wire = try await Wire.open()
    #expect(try await wire.client.fetch("GET", "/garbage").status == 502)
    try await expectGoodHealth(wire)
  }

  /// The proxy answers nothing in its own name where the server ended the connection in order.
  @Test func anUpstreamThatLeavesWithoutAnAnswerLeavesTheClient() async throws {
    let wire = try await Wire.open()
    try wire.client.request("GET", "/drop")
    #expect(await wire.client.readToEnd().isEmpty)
    try await expectGoodHealth(wire)
  }

  private func expectGoodHealth(_ wire: Wire) async throws {
    let next = try RawConnection(port: wire.proxy.port)
    #expect(try await next.fetch("GET", "/static?bytes=2").body == [0, 1])
    next.finishWriting()
    _ = try await wire.end()
  }
}
