import CaptureFormat
import NIOCore
import RecordedSessions

/// One recorded session while it is played: its client, its own ack ids, and what came so far. Confined to the copy's loop.
final class PlayedSession {
  enum Status {
    case waiting, opening, open, over
  }

  /// An ack id within its namespace.
  private struct AckKey: Hashable {
    var namespace: String
    var id: String
  }

  let place: Int
  let recorded: RecordedSession
  var comparison: SessionComparison
  var status = Status.waiting
  var client: ReplayClient?
  /// Whether the move to a WebSocket is under way.
  var isUpgrading = false
  /// Namespaces joined without a recorded CONNECT, whose answers are still to come.
  var joining: Set<String> = []
  /// Emits that wait for their acks.
  private var pending: [AckKey: (step: Int, sent: NIODeadline)] = [:]
  private var nextID: [String: Int] = [:]
  /// The places of the server's answers to CONNECTs.
  private let joins: [Int]

  // At full speed every session has its own place, and waits by itself.
  /// The places in the order's actions that are this session's.
  var actions: [Int] = []
  var next = 0
  var deadline: Scheduled<Void>?
  var isAdvancing = false
  /// The session whose step is waited for, where it is another one.
  var waitsFor: Int?

  init(place: Int, recorded: RecordedSession, context: ComparisonContext, wanted: Set<Int>) {
    self.place = place
    self.recorded = recorded
    joins = recorded.steps.indices.filter { index in
      guard recorded.steps[index].from == .server, case .connect = recorded.steps[index].kind else {
        return false
      }
      return true
    }
    comparison = SessionComparison(session: recorded, context: context, wanted: wanted)
  }

  var pendingCount: Int { pending.count }

  /// A fresh ack id for an emit that asks for one.
  func idSent(for step: Int, namespace: String) -> Int {
    let id = nextID[namespace] ?? 0
    nextID[namespace] = id + 1
    pending[AckKey(namespace: namespace, id: "\(id)")] = (step, .now())
    return id
  }

  /// The emit that an ack answers, with the microseconds since it was sent; nil where there is none.
  func ackCame(namespace: String, id: String) -> (step: Int, latency: Int)? {
    guard let emit = pending.removeValue(forKey: AckKey(namespace: namespace, id: id)) else { return nil }
    return (emit.step, Int((NIODeadline.now() - emit.sent).nanoseconds / 1000))
  }

  /// Namespaces that are used in the recording but whose CONNECT it does not have.
  var impliedNamespaces: [String] {
    var known: Set<String> = recorded.eio == 3 ? ["/"] : []
    var implied: [String] = []
    for step in recorded.steps {
      if case .connect = step.kind, step.from == .client { known.insert(step.namespace) }
      switch step.kind {
      case .emit, .ack: if known.insert(step.namespace).inserted { implied.append(step.namespace) }
      default: break
      }
    }
    return implied
  }

  /// Whether every answer to a CONNECT to the namespace that was recorded before a step is settled.
  func hasJoined(_ namespace: String, before index: Int) -> Bool {
    joins.allSatisfy {
      $0 >= index || comparison.isSettled($0) || recorded.steps[$0].namespace != namespace
    }
  }

  /// Whether everything that the server did before `seq` has come, its close included.
  func isSettled(before seq: Int) -> Bool {
    if status == .over { return true }
    if case .closed(let close) = recorded.ending, close.by == .server, close.seq < seq { return false }
    return comparison.isSettled(before: seq)
  }
}
