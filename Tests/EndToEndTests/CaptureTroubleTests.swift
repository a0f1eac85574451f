import Foundation
import Testing

extension RealPeers {
  /// What happens when the capture cannot be written: the disk is full, its reader is gone, the file or its folder is
  /// taken away.
  @Suite struct CaptureTrouble {
    /// A chat server, a proxy before it, and a client that has joined.
    private struct Chat {
      let server: PeerProcess
      let folder: TemporaryFolder
      let proxy: ProxyProcess
      let peer: WebSocketPeer
      var file: URL { folder.file("captures/capture.jsonl") }

      static func begin(_ arguments: String...) async throws -> Chat {
        let (server, port) = try await PeerProcess.startServer(script: "chat_server.py")
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(
          at: folder.file("captures"), withIntermediateDirectories: true)
        let proxy = try await ProxyProcess.start(
          upstream: "http://127.0.0.1:\(port)", capture: folder.file("captures/capture.jsonl"),
          arguments: arguments)
        return Chat(
          server: server, folder: folder, proxy: proxy, peer: try await WebSocketPeer.join(port: proxy.port))
      }

      /// Emits, and waits for the ack: whatever the capture does, messages go through.
      func call(_ id: Int) async throws {
        try peer.send("42\(id)[\"nothing\"]")
        _ = try await peer.text { $0.hasPrefix("43\(id)[") }
      }

      /// Waits for a line of the proxy's standard error.
      func told(_ words: String) async throws {
        guard await proxy.child.errors.first(where: { $0.contains(words) }) != nil else {
          throw PeerFailure("the proxy never said '\(words)'; it said:\n\(proxy.child.lastErrors)")
        }
      }

      func end() async -> ChildProcess.Ending {
        let ending = await proxy.stop()
        await server.stop()
        return ending
      }
    }

    /// The numbers that jump, and by how much: what gaps are to account for.
    private func missing(_ capture: LoadCapture) -> Int {
      zip(capture.seqs, capture.seqs.dropFirst()).reduce(0) { $0 + $1.1 - $1.0 - 1 }
    }

    #if os(Linux)
      /// Lets the proxy's files grow to this size only: to it, that is a full disk which can be emptied again.
      private func limitFiles(of child: ChildProcess, to bytes: Int?) throws {
        let program = try PeerEnvironment.locate("prlimit", install: "sudo apt-get install -y util-linux")
        let limit = bytes.map { "\($0)" } ?? "unlimited"
        let result = try PeerEnvironment.run(
          program, ["--pid", "\(child.identifier)", "--fsize=\(limit):unlimited"])
        guard result.status == 0 else { throw PeerFailure("prlimit: \(result.output)") }
      }

      @Test func aFullDiskIsToldAtOnceAndCountedToTheRecord() async throws {
        let chat = try await Chat.begin()
        try await chat.call(1)
        let size = try FileManager.default.attributesOfItem(atPath: chat.file.path)[.size] as? Int ?? 0
        // Room for one record and a half.
        try limitFiles(of: chat.proxy.child, to: size + 300)
        for id in 2...9 { try await chat.call(id) }
        try await chat.told("cannot be written")
        let full = try LoadCapture(chat.file)
        #expect(!full.isTorn, "what did not fit was taken back")
        try limitFiles(of: chat.proxy.child, to: nil)
        for id in 10...12 { try await chat.call(id) }
        try await chat.told("can be written again")
        #expect(await chat.end() == .exited(0))
        let capture = try LoadCapture(chat.file)
        #expect(!capture.isTorn && capture.types["end"] == 1)
        // The first gaps may have fitted where records did not.
        #expect(capture.gaps.reduce(0, +) == missing(capture) && missing(capture) > 8)
        #expect(capture.emits.isSuperset(of: [1, 11, 12]))
        let lost = try #require(capture.gaps.last)
        #expect(chat.proxy.child.lastErrors.contains("\(lost) records were lost"))
        let inspection = try await ProxyProcess.finish(["inspect", chat.file.path])
        #expect(inspection.output.contains { $0.contains("\(lost) records could not be written") })
      }

      @Test func aFullDiskStopsTheProxyInOrderWhereThatIsWanted() async throws {
        let chat = try await Chat.begin("--on-capture-error", "stop")
        try await chat.call(1)
        let size = try FileManager.default.attributesOfItem(atPath: chat.file.path)[.size] as? Int ?? 0
        try limitFiles(of: chat.proxy.child, to: size + 10)
        try chat.peer.send(#"422["nothing"]"#)
        // The ack may still come; then the WebSocket is closed with 1001.
        var closed: [UInt8]?
        while closed == nil {
          let (opcode, payload) = try await chat.peer.message()
          if opcode == 8 { closed = payload }
        }
        #expect(closed == [0x03, 0xE9])
        chat.peer.connection.finishWriting()
        #expect(await chat.proxy.end() == .exited(74))
        #expect(chat.proxy.child.errors.all.count { $0.contains("cannot be written") } == 1)
        let capture = try LoadCapture(chat.file)
        #expect(!capture.isTorn && capture.emits == [1])
        await chat.server.stop()
      }
    #endif

    /// A proxy whose capture goes into a pipe that nobody reads after the first lines.
    private func proxyWithLeavingReader(
      _ folder: TemporaryFolder, port: Int, _ policy: String
    ) async throws -> ProxyProcess {
      let script =
        #"mkfifo "$0"; head -n 2 < "$0" > /dev/null & exec "$@" > "$0""#
      let pipe = folder.file("pipe").path
      let child = try ChildProcess(
        "/bin/sh",
        [
          "-c", script, pipe, try ProxyProcess.binary(), "proxy",
          "http://127.0.0.1:\(port)", "--listen", "127.0.0.1:0", "--capture", "-", "--view", "none",
          "--on-capture-error", policy,
        ])
      guard let line = await child.errors.first(where: { $0.contains("listening on ") }),
        let address = line.split(separator: " ").last
      else { throw PeerFailure("no proxy: \(child.lastErrors)") }
      return ProxyProcess(child: child, address: String(address))
    }

    @Test func aReaderThatLeavesThePipeStopsNoMessage() async throws {
      let (server, port) = try await PeerProcess.startServer(script: "chat_server.py")
      let folder = try TemporaryFolder()
      let proxy = try await proxyWithLeavingReader(folder, port: port, "continue")
      let peer = try await WebSocketPeer.join(port: proxy.port)
      for id in 1...50 {
        try peer.send("42\(id)[\"nothing\"]")
        _ = try await peer.text { $0.hasPrefix("43\(id)[") }
      }
      #expect(await proxy.child.errors.first { $0.contains("cannot be written") } != nil)
      #expect(await proxy.stop() == .exited(0))
      #expect(proxy.child.errors.all.count { $0.contains("cannot be written") } == 1)
      await server.stop()
    }

    @Test func aReaderThatLeavesThePipeEndsTheProxyWhereThatIsWanted() async throws {
      let (server, port) = try await PeerProcess.startServer(script: "chat_server.py")
      let folder = try TemporaryFolder()
      let proxy = try await proxyWithLeavingReader(folder, port: port, "stop")
      // The reader leaves some time after the second record; until then messages pass.
      if let peer = try? await WebSocketPeer.join(port: proxy.port) {
        while (try? peer.send(#"421["nothing"]"#)) != nil {
          guard let message = try? await peer.message(), message.opcode != 8 else { break }
        }
        peer.connection.finishWriting()
      }
      #expect(await proxy.end() == .exited(74))
      #expect(proxy.child.lastErrors.contains("cannot be written"))
      await server.stop()
    }

    @Test func aRemovedFileIsMadeAnewAndSaysWhatIsGone() async throws {
      let chat = try await Chat.begin()
      try await chat.call(1)
      try chat.peer.send(#"422["forgets"]"#)
      try await chat.call(3)
      let before = try LoadCapture(chat.file)
      try FileManager.default.removeItem(at: chat.file)
      try await chat.told("was removed")
      try await chat.call(4)
      #expect(await chat.end() == .exited(0))
      let after = try CaptureFile(contentsOf: chat.file)
      let gap = try #require(after.records("gap").first)
      let lost = try #require(gap["lost"]?.int)
      // Everything up to the new file's first line went with the old one.
      #expect(lost == (after.records.first?.seq ?? 0) - 1 && lost >= before.seqs.count)
      #expect(after.records.map(\.seq) == Array((lost + 1)...(lost + after.records.count)))
      #expect(after.records.first?["part"] == .int(2))
      // The emit that was still open is known by name, and its verdict is about it.
      let carried = try #require(after.records("carried").first { $0.event == "forgets" })
      #expect(after.records("verdict").contains { $0["emit"] == carried["emit"] })
      let permissions = try FileManager.default.attributesOfItem(atPath: chat.file.path)[.posixPermissions]
      #expect(permissions as? Int == 0o600)
      let inspection = try await ProxyProcess.finish(["inspect", chat.file.path])
      #expect(inspection.ending == .exited(0))
      #expect(
        inspection.output.contains {
          $0.contains("\(lost) records could not be written (the file was removed)")
        })
    }

    @Test func aRemovedFileStopsTheProxyWhereThatIsWanted() async throws {
      let chat = try await Chat.begin("--on-capture-error", "stop")
      try await chat.call(1)
      try FileManager.default.removeItem(at: chat.file)
      try await chat.told("was removed")
      chat.peer.connection.finishWriting()
      #expect(await chat.proxy.end() == .exited(74))
      let capture = try LoadCapture(chat.file)
      #expect(capture.types["end"] == 1 && capture.gaps.count == 1)
      await chat.server.stop()
    }

    /// A folder that no longer lets files be made keeps the capture in the file it has.
    @Test func withoutANextFileThePresentOneGoesOn() async throws {
      let chat = try await Chat.begin("--rotate-size", "4KiB")
      let away = chat.folder.file("elsewhere")
      try FileManager.default.moveItem(at: chat.folder.file("captures"), to: away)
      for id in 1...40 { try await chat.call(id) }
      try await chat.told("the capture goes on in the file it has")
      #expect(await chat.end() == .exited(0))
      let names = try FileManager.default.contentsOfDirectory(atPath: away.path)
      #expect(names == ["capture.000001.jsonl"])
      try CaptureFile(contentsOf: away.appendingPathComponent("capture.000001.jsonl")).expectConsistency()
      #expect(chat.proxy.child.errors.all.count { $0.contains("goes on in the file it has") } == 1)
    }
  }
}
