import Foundation
import Testing

extension RealPeers {
  /// What a peer received is in the capture, complete, however the proxy ended under full load (promise P2).
  @Suite struct NothingLost {
    /// Every other round rotates, so that kills fall into seams, too.
    @Test func killsAtAnyMomentLoseNothingThatAPeerReceived() async throws {
      let seed = UInt64.random(in: .min ... .max)
      var random = SplitMix64(seed: seed)
      let (peers, port) = try await PeerProcess.startServer(script: "load_peers.py", environment: .plain)
      let folder = try TemporaryFolder()
      var counts: [String: Int] = [:]
      var seams = 0
      for round in 1...12 {
        let file = folder.file("round-\(round).jsonl")
        let rotates = round.isMultiple(of: 2)
        let proxy = try await ProxyProcess.start(
          upstream: "http://127.0.0.1:\(port)", capture: file,
          arguments: rotates ? ["--rotate-size", "16KiB"] : [])
        let moment = Int(random.next() % 120)
        let received = try await LoadRound.play(
          LoadRound.Plan(signals: [SIGKILL], afterMilliseconds: moment), through: proxy, with: peers)
        #expect(await proxy.end() == .signalled(SIGKILL))
        let capture = try LoadCapture(rotates ? LoadCapture.files(ofSet: file) : [file])
        received.expectRecorded(in: capture, "seed \(seed), round \(round), killed after \(moment) ms")
        #expect(capture.types["end"] == nil)
        seams += capture.types["rotated"] ?? 0
        counts.merge(received.counts, uniquingKeysWith: +)

        let inspection = try await ProxyProcess.finish(["inspect", file.path, "--format", "json"])
        #expect(inspection.ending == .exited(0), "seed \(seed), round \(round)")
        let summary = try JSON(parsing: inspection.output.joined())
        #expect(summary["torn_tail"] == .bool(capture.isTorn), "seed \(seed), round \(round)")
        #expect(summary["emits"]?.int == capture.emits.count, "seed \(seed), round \(round)")
        #expect(summary["acks"]?.int == capture.acks.count, "seed \(seed), round \(round)")
      }
      // Otherwise nothing was tried.
      #expect(counts.count == 4 && counts.values.allSatisfy { $0 > 0 }, "\(counts)")
      #expect(seams > 0)
      await peers.stop()
    }

    @Test(arguments: [SIGINT, SIGTERM])
    func anOrderlyStopUnderLoadLosesNothing(_ signal: Int32) async throws {
      let (peers, port) = try await PeerProcess.startServer(script: "load_peers.py", environment: .plain)
      let folder = try TemporaryFolder()
      let file = folder.file("capture.jsonl")
      let proxy = try await ProxyProcess.start(upstream: "http://127.0.0.1:\(port)", capture: file)
      let received = try await LoadRound.play(
        LoadRound.Plan(signals: [signal], afterMilliseconds: 200), through: proxy, with: peers)
      #expect(await proxy.end() == .exited(0))
      let capture = try LoadCapture(file)
      #expect(!capture.isTorn && capture.types["end"] == 1 && capture.types["gap"] == nil)
      received.expectRecorded(in: capture, "\(received.counts)")
      #expect(received.counts.values.allSatisfy { $0 > 0 }, "\(received.counts)")
      await peers.stop()
    }

    @Test func aSecondInterruptUnderLoadLeavesAReadableFile() async throws {
      let (peers, port) = try await PeerProcess.startServer(script: "load_peers.py", environment: .plain)
      let folder = try TemporaryFolder()
      for round in 0..<4 {
        let file = folder.file("capture-\(round).jsonl")
        let proxy = try await ProxyProcess.start(upstream: "http://127.0.0.1:\(port)", capture: file)
        let received = try await LoadRound.play(
          LoadRound.Plan(
            signals: [SIGINT, SIGINT], afterMilliseconds: 100, betweenMilliseconds: round * 3),
          through: proxy, with: peers)
        let ending = await proxy.end()
        let capture = try LoadCapture(file)
        // The orderly stop may have been faster than the second signal, or have got as far as its last record.
        let endedOrderly = ending == .exited(0) && capture.types["end"] == 1
        #expect(endedOrderly || ending == .exited(130), "round \(round): \(ending)")
        received.expectRecorded(in: capture, "round \(round)")
      }
      await peers.stop()
    }
  }
}
