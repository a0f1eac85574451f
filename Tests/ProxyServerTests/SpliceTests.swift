import Foundation
import JSONText
import Synchronization
import Testing

/// The promises of the splice, with both of its ends in hand. One at a time: the sockets block their thread.
@Suite(.serialized) struct SpliceTests {
  private final class Look: Sendable {
    let seen = Mutex<(arrived: Int, isInFile: Bool)?>(nil)
  }

  /// P2: on loopback a flushed byte has arrived when `send` returns, so at the moment between writing the records and
  /// flushing, nothing of the message may have arrived, and its record must stand in the file.
  @Test(arguments: [true, false], [true, false])
  func aMessageIsOnRecordBeforeItIsDelivered(_ fromClient: Bool, splicesDirectly: Bool) async throws {
    let proxy = try await LoopbackProxy.upgraded(splicesDirectly: splicesDirectly)
    let look = Look()
    let receiver = fromClient ? proxy.server : proxy.client
    proxy.proxy.atRecords { [capture = proxy.capture] records in
      guard records.contains("the marker") else { return }
      let file = (try? String(contentsOf: capture, encoding: .utf8)) ?? ""
      look.seen.withLock { $0 = (receiver.arrived, file.contains("the marker")) }
    }
    let frame = LoopbackProxy.frame(#"42["say","the marker"]"#, masked: fromClient)
    try (fromClient ? proxy.client : proxy.server).send(frame)
    #expect(try receiver.receive(exactly: frame.count) == frame)
    let seen = look.seen.withLock { $0 }
    #expect(seen?.arrived == 0)
    #expect(seen?.isInFile == true)
    await proxy.stop()
  }

  /// P1, P3: bytes that are no frames pass too, however they are cut.
  @Test(arguments: [1, 2, 3] as [UInt64], [true, false])
  func whatIsNoFrameArrivesAsItWasSent(_ seed: UInt64, splicesDirectly: Bool) async throws {
    let proxy = try await LoopbackProxy.upgraded(splicesDirectly: splicesDirectly)
    var random = Xorshift(state: seed)
    for (sender, receiver) in [(proxy.client, proxy.server), (proxy.server, proxy.client)] {
      let bytes = (0..<200_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      // A thread of its own: a task could wait for the one that is blocked in `receive`.
      Thread {
        var rest = bytes[...]
        var cut = Xorshift(state: seed &+ 77)
        while !rest.isEmpty {
          let piece = Int(cut.next() % 9000) + 1
          // What is not sent is missed below.
          guard (try? sender.send(Array(rest.prefix(piece)))) != nil else { return }
          rest = rest.dropFirst(piece)
        }
      }.start()
      let arrived = try receiver.receive(exactly: bytes.count)
      #expect(arrived == bytes, "seed \(seed)")
    }
    let text = try String(contentsOf: proxy.capture, encoding: .utf8)
    #expect(text.contains(#""type":"undecodable""#))
    await proxy.stop()
  }

  /// P5: a peer that reads nothing stops the other; nothing is lost once it reads again.
  @Test(arguments: [true, false])
  func aReaderThatStallsHoldsItsSenderBack(splicesDirectly: Bool) async throws {
    let proxy = try await LoopbackProxy.upgraded(splicesDirectly: splicesDirectly)
    let all = [UInt8](repeating: 0x5A, count: 64 << 20)
    // Without backpressure the proxy would take all of it; with it, no more than sockets and one buffer hold.
    let taken = proxy.client.send(all, patience: 1500)
    #expect(taken < all.count)
    #expect(try proxy.server.receive(exactly: taken).allSatisfy { $0 == 0x5A })
    await proxy.proxy.stop()
    let records = try proxy.proxy.captureLines().map { try JSONValue(parsing: $0) }
    let stall = try #require(records.first { $0["finding"]?.string == "stalled_peer" })
    #expect(stall["peer"]?.string == "server")
    proxy.proxy.removeCapture()
  }
}

/// Seeded randomness, enough to make bytes.
struct Xorshift {
  var state: UInt64

  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
}
