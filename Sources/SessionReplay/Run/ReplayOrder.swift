import CaptureFormat
import JSONText
import RecordedSessions

/// What the clients of a recording do, in the order in which they did it.
struct ReplayOrder {
  /// One action of a client.
  struct Action {
    enum Kind {
      case open
      case step(Int)
      case close(RecordedClose)
      /// A handshake that was refused, by its place in the recording.
      case refusedHandshake(Int)
    }

    /// The place of the session in the recording; nothing of meaning for refused handshakes.
    var session: Int
    var kind: Kind
    var seq: Int
    var time: CaptureTimestamp
    /// The microseconds since the action before it, of any session.
    var gap: Int64 = 0
    /// For a close, the microseconds since the last step in its session.
    var quiet: Int64 = 0
  }

  var actions: [Action] = []
  /// How many emits and acks are to be played.
  var stepCount = 0

  init(_ recording: Recording) {
    for (place, session) in recording.sessions.enumerated() {
      actions.append(Action(session: place, kind: .open, seq: session.seq, time: session.opened))
      for (index, step) in session.steps.enumerated() where step.from == .client {
        actions.append(Action(session: place, kind: .step(index), seq: step.seq, time: step.time))
        stepCount += 1
      }
      if case .closed(let close) = session.ending, close.by == .client {
        var action = Action(session: place, kind: .close(close), seq: close.seq, time: close.time)
        let last = session.steps.last { $0.seq < close.seq }?.time ?? session.opened
        action.quiet = max(close.time.since(last), 0)
        actions.append(action)
      }
    }
    for (place, refusal) in recording.refusals.enumerated() {
      actions.append(
        Action(session: 0, kind: .refusedHandshake(place), seq: refusal.seq, time: refusal.time))
    }
    actions.sort { $0.seq < $1.seq }
    for index in actions.indices.dropFirst() {
      actions[index].gap = max(actions[index].time.since(actions[index - 1].time), 0)
    }
  }
}

/// Which steps of the server a client's step takes its values from: at full speed it waits for those alone.
struct ReplayNeeds {
  /// A step of the server.
  struct Source: Hashable {
    var session: Int
    var step: Int
  }

  private var sources: [Source: [Source]] = [:]

  /// - Parameter binds: rules, each of which makes a step wait for what the rule learns from.
  init(_ recording: Recording, binds: [BindRule]) {
    var order: [(seq: Int, place: Source)] = []
    for (session, recorded) in recording.sessions.enumerated() {
      for (step, each) in recorded.steps.enumerated() where each.payload != nil {
        order.append((each.seq, Source(session: session, step: step)))
      }
    }
    order.sort { $0.seq < $1.seq }
    var givers: [ScalarKey: Source] = [:]
    var saidByClient: Set<ScalarKey> = []
    var bound: [ScalarKey: Source] = [:]
    for (_, place) in order {
      let session = recording.sessions[place.session]
      let step = session.steps[place.step]
      guard let payload = step.payload else { continue }
      var keys: [ScalarKey] = []
      Self.collect(payload.value, &keys)
      if step.from == .server {
        for key in keys where key.isUnusual && !saidByClient.contains(key) && givers[key] == nil {
          givers[key] = place
        }
        for rule in binds where rule.subject == Self.subject(of: step, in: session) {
          for value in rule.path.values(in: PayloadComparison.root(payload.value)) {
            if let key = ScalarKey(value) { bound[key] = place }
          }
        }
      } else {
        let needed = Set(keys.compactMap { givers[$0] ?? bound[$0] })
        if !needed.isEmpty { sources[place] = Array(needed) }
        for each in needed { wantedSteps[each.session, default: []].insert(each.step) }
        for key in keys where givers[key] == nil { saidByClient.insert(key) }
      }
    }
  }

  /// The places of a session's steps that any step needs.
  func wanted(of session: Int) -> Set<Int> { wantedSteps[session] ?? [] }

  private var wantedSteps: [Int: Set<Int>] = [:]

  /// What a step needs, in any session.
  subscript(session: Int, step: Int) -> [Source] { sources[Source(session: session, step: step)] ?? [] }

  private static func collect(_ value: JSONValue, _ keys: inout [ScalarKey]) {
    switch value {
    case .array(let elements): for element in elements { collect(element, &keys) }
    case .object(let members): for member in members { collect(member.value, &keys) }
    default: if let key = ScalarKey(value) { keys.append(key) }
    }
  }

  /// What the rules call a step of the server.
  static func subject(of step: RecordedStep, in session: RecordedSession) -> PacketSubject? {
    switch step.kind {
    case .emit(let emit): return .emit(event: emit.event)
    case .connect: return .connect
    case .ack(let ack):
      guard let place = ack.emit, case .emit(let emit) = session.steps[place].kind else { return nil }
      return .ack(event: emit.event)
    default: return nil
    }
  }
}
