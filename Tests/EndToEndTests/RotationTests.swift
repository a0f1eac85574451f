import Foundation
import Testing

extension RealPeers {
  /// A capture that goes on in further files.
  @Suite struct Rotation {
    /// Plays a chat with failures through a proxy that rotates; returns the set's files and the folder that holds them.
    private func play(_ arguments: String...) async throws -> (
      folder: TemporaryFolder, files: [URL], client: JSON
    ) {
      let (server, port) = try await PeerProcess.startServer(script: "chat_server.py")
      let folder = try TemporaryFolder()
      let base = folder.file("chat.jsonl")
      let proxy = try await ProxyProcess.start(
        upstream: "http://127.0.0.1:\(port)", capture: base,
        arguments: ["--ack-timeout", "100ms"] + arguments)
      let client = try await PeerProcess.start(
        script: "chat_client.py", arguments: [proxy.address, "--failures", "--namespaces", "/,/chat"])
      let report = try await client.finishedReport()
      #expect(await proxy.stop() == .exited(0))
      await server.stop()
      return (folder, try LoadCapture.files(ofSet: base), report)
    }

    private func inspect(_ paths: [String]) async throws -> JSON {
      let command = try await ProxyProcess.finish(["inspect", "--format", "json"] + paths)
      #expect(command.ending == .exited(0))
      // Notes about the capture would stand here.
      #expect(command.errors.isEmpty, "\(command.errors)")
      return try JSON(parsing: command.output.joined())
    }

    @Test func aSetHoldsWhatOneFileWouldHaveHeld() async throws {
      let (folder, files, _) = try await play("--rotate-size", "8KiB")
      #expect(files.count > 2)
      #expect(files.first?.lastPathComponent == "chat.000001.jsonl")
      // One numbering, and every seam as the format has it.
      var lines: [String] = []
      for (index, file) in files.enumerated() {
        let part = try CaptureFile(contentsOf: file)
        #expect(!part.isTorn)
        #expect(part.records.first?.type == "capture" && part.records.first?["part"] == .int(index + 1))
        if index + 1 < files.count {
          #expect(part.records.last?.type == "rotated")
          #expect(part.records.last?["next"] == .string(files[index + 1].lastPathComponent))
        }
        let attributes = try FileManager.default.attributesOfItem(atPath: file.path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        lines += part.records.map(\.line)
      }
      let whole = try CaptureFile(lines: lines, isTorn: false)
      #expect(Set(whole.records("capture").compactMap { $0["set"] }.map { "\($0)" }).count == 1)
      whole.expectConsistency()

      let end = try #require(whole.records("end").first)
      for paths in [files.map(\.path), files.reversed().map(\.path), [folder.file("chat.jsonl").path]] {
        let summary = try await inspect(paths)
        for name in ["connections", "sessions", "packets", "emits", "acks"] {
          #expect(summary[name] == end[name], "\(name)")
        }
        #expect(summary["verdicts"]?.counts == end["verdicts"]?.counts)
        #expect(summary["captures"]?.array?.count == files.count)
      }
    }

    /// Everything that an ack, a verdict or a packet of a file refers to is either in the file or carried into it.
    @Test func eachFileCanBeReadAlone() async throws {
      let (folder, files, _) = try await play("--rotate-size", "8KiB")
      for file in files {
        let part = try CaptureFile(contentsOf: file)
        let carried = part.records("carried")
        let emits = Set(part.events().map(\.seq) + carried.compactMap { $0["emit"]?.int })
        for record in part.records {
          if let emit = record["ack_of"]?.int ?? record["emit"]?.int {
            #expect(emits.contains(emit), "\(record)")
          }
        }
        let conns = Set((part.records("open") + carried).compactMap { $0["conn"]?.int })
        for packet in part.records("packet") {
          #expect(conns.contains(packet["conn"]?.int ?? -1), "\(packet)")
        }
        let sids = Set(
          (part.records("session") + carried).filter { $0["sid"] != nil }.compactMap { $0["session"]?.int })
        for packet in part.events() { #expect(sids.contains(packet["session"]?.int ?? -1), "\(packet)") }
        let alone = try await ProxyProcess.finish(["inspect", file.path, "--format", "json"])
        #expect(alone.ending == .exited(0))
        #expect(
          !alone.errors.contains { $0.contains("not in the capture") || $0.contains("jumps") },
          "\(alone.errors)")
      }
      _ = folder
    }

    @Test func onlyTheNewestFilesAreKeptAndNoOthersTouched() async throws {
      let folder = try TemporaryFolder()
      let (server, port) = try await PeerProcess.startServer(script: "chat_server.py")
      let foreign = try folder.file("chat.000900.jsonl", holding: "mine\n")
      let other = try folder.file("chat.jsonl", holding: "mine\n")
      let proxy = try await ProxyProcess.start(
        upstream: "http://127.0.0.1:\(port)", capture: folder.file("chat.jsonl"),
        arguments: ["--rotate-size", "4KiB", "--keep", "2"])
      let peer = try await WebSocketPeer.join(port: proxy.port)
      for id in 1...80 {
        try peer.send("42\(id)[\"nothing\"]")
        _ = try await peer.text { $0.hasPrefix("43\(id)[") }
      }
      #expect(await proxy.stop() == .exited(0))
      await server.stop()
      let names = try FileManager.default.contentsOfDirectory(atPath: folder.url.path).sorted()
      #expect(names.count == 4 && names.last == "chat.jsonl")
      #expect(!names.contains("chat.000001.jsonl") && names.contains("chat.000900.jsonl"))
      for file in [foreign, other] { #expect(try String(contentsOf: file, encoding: .utf8) == "mine\n") }
      let kept = names.filter { $0 != "chat.jsonl" && $0 != "chat.000900.jsonl" }
      let capture = try LoadCapture(kept.map { folder.file($0) })
      #expect(capture.seqs == Array((capture.seqs.first ?? 0)...(capture.seqs.last ?? 0)))
      #expect(capture.types["end"] == 1)
    }

    @Test(arguments: [
      (["--capture", "-", "--rotate-size", "1MiB"], "give --capture a path"),
      (["--no-capture", "--rotate-every", "1m"], "exclude each other"),
      (["--keep", "3"], "--keep goes with"), (["--rotate-size", "1KiB"], "at least 4KiB"),
      (["--rotate-size", "1MiB", "--keep", "0"], "at least 1"),
    ])
    func argumentsThatMakeNoSenseAreRefused(_ arguments: [String], _ words: String) async throws {
      let command = try await ProxyProcess.finish(["proxy", "http://127.0.0.1:1"] + arguments)
      #expect(command.ending == .exited(2))
      #expect(command.errors.count == 1 && command.errors[0].contains(words), "\(command.errors)")
    }

    @Test func anEarlierSetIsLeftAlone() async throws {
      let folder = try TemporaryFolder()
      let earlier = try folder.file("chat.000001.jsonl", holding: "mine\n")
      let command = try await ProxyProcess.finish([
        "proxy", "http://127.0.0.1:1", "--listen", "127.0.0.1:0", "--capture", folder.file("chat.jsonl").path,
        "--rotate-size", "1MiB",
      ])
      #expect(command.ending == .exited(2))
      #expect(command.errors.contains { $0.contains(earlier.path) && $0.contains("choose another path") })
      #expect(try String(contentsOf: earlier, encoding: .utf8) == "mine\n")
    }
  }
}
