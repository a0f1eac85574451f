import Foundation
import Testing

extension RealPeers {
  /// Where captures go, and how they end: in order, at once, or in the middle of everything.
  @Suite struct CaptureEndings {
    enum Signal: CaseIterable, Sendable {
      case interrupt, terminate
      var number: Int32 { self == .interrupt ? SIGINT : SIGTERM }
    }

    @Test(arguments: Signal.allCases)
    func aSignalCompletesTheCapture(_ signal: Signal) async throws {
      let (server, port) = try await PeerProcess.startServer(script: "chat_server.py")
      let proxy = try await ProxyProcess.start(upstream: "http://127.0.0.1:\(port)")
      let peer = try await WebSocketPeer.join(port: proxy.port)
      try peer.send(#"425["nothing"]"#)
      _ = try await peer.text { $0.hasPrefix("435") }
      try peer.send(#"426["forgets"]"#)
      try peer.send(#"427["nothing"]"#)
      _ = try await peer.text { $0.hasPrefix("437") }
      proxy.child.signal(signal.number)
      // The open connection is closed with 1001 (RFC 6455 §7.4.1).
      #expect(try await peer.message() == (8, [0x03, 0xE9]))
      peer.connection.finishWriting()
      #expect(await proxy.end() == .exited(0))
      let capture = try proxy.capture()
      capture.expectConsistency()
      #expect(capture.outcomes(event: "nothing") == ["acknowledged", "acknowledged"])
      #expect(capture.outcomes(event: "forgets").count == 1)
      let close = try #require(capture.records("close").last)
      #expect(close["by"] == .string("proxy") && close["code"] == .int(1001))
      await server.stop()
    }

    @Test func aSecondInterruptEndsAtOnceWithWholeLines() async throws {
      let (server, port) = try await PeerProcess.startServer(script: "chat_server.py")
      let folder = try TemporaryFolder()
      let file = folder.file("capture.jsonl")
      let proxy = try await ProxyProcess.start(upstream: "http://127.0.0.1:\(port)", capture: file)
      // A client that never closes holds the orderly stop up.
      let peer = try await WebSocketPeer.join(port: proxy.port)
      proxy.interrupt()
      #expect(try await peer.message().opcode == 8)
      proxy.interrupt()
      let ending = await proxy.end()
      let capture = try CaptureFile(contentsOf: file)
      #expect(!capture.isTorn)
      // The orderly stop may have been faster than the second signal.
      #expect(ending == (capture.records("end").isEmpty ? .exited(130) : .exited(0)))
      await server.stop()
    }

    /// Promise P2: what a peer received is on record, however the proxy ended.
    @Test(arguments: 1...3)
    func whatAPeerReceivedIsOnRecordAfterAKill(_ round: Int) async throws {
      let (server, port) = try await PeerProcess.startServer(script: "chat_server.py")
      let folder = try TemporaryFolder()
      let file = folder.file("capture.jsonl")
      let proxy = try await ProxyProcess.start(upstream: "http://127.0.0.1:\(port)", capture: file)
      let peer = try await WebSocketPeer.join(port: proxy.port)
      // Traffic in both directions at once: ticks to the client, notes to the server.
      try peer.send(#"42["burst",{"count":20000}]"#)
      let notes = Task.detached {
        for n in 0... { do { try peer.send(#"42["note",\#(n)]"#) } catch { return } }
      }
      _ = try await peer.text { $0 == "42[\"tick\",\(200 * round)]" }
      proxy.kill()
      #expect(await proxy.end() == .signalled(SIGKILL))
      await notes.value
      var ticks = 200 * round + 1
      // All that reached the socket counts, read before the kill or after.
      while let text = try? await peer.text(where: { _ in true }) {
        if text.hasPrefix("42[\"tick\"") { ticks += 1 }
      }
      let received = try await server.report()["received"]?.counts ?? [:]
      let capture = try CaptureFile(contentsOf: file)
      #expect(capture.records.map(\.seq) == Array(1...capture.records.count))
      #expect(capture.records("end").isEmpty)
      let recorded = capture.events(from: "server", event: "tick")
      #expect(recorded.count >= ticks)
      #expect(recorded.compactMap { $0["args"]?[0]?.int } == Array(0..<recorded.count))
      #expect(capture.events(from: "client", event: "note").count >= received["/ note"] ?? 0)
      #expect(received["/ note"] ?? 0 > 0)

      let inspection = try await ProxyProcess.finish(["inspect", file.path, "--format", "json"])
      #expect(inspection.ending == .exited(0))
      #expect(try JSON(parsing: inspection.output.joined())["torn_tail"] == .bool(capture.isTorn))
      await server.stop()
    }

    @Test func theDefaultCaptureIsPrivateAndBelowTheDirectory() async throws {
      let (server, port) = try await PeerProcess.startServer(script: "raw_server.py", environment: .plain)
      let folder = try TemporaryFolder()
      let proxy = try await ProxyProcess.start(
        ["proxy", "http://127.0.0.1:\(port)", "--listen", "127.0.0.1:0"], directory: folder.url)
      #expect(await proxy.stop() == .exited(0))
      let names = try FileManager.default.contentsOfDirectory(atPath: folder.file("captures").path)
      #expect(names.count == 1)
      let name = try #require(names.first)
      #expect(name.wholeMatch(of: /\d{8}-\d{6}\.jsonl/) != nil, "\(name)")
      let place = folder.file("captures/\(name)")
      let attributes = try FileManager.default.attributesOfItem(atPath: place.path)
      #expect(attributes[.posixPermissions] as? Int == 0o600)
      try CaptureFile(contentsOf: place).expectConsistency()
      #expect(proxy.child.lastErrors.contains("captures/\(name)"))
      await server.stop()
    }

    @Test func withoutACaptureNothingIsWritten() async throws {
      let (server, port) = try await PeerProcess.startServer(script: "chat_server.py")
      let folder = try TemporaryFolder()
      let proxy = try await ProxyProcess.start(
        ["proxy", "http://127.0.0.1:\(port)", "--listen", "127.0.0.1:0", "--no-capture", "--view", "none"],
        directory: folder.url)
      let client = try await PeerProcess.start(script: "chat_client.py", arguments: [proxy.address])
      let report = try await client.finishedReport()
      let counted = try await server.report()
      #expect(report["emitted"] == counted["received"])
      #expect(await proxy.stop() == .exited(0))
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path).isEmpty)
      #expect(proxy.child.output.all.isEmpty)
      await server.stop()
    }

    @Test func theViewHasALineForEachEventAckAndVerdict() async throws {
      let (server, port) = try await PeerProcess.startServer(script: "chat_server.py")
      let folder = try TemporaryFolder()
      let file = folder.file("capture.jsonl")
      let proxy = try await ProxyProcess.start([
        "proxy", "http://127.0.0.1:\(port)", "--listen", "127.0.0.1:0", "--capture", file.path, "--view",
        "lines",
        "--ack-timeout", "100ms",
      ])
      let client = try await PeerProcess.start(
        script: "chat_client.py", arguments: [proxy.address, "--failures", "--namespaces", "/,/chat"])
      _ = try await client.finishedReport()
      #expect(await proxy.stop() == .exited(0))
      let capture = try CaptureFile(contentsOf: file)
      capture.expectConsistency()
      var lines = proxy.child.output.all
      #expect(lines.allSatisfy { !$0.contains("\u{1B}") }, "no colours where nobody sees them")
      /// Takes the first line that has all the parts; each record needs a line of its own.
      func take(_ parts: [String], _ record: CaptureRecord) {
        let index = lines.firstIndex { line in parts.allSatisfy(line.contains) }
        if let index { lines.remove(at: index) } else { Issue.record("no line \(parts) for \(record)") }
      }
      func place(_ record: CaptureRecord, event: String) -> String {
        "\(record.namespace ?? "?") \(event)" + (record.id.map { " id \($0)" } ?? "")
      }
      for ack in capture.acks() {
        let emit = try #require(ack["ack_of"]?.int.flatMap(capture.record))
        take([ack.from == "client" ? "→" : "←", place(ack, event: emit.event ?? "?"), " ack "], ack)
      }
      for verdict in capture.records("verdict") {
        take(
          [place(verdict, event: verdict.event ?? "?") + "  ", verdict["verdict"]?.string ?? "?"], verdict)
      }
      for event in capture.events() {
        take([event.from == "client" ? "→" : "←", place(event, event: event.event ?? "?")], event)
      }
      #expect(!lines.contains { $0.contains(" ack ") || $0.contains("overdue") || $0.contains(" id ") })
      await server.stop()
    }
  }
}
