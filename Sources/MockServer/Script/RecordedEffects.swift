import CaptureFormat
import JSONText
import RecordedSessions

/// What a recorded server did because of what its clients did: for each step of a client, the events, disconnects and the
/// close that followed from it, in their own or in other sessions.
///
/// Nothing on the wire says why a server sends an event. Taken for its cause is what a client sent within the second before that
/// shares the most values with it; where nothing is shared, the last that its own client did, or another within a tenth of a second;
/// and else the last that its own client did: then it comes at its time.
struct RecordedEffects {
  /// The server's steps, by cause, in the order of the capture. The place behind a session's last step stands for its close.
  private(set) var byCause: [StepPlace: [StepPlace]] = [:]

  private static let longestWay: Int64 = 1_000_000
  private static let shortWay: Int64 = 100_000
  /// Steps of clients that an event is held against.
  private static let lookBack = 32

  private struct Deed {
    var seq: Int
    var time: CaptureTimestamp
    var place: StepPlace
    var values: Set<ScalarKey>
  }

  init(_ recording: Recording) {
    var deeds: [Deed] = []
    for (session, recorded) in recording.sessions.enumerated() {
      for (step, each) in recorded.steps.enumerated() where each.from == .client {
        let values = each.kind.isEmit ? Self.values(of: each.payload) : []
        deeds.append(
          Deed(
            seq: each.seq, time: each.time, place: StepPlace(session: session, step: step), values: values))
      }
    }
    deeds.sort { $0.seq < $1.seq }
    var effects: [(seq: Int, cause: StepPlace, effect: StepPlace)] = []
    for (session, recorded) in recording.sessions.enumerated() {
      var own = StepPlace(session: session, step: StepPlace.opening)
      for (step, each) in recorded.steps.enumerated() {
        let place = StepPlace(session: session, step: step)
        if each.from == .client {
          own = place
          continue
        }
        switch each.kind {
        case .emit:
          effects.append((each.seq, Self.cause(of: each, own: own, recording, deeds), place))
        case .disconnect: effects.append((each.seq, own, place))
        case .connect, .connectError, .ack, .upgrade: break
        }
      }
      if case .closed(let close) = recorded.ending, close.by == .server {
        effects.append((close.seq, own, StepPlace(session: session, step: recorded.steps.count)))
      }
    }
    effects.sort { $0.seq < $1.seq }
    for each in effects { byCause[each.cause, default: []].append(each.effect) }
  }

  private static func cause(
    of step: RecordedStep, own: StepPlace, _ recording: Recording, _ deeds: [Deed]
  ) -> StepPlace {
    let values = values(of: step.payload)
    // The first that is not before the event.
    var end = 0
    var high = deeds.count
    while end < high {
      let middle = (end + high) / 2
      if deeds[middle].seq < step.seq { end = middle + 1 } else { high = middle }
    }
    var best: (place: StepPlace, shared: Int)?
    for deed in deeds[max(0, end - lookBack)..<end].reversed() {
      guard step.time.since(deed.time) <= longestWay else { break }
      let shared = deed.values.intersection(values).count
      if shared > best?.shared ?? 0 { best = (deed.place, shared) }
    }
    if let best { return best.place }
    if own.step >= 0, step.time.since(recording.sessions[own.session].steps[own.step].time) <= shortWay {
      return own
    }
    if end > 0, step.time.since(deeds[end - 1].time) <= shortWay { return deeds[end - 1].place }
    return own
  }

  /// The strings and long numbers of a payload.
  private static func values(of payload: RecordedPayload?) -> Set<ScalarKey> {
    guard let payload else { return [] }
    var values: Set<ScalarKey> = []
    func walk(_ value: JSONValue) {
      switch value {
      case .array(let elements): elements.forEach(walk)
      case .object(let members): members.forEach { walk($0.value) }
      case .string(let text) where text.utf8.count >= 3: values.insert(.string(text))
      case .number(let literal): values.insert(.number(literal))
      default: break
      }
    }
    walk(payload.value)
    return values
  }
}
