import Foundation
import SocketIOPackets
import Testing

/// Ackscope's decoders against those of python-socketio and python-engineio, on thousands of random inputs.
///
/// Both must read the same, and what Ackscope says of who refuses an input must be so. Where they differ by design, a
/// `KnownDifference` says which rule of PROTOCOL.md that is.
///
/// `ACKSCOPE_SEED` repeats a run, `ACKSCOPE_ROUNDS` makes it so many times as long.
@Suite struct DifferentialTests {
  @Test(arguments: [
    (DifferentialCase.Kind.socket, EngineIOVersion.v4, 1500), (.socket, .v3, 500), (.msgpack, .v4, 800),
    (.message, .v4, 500), (.message, .v3, 500), (.body, .v4, 500), (.body, .v3, 800),
  ])
  func everyDifferenceHasARule(_ kind: DifferentialCase.Kind, _ version: EngineIOVersion, _ count: Int)
    async throws
  {
    let environment = ProcessInfo.processInfo.environment
    let seed = environment["ACKSCOPE_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 0...UInt64.max)
    let count = count * (environment["ACKSCOPE_ROUNDS"].flatMap { Int($0) } ?? 1)
    let peer = try await PeerProcess.start(
      script: "reference_parsers.py", environment: version == .v4 ? .engineIO4 : .engineIO3)
    var generator = PacketGenerator(seed: seed)
    var accepted = 0
    for number in 0..<count {
      let input = generator.next(kind, version)
      let claim = input.claim()
      try peer.send(input.request(claim))
      let answer = try JSON(parsing: try await peer.nextLine())
      let theirs = answer["theirs"] ?? .null
      if theirs["accepted"]?.bool == true { accepted += 1 }
      for difference in answer["differs"]?.array?.compactMap(\.string) ?? [] {
        let seen = KnownDifference.Difference(member: difference, input: input, claim: claim, theirs: theirs)
        guard KnownDifference.explaining(seen) == nil else { continue }
        Issue.record(
          """
          \(difference) differs, seed \(seed), number \(number): \(input.shown)
          Ackscope: accepted \(claim.isAccepted), \(claim.refusals.map(\.reason)) \(claim.members.joined(separator: " "))
          python: \(theirs)
          """)
      }
    }
    // A generator of nothing but faults would find no difference either.
    #expect(accepted > count / 4, "seed \(seed)")
    #expect(await peer.stop() == .exited(0))
  }
}
