import CaptureFormat
import JSONText
import RecordedSessions

@testable import MockServer

/// A recording written by hand, step by step; each takes ten milliseconds unless `pause` says otherwise.
struct Tape {
  private(set) var recording = Recording()
  private var seq = 0
  private var time = CaptureTimestamp(microseconds: 1_000_000)

  /// Opens a session; returns its place.
  @discardableResult
  mutating func session(
    eio: Int = 4, path: String = "/socket.io/", query: [(name: String, value: String)] = [],
    auth: String? = "{}"
  ) -> Int {
    tick()
    var handshake = RecordedHandshake()
    handshake.path = path
    handshake.query = query
    recording.sessions.append(
      RecordedSession(
        number: recording.sessions.count + 1, seq: seq, opened: time, sid: "s\(seq)", eio: eio,
        handshake: handshake))
    let place = recording.sessions.count - 1
    if let auth { connect(place, auth: auth) }
    return place
  }

  mutating func connect(
    _ session: Int, _ namespace: String = "/", auth: String = "{}", refused: String? = nil
  ) {
    add(session, .client, namespace, .connect(Self.payload(auth)))
    if let refused {
      add(session, .server, namespace, .connectError(Self.payload(refused)))
    } else {
      add(session, .server, namespace, .connect(Self.payload(#"{"sid":"x"}"#)))
    }
  }

  /// The client emits, and the server acknowledges where an ack is given.
  mutating func emit(_ session: Int, _ event: String, _ args: String, id: Int? = nil, ack: String? = nil) {
    let place = recording.sessions[session].steps.count
    var emit = RecordedEmit(event: event, payload: Self.payload(args), id: id.map(String.init))
    if let ack {
      emit.ack = place + 1
      emit.latency = 10_000
      add(session, .client, "/", .emit(emit))
      add(
        session, .server, "/", .ack(RecordedAck(id: emit.id ?? "", emit: place, payload: Self.payload(ack))))
    } else {
      add(session, .client, "/", .emit(emit))
    }
  }

  mutating func event(_ session: Int, _ event: String, _ args: String, id: Int? = nil) {
    add(
      session, .server, "/",
      .emit(RecordedEmit(event: event, payload: Self.payload(args), id: id.map(String.init))))
  }

  /// The server puts the client out before it acknowledges its last emit, both at one moment.
  mutating func disconnectBeforeAck(_ session: Int, _ event: String) {
    let place = recording.sessions[session].steps.count
    var emit = RecordedEmit(event: event, payload: Self.payload("[]"), id: "0")
    emit.ack = place + 2
    emit.latency = 10_000
    add(session, .client, "/", .emit(emit))
    add(session, .server, "/", .disconnect)
    time.microseconds -= 10_000
    add(session, .server, "/", .ack(RecordedAck(id: "0", emit: place, payload: Self.payload("[]"))))
  }

  /// The client acknowledges the last event.
  mutating func clientAck(_ session: Int, _ args: String) {
    let place = recording.sessions[session].steps.count - 1
    guard case .emit(var emit) = recording.sessions[session].steps[place].kind else { return }
    emit.ack = place + 1
    recording.sessions[session].steps[place].kind = .emit(emit)
    add(
      session, .client, "/", .ack(RecordedAck(id: emit.id ?? "", emit: place, payload: Self.payload(args))))
  }

  mutating func closed(_ session: Int, code: Int) {
    tick()
    recording.sessions[session].ending = .closed(
      RecordedClose(by: .server, manner: .frame, code: code, seq: seq, time: time))
  }

  mutating func refusal(eio: Int, status: Int, code: Int, message: String) {
    tick()
    recording.refusals.append(
      RecordedRefusal(
        seq: seq, time: time, eio: eio, handshake: RecordedHandshake(), status: status, code: code,
        message: message))
  }

  mutating func pause(milliseconds: Int64) { time.microseconds += milliseconds * 1_000 }

  static func payload(_ text: String) -> RecordedPayload { RecordedPayload(text: Array(text.utf8)) }

  static func emit(_ event: String, _ args: String, id: Int? = nil) -> RecordedEmit {
    RecordedEmit(event: event, payload: payload(args), id: id.map(String.init))
  }

  private mutating func add(
    _ session: Int, _ from: CaptureRecord.Peer, _ namespace: String, _ kind: RecordedStep.Kind
  ) {
    tick()
    recording.sessions[session].steps.append(
      RecordedStep(seq: seq, time: time, from: from, namespace: namespace, kind: kind))
  }

  private mutating func tick() {
    seq += 1
    time.microseconds += 10_000
    recording.ended = time
  }
}

extension MockScript {
  /// The actions in words, with what is sent now, and the complaint.
  func words(_ response: MockResponse) -> [String] {
    response.actions.map { action in
      let what =
        switch action.what {
        case .connect: "connect \(action.namespace)"
        case .refuse(let payload): "refuse \(action.namespace) \(payload.map { text($0) } ?? "")"
        case .disconnect: "disconnect \(action.namespace)"
        case .emit(let emit, _): "\(emit.event) \(text(emit.payload))"
        case .ack(let id, let payload): "ack \(id) \(text(payload))"
        case .close(let close): "close \(close.code ?? 0)"
        }
      return "\(action.client): \(what) +\(action.delay / 1_000)"
    } + (response.complaint.map { [$0.hasPrefix("no ") ? "no answer" : $0] } ?? [])
  }

  private func text(_ payload: RecordedPayload) -> String { self.payload(for: payload).text }

  /// Opens a client and joins `/`; returns its number.
  mutating func join(_ handshake: MockHandshake = .plain, auth: String = "{}") -> Int {
    let (client, _) = sessionOpened(handshake)
    _ = connectArrived(client, "/", Tape.payload(auth))
    return client
  }

  mutating func emit(_ client: Int, _ event: String, _ args: String, id: Int? = nil) -> [String] {
    let response = emitArrived(client, "/", Tape.emit(event, args, id: id))
    return words(response)
  }
}

extension MockHandshake {
  static let plain = MockHandshake(eio: 4, isWebSocket: true, path: "/socket.io/", query: [])
}
