import Foundation
import Testing

extension RealPeers {
  /// Peers that mean no good: what they cost, what they are told, and that others do not notice.
  @Suite struct HostilePeers {
    /// A proxy before a server that reads and forgets, with a client that goes on talking.
    private struct Bystander {
      let server: PeerProcess
      let proxy: ProxyProcess
      let folder: TemporaryFolder
      let peer: WebSocketPeer
      var file: URL { folder.file("capture.jsonl") }

      static func begin(_ arguments: String...) async throws -> Bystander {
        let (server, port) = try await PeerProcess.startServer(script: "load_peers.py", environment: .plain)
        let folder = try TemporaryFolder()
        let proxy = try await ProxyProcess.start(
          upstream: "http://127.0.0.1:\(port)", capture: folder.file("capture.jsonl"), arguments: arguments)
        let peer = try await WebSocketPeer.join(port: proxy.port)
        return Bystander(server: server, proxy: proxy, folder: folder, peer: peer)
      }

      /// Checks that the others are served still, and stops everything in order.
      func end(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        try peer.send(#"42999["m",999]"#)
        #expect(try await peer.text { $0.hasPrefix("43") } == "43999[999]", sourceLocation: sourceLocation)
        peer.connection.finishWriting()
        #expect(await proxy.stop() == .exited(0), sourceLocation: sourceLocation)
        await server.stop()
      }

      #if os(Linux)
        /// The proxy's resident memory at its highest so far, in bytes.
        var highestMemory: Int {
          get throws {
            let status = try String(
              contentsOfFile: "/proc/\(proxy.child.identifier)/status", encoding: .utf8)
            let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
            let kibibytes = line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }
            return try #require(kibibytes) * 1024
          }
        }

        /// Checks that what happens in `body` takes no more memory than this.
        func expectMemory(
          below mebibytes: Int, sourceLocation: SourceLocation = #_sourceLocation,
          _ body: () async throws -> Void
        ) async throws {
          let before = try highestMemory
          try await body()
          let added = try highestMemory - before
          #expect(added < mebibytes << 20, "\(added) bytes", sourceLocation: sourceLocation)
        }
      #else
        func expectMemory(
          below mebibytes: Int, sourceLocation: SourceLocation = #_sourceLocation,
          _ body: () async throws -> Void
        ) async throws { try await body() }
      #endif
    }

    /// Writes until so much is gone or the other side has had enough.
    @Sendable private func flood(_ connection: RawConnection, _ bytes: [UInt8], total: Int) {
      var sent = 0
      while sent < total, (try? connection.write(bytes)) != nil { sent += bytes.count }
    }

    @Test(arguments: [
      ("GET /", UInt8(ascii: "a"), "header fields above"), ("", UInt8(ascii: "A"), "malformed request"),
      ("GET / HTTP/1.1\r\nX: ", UInt8(ascii: "a"), "header fields above"),
    ])
    func aHeadWithoutAnEndIsRefusedWithALine(_ start: String, _ filler: UInt8, _ words: String) async throws {
      let bystander = try await Bystander.begin()
      try await bystander.expectMemory(below: 16) {
        let connection = try RawConnection(port: bystander.proxy.port)
        try connection.write(start)
        flood(connection, [UInt8](repeating: filler, count: 65536), total: 16 << 20)
        _ = await connection.readToEnd()
        #expect(await bystander.proxy.child.errors.first { $0.contains(words) } != nil)
      }
      try await bystander.end()
    }

    @Test func aHeadThatNeverComesIsCutOffByTime() async throws {
      let bystander = try await Bystander.begin("--idle-timeout", "500ms")
      let connections = try (0..<50).map { _ in try RawConnection(port: bystander.proxy.port) }
      for connection in connections { try connection.write("GET / HTTP/1.1\r\nHost: a\r\nX-a: ") }
      for connection in connections { _ = await connection.readToEnd() }
      _ = await bystander.proxy.child.errors.first { $0.contains("sent no request") }
      try await bystander.end()
      #expect(bystander.proxy.child.errors.all.count { $0.contains("sent no request") } == 50)
    }

    @Test func connectionsAboveTheLimitAreRefusedWithALineEach() async throws {
      let bystander = try await Bystander.begin("--max-connections", "5")
      let connections = try (0..<20).map { _ in try RawConnection(port: bystander.proxy.port) }
      for _ in 0..<16 { #expect(await bystander.proxy.child.errors.next(refusal: "refused with 503")) }
      try await bystander.end()
      var answers: [String: Int] = [:]
      for connection in connections {
        answers[String(decoding: await connection.readToEnd().prefix(12), as: UTF8.self), default: 0] += 1
      }
      #expect(answers == ["HTTP/1.1 503": 16, "": 4])
    }

    /// A frame of 2^63 bytes breaks RFC 6455 §5.2; one of 2^63 - 1 bytes does not, and never ends.
    @Test(arguments: [UInt64(1) << 63, UInt64.max >> 1])
    func aFrameOfAnImpossibleLengthCostsNothing(_ length: UInt64) async throws {
      let bystander = try await Bystander.begin()
      let peer = try await WebSocketPeer.join(port: bystander.proxy.port)
      try await bystander.expectMemory(below: 24) {
        try peer.connection.write([0x81, 0xFF] + (0..<8).reversed().map { UInt8(length >> ($0 * 8) & 255) })
        flood(peer.connection, [UInt8](repeating: 0x61, count: 65536), total: 32 << 20)
      }
      try await bystander.end()
    }

    @Test func aLongMessageIsForwardedWholeAndKeptInPart() async throws {
      let bystander = try await Bystander.begin("--max-capture-payload", "64KiB")
      let peer = try await WebSocketPeer.join(port: bystander.proxy.port)
      let filler = String(repeating: "a", count: 16 << 20)
      try await bystander.expectMemory(below: 24) {
        try peer.send("421[\"m\",\"\(filler)\"]")
        #expect(try await peer.text { $0.hasPrefix("43") } == "431[1]", "the server got all of it")
      }
      try await bystander.end()
      let capture = try CaptureFile(contentsOf: bystander.file)
      let record = try #require(capture.emits().first { $0.id == 1 })
      #expect(record["truncated"] == .bool(true))
      #expect(record["bytes"]?.int == filler.utf8.count + 11)
      #expect(record.line.utf8.count < 80 << 10)
    }

    @Test func aFloodOfTinyFramesIsAllOnRecord() async throws {
      let bystander = try await Bystander.begin()
      let peer = try await WebSocketPeer.join(port: bystander.proxy.port)
      let count = 50_000
      let frames = Array(repeating: WebSocketPeer.frame(opcode: 1, [UInt8(ascii: "6")]), count: 1000).flatMap(
        \.self)
      try await bystander.expectMemory(below: 48) {
        flood(peer.connection, frames, total: frames.count * (count / 1000))
        try peer.send("427[\"m\",7]")
        #expect(try await peer.text { $0.hasPrefix("43") } == "437[7]")
      }
      try await bystander.end()
      let capture = try LoadCapture(bystander.file)
      #expect(capture.types["packet"] ?? 0 > count)
    }

    /// A client that sends requests and waits for no answer is not read any further than a few ahead.
    @Test func requestsAheadOfTheirAnswersAreHeldBack() async throws {
      let bystander = try await Bystander.begin()
      var writing: Task<Void, Never>?
      try await bystander.expectMemory(below: 24) {
        let connection = try RawConnection(port: bystander.proxy.port)
        let answer = try await connection.fetch("GET", "/socket.io/?EIO=4&transport=polling", [])
        let body = String(decoding: answer.body, as: UTF8.self)
        let sid = try #require(body.firstMatch(of: /"sid":"([^"]+)"/)?.1)
        // A poll with nothing to tell has no answer.
        let request = "GET /socket.io/?EIO=4&transport=polling&sid=\(sid) HTTP/1.1\r\nHost: a\r\n\r\n"
        let requests = Array(String(repeating: request, count: 1000).utf8)
        // It is stuck until the proxy stops.
        writing = Task.detached { flood(connection, requests, total: 16 << 20) }
        for id in 1...500 {
          try bystander.peer.send("42\(id)[\"m\",\(id)]")
          _ = try await bystander.peer.text { $0.hasPrefix("43\(id)[") }
        }
      }
      try await bystander.end()
      await writing?.value
    }
  }
}

extension LineInbox {
  /// Takes lines up to the next one with these words; false where the output ends without one.
  fileprivate func next(refusal words: String) async -> Bool {
    while let line = await next() {
      if line.contains(words) { return true }
    }
    return false
  }
}
