import CaptureFormat
import RecordedSessions

/// A recording written by hand; each step takes ten milliseconds more.
struct Tape {
  private(set) var recording = Recording()
  private var seq = 0

  private mutating func tick() -> (seq: Int, time: CaptureTimestamp) {
    seq += 1
    return (seq, CaptureTimestamp(microseconds: Int64(seq) * 10_000))
  }

  /// Opens a session; returns its place.
  mutating func session(eio: Int = 4) -> Int {
    let (seq, time) = tick()
    recording.sessions.append(
      RecordedSession(
        number: recording.sessions.count + 1, seq: seq, opened: time, sid: "s\(seq)", eio: eio,
        handshake: RecordedHandshake()))
    return recording.sessions.count - 1
  }

  /// Takes a step; returns its place in the session.
  @discardableResult
  mutating func step(
    _ session: Int, _ from: CaptureRecord.Peer, _ kind: RecordedStep.Kind, namespace: String = "/"
  ) -> Int {
    let (seq, time) = tick()
    recording.sessions[session].steps.append(
      RecordedStep(seq: seq, time: time, from: from, namespace: namespace, kind: kind))
    return recording.sessions[session].steps.count - 1
  }

  @discardableResult
  mutating func emit(_ session: Int, _ from: CaptureRecord.Peer, _ event: String, _ args: String) -> Int {
    step(session, from, .emit(RecordedEmit(event: event, payload: Self.payload(args))))
  }

  /// A client's emit with its ack; returns the places of both.
  @discardableResult
  mutating func call(_ session: Int, _ event: String, _ args: String, ack: String) -> (emit: Int, ack: Int) {
    var emit = RecordedEmit(event: event, payload: Self.payload(args), id: "0")
    let place = recording.sessions[session].steps.count
    emit.ack = place + 1
    step(session, .client, .emit(emit))
    step(session, .server, .ack(RecordedAck(id: "0", emit: place, payload: Self.payload(ack))))
    return (place, place + 1)
  }

  mutating func close(_ session: Int, by peer: CaptureRecord.Peer) {
    let (seq, time) = tick()
    recording.sessions[session].ending = .closed(
      RecordedClose(by: peer, manner: .frame, code: nil, seq: seq, time: time))
  }

  mutating func refusal(status: Int) {
    let (seq, time) = tick()
    recording.refusals.append(
      RecordedRefusal(seq: seq, time: time, eio: 4, handshake: RecordedHandshake(), status: status))
  }

  static func payload(_ text: String) -> RecordedPayload { RecordedPayload(text: Array(text.utf8)) }
}
