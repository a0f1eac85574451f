import Foundation
import Testing

/// A round of `load_peers.py`: what reached either peer before the proxy's end, to be compared with the capture.
struct LoadRound: Sendable {
  /// Ids of the emits that reached the server, and of the acks that reached the clients.
  let emits: Set<Int>
  let acks: Set<Int>
  /// How many of each came over which transport.
  let counts: [String: Int]

  /// Which signals the proxy gets, and when.
  struct Plan: Sendable {
    var signals: [Int32]
    var afterMilliseconds: Int
    var betweenMilliseconds = 0
    var webSockets = 3
    var pollers = 3
  }

  /// Plays a round through a proxy that is already listening.
  static func play(_ plan: Plan, through proxy: ProxyProcess, with peers: PeerProcess) async throws
    -> LoadRound
  {
    try peers.send(
      #"{"proxy":\#(proxy.port),"pid":\#(proxy.child.identifier),"after_ms":\#(plan.afterMilliseconds),"#
        + #""between_ms":\#(plan.betweenMilliseconds),"signals":\#(plan.signals),"#
        + #""websockets":\#(plan.webSockets),"pollers":\#(plan.pollers)}"#)
    let line = try await peers.nextLine()
    let parsed = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
    guard let report = parsed?["round"] as? [String: Any] else {
      throw PeerFailure("no round: \(line.prefix(500))")
    }
    func ids(_ peer: String, _ transport: String) -> [Int] {
      (report[peer] as? [String: [Int]])?[transport] ?? []
    }
    var counts: [String: Int] = [:]
    var sets: [String: Set<Int>] = [:]
    for peer in ["server", "client"] {
      for transport in ["websocket", "polling"] {
        let ids = ids(peer, transport)
        counts["\(peer) \(transport)"] = ids.count
        sets[peer, default: []].formUnion(ids)
      }
    }
    return LoadRound(emits: sets["server"] ?? [], acks: sets["client"] ?? [], counts: counts)
  }

  /// Checks that everything that was received is on record, and that no record is missing.
  func expectRecorded(
    in capture: LoadCapture, _ comment: Comment, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let lost = (emits.subtracting(capture.emits), acks.subtracting(capture.acks))
    #expect(lost.0.isEmpty && lost.1.isEmpty, comment, sourceLocation: sourceLocation)
    #expect(capture.seqs == capture.seqs.sorted(), comment, sourceLocation: sourceLocation)
    #expect(capture.missing == [] && capture.seqs.first == 1, comment, sourceLocation: sourceLocation)
  }
}
