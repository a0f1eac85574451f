@testable import AckCorrelation

/// What the correlator does about ids, done the plain way: lists that are searched, nothing pooled, nothing hashed.
///
/// It knows pairing, time, duplicates, namespaces left and sessions ended by close frames; none of the guesses.
struct NaiveModel {
  struct OpenEmit: Equatable {
    var seq: UInt64
    var at: Int64
    var session: UInt32
    var namespace: String
    var peer: Peer
    var id: UInt64
    var isOverdue = false
  }

  struct Ended {
    var at: Int64
    var by: Peer
  }

  struct Scope: Hashable {
    var session: UInt32
    var namespace: String
    var peer: Peer
  }

  let ackTimeout: Int64
  var now: Int64 = 0
  var open: [OpenEmit] = []
  var answered: [Scope: [(id: UInt64, seq: UInt64)]] = [:]
  var sessionEnds: [UInt32: Ended] = [:]
  var findings: [String] = []
  /// The verdict of every emit that has its last word, as far as the model knows it.
  var decided: [UInt64: String] = [:]

  init(ackTimeout: Int64) {
    self.ackTimeout = ackTimeout
  }

  var overdue: Int { open.filter(\.isOverdue).count }
  var pending: Int { open.count - overdue }

  mutating func advance(to time: Int64) {
    now = time
    for index in open.indices
    where sessionEnds[open[index].session] == nil && now - open[index].at > ackTimeout {
      open[index].isOverdue = true
    }
    for (session, end) in sessionEnds where now - end.at >= ackTimeout { settle(session, end) }
  }

  private mutating func settle(_ session: UInt32, _ end: Ended) {
    for emit in open where emit.session == session { decide(emit, endedAt: end.at, hasEnd: true) }
    open.removeAll { $0.session == session }
  }

  private mutating func decide(_ emit: OpenEmit, endedAt: Int64, hasEnd: Bool) {
    let isOverdue = endedAt - emit.at > ackTimeout
    decided[emit.seq] = isOverdue ? "silence" : hasEnd ? "disconnected_before_ack" : "capture_ended"
  }

  mutating func emitted(_ emit: OpenEmit) {
    let scope = Scope(session: emit.session, namespace: emit.namespace, peer: emit.peer)
    let isOpen = open.contains {
      $0.session == emit.session && $0.namespace == emit.namespace
        && $0.peer == emit.peer && $0.id == emit.id
    }
    if isOpen || (answered[scope]?.suffix(8).contains { $0.id == emit.id } ?? false) {
      findings.append("duplicate_emit \(emit.seq)")
    }
    open.append(emit)
  }

  mutating func acknowledged(
    session: UInt32, namespace: String, emitter: Peer, id: UInt64, seq: UInt64
  ) -> AckMatch? {
    let scope = Scope(session: session, namespace: namespace, peer: emitter)
    let index = open.firstIndex {
      $0.session == session && $0.namespace == namespace && $0.peer == emitter && $0.id == id
    }
    guard let index else {
      let isDuplicate = answered[scope]?.suffix(8).contains { $0.id == id } ?? false
      findings.append("\(isDuplicate ? "duplicate_ack" : "stray_ack") \(seq)")
      return nil
    }
    let emit = open.remove(at: index)
    answered[scope, default: []].append((id, emit.seq))
    let latency = now - emit.at
    // Behind a close frame of either side, nobody takes an ack.
    let hasLeft = sessionEnds[session] != nil
    let isLate = hasLeft || latency > ackTimeout
    decided[emit.seq] = isLate ? (hasLeft ? "after_peer_left" : "after_ack_timeout") : "acknowledged"
    return AckMatch(
      emit: RecordSeq(emit.seq), latency: latency, verdict: isLate ? .late : .acknowledged)
  }

  mutating func sessionEnded(_ session: UInt32, by: Peer) {
    if sessionEnds[session] == nil { sessionEnds[session] = Ended(at: now, by: by) }
  }

  mutating func sessionGone(_ session: UInt32) {
    if let end = sessionEnds[session] { settle(session, end) }
  }

  mutating func captureEnded() {
    for emit in open {
      let end = sessionEnds[emit.session]
      decide(emit, endedAt: end?.at ?? now, hasEnd: end != nil)
    }
    open.removeAll()
  }
}
