import CaptureFormat
import JSONText
import RecordedSessions

/// Decides what the mock answers: a value without clock and sockets, told what clients do.
///
/// Each client plays one of the recorded sessions: the first that none has played yet and that fits its handshake, its namespaces
/// and what it emits. An emit is taken for the recorded one of the same event whose arguments are equal, or else most alike, and of
/// equals for the first; it gets that one's ack, and sets off what the recorded server then did. What clients send otherwise than
/// recorded, such as a message's text, is put in the place of the recorded value in what they get.
package struct MockScript: Sendable {
  private struct Client {
    var handshake: MockHandshake
    /// The place of the recorded session that it plays; nil where none is left.
    var session: Int?
    /// Steps of that session that it has taken.
    var taken: Set<Int> = []
    var namespaces: [String] = []
    /// What it emitted, in order.
    var emits: [(namespace: String, emit: RecordedEmit)] = []
  }

  private struct EventKey: Hashable {
    var namespace: String
    var event: String
  }

  private let recording: Recording
  private let effects: RecordedEffects
  private let loops: Bool
  private let isStrict: Bool
  private let rules = ComparisonRules()
  private let origins = ValueOrigins()
  private var emits: [EventKey: [StepPlace]] = [:]
  private var connects: [String: [StepPlace]] = [:]
  private var clients: [Int: Client] = [:]
  private var nextClient = 1
  /// Recorded sessions that no client has played in this round.
  private var free: [Int]
  private var usedRefusals: Set<Int> = []
  private var learned = LearnedValues()

  /// What was answered so far.
  package private(set) var answered = 0
  package private(set) var unanswered = 0

  /// Recorded emits of one event that are held against one that came, at most.
  private static let candidates = 64

  /// - Parameters:
  ///   - loops: all sessions can be played again once each was.
  ///   - isStrict: nothing but what the client's own session has is an answer, and each recorded emit answers once.
  package init(_ recording: Recording, loops: Bool, isStrict: Bool) {
    self.recording = recording
    self.loops = loops
    self.isStrict = isStrict
    effects = RecordedEffects(recording)
    free = Array(recording.sessions.indices)
    for (session, recorded) in recording.sessions.enumerated() {
      for (step, each) in recorded.steps.enumerated() where each.from == .client {
        let place = StepPlace(session: session, step: step)
        switch each.kind {
        case .emit(let emit):
          emits[EventKey(namespace: each.namespace, event: emit.event), default: []].append(place)
        case .connect: connects[each.namespace, default: []].append(place)
        default: break
        }
      }
    }
  }

  // MARK: sessions

  /// Why a handshake is refused now, or nil where the client is welcome.
  package func refusal(of handshake: MockHandshake) -> MockRefusal? {
    let paths = Set(
      recording.sessions.map { Self.path($0.handshake.path) }
        + recording.refusals.map { Self.path($0.handshake.path) })
    guard paths.contains(Self.path(handshake.path)) else {
      let known = paths.sorted().joined(separator: ", ")
      return MockRefusal(
        status: 404, message: "not found",
        complaint: "no answer: a handshake on \(handshake.path); recorded were \(known)")
    }
    if let place = recordedRefusal(of: handshake) {
      let recorded = recording.refusals[place]
      return MockRefusal(status: recorded.status, code: recorded.code, message: recorded.message ?? "")
    }
    if isStrict, !loops, free.isEmpty {
      return MockRefusal(
        status: 403, code: 4, message: "no recorded session is left",
        complaint: "no answer: a handshake; all \(recording.sessions.count) recorded sessions were played")
    }
    return nil
  }

  /// A refused client was told so.
  package mutating func refusalGiven(to handshake: MockHandshake) {
    if let place = recordedRefusal(of: handshake) {
      usedRefusals.insert(place)
      answered += 1
    } else {
      unanswered += 1
    }
  }

  private func recordedRefusal(of handshake: MockHandshake) -> Int? {
    let place = recording.refusals.indices.first { place in
      let recorded = recording.refusals[place]
      return !usedRefusals.contains(place) && recorded.eio == handshake.eio
        && Self.path(recorded.handshake.path) == Self.path(handshake.path)
        && Self.isSame(recorded.handshake.query, handshake.query)
    }
    guard let place else { return nil }
    // Where a session fits as well, what came first in the recording comes first.
    let fitting = free.first { Self.likeness(recording.sessions[$0], handshake) >= 6 }
    if let fitting, recording.sessions[fitting].seq < recording.refusals[place].seq { return nil }
    return place
  }

  /// A session was opened; returns the client's number and what follows from the opening.
  package mutating func sessionOpened(_ handshake: MockHandshake) -> (client: Int, response: MockResponse) {
    let number = nextClient
    nextClient += 1
    var response = MockResponse()
    if free.isEmpty, loops { free = Array(recording.sessions.indices) }
    let best = free.indices.max { left, right in
      let likeness = (
        Self.likeness(recording.sessions[free[left]], handshake),
        Self.likeness(recording.sessions[free[right]], handshake)
      )
      return likeness.0 != likeness.1 ? likeness.0 < likeness.1 : left > right
    }
    let session = best.map { free.remove(at: $0) }
    clients[number] = Client(handshake: handshake, session: session)
    if let session {
      response.actions = follow(StepPlace(session: session, step: StepPlace.opening), client: number)
    } else {
      unanswered += 1
      response.complaint =
        "no recorded session is left for client \(number): its emits are answered from all of them, and no events come at their time (--loop begins again)"
    }
    return (number, response)
  }

  /// A session is over.
  package mutating func sessionEnded(_ client: Int) { clients[client] = nil }

  private static func path(_ path: String) -> String {
    String(path.reversed().drop { $0 == "/" }.reversed())
  }

  /// 4 for the revision, 2 for the query, 1 for the transport.
  private static func likeness(_ session: RecordedSession, _ handshake: MockHandshake) -> Int {
    guard path(session.handshake.path) == path(handshake.path) else { return -1 }
    return (session.eio == handshake.eio ? 4 : 0)
      + (isSame(session.handshake.query, handshake.query) ? 2 : 0)
      + ((session.handshake.transport == .websocket) == handshake.isWebSocket ? 1 : 0)
  }

  /// Whether two queries say the same; a redacted value is any.
  private static func isSame(
    _ recorded: [(name: String, value: String)], _ now: [(name: String, value: String)]
  )
    -> Bool
  {
    recorded.count == now.count
      && recorded.allSatisfy { pair in
        now.contains { $0.name == pair.name && ($0.value == pair.value || pair.value.contains("redacted:")) }
      }
  }

  // MARK: namespaces

  /// A client asks for a namespace.
  package mutating func connectArrived(_ number: Int, _ namespace: String, _ payload: RecordedPayload?)
    -> MockResponse
  {
    guard let client = clients[number] else { return MockResponse() }
    clients[number]?.namespaces.append(namespace)
    if client.emits.isEmpty { rebind(number, asking: namespace, payload) }
    let own = clients[number]?.session
    let taken = clients[number]?.taken ?? []
    let places = connects[namespace] ?? []
    let found =
      places.first { $0.session == own && !taken.contains($0.step) }
      ?? (isStrict ? nil : places.first { $0.session == own } ?? places.first)
    guard let found else {
      unanswered += 1
      let refusal = RecordedPayload(.object([("message", .string("Invalid namespace"))]))
      return MockResponse(
        actions: [MockAction(client: number, namespace: namespace, what: .refuse(refusal), delay: 0)],
        complaint: "no answer: client \(number) asked for the namespace \(namespace), which was not recorded")
    }
    if found.session == own { clients[number]?.taken.insert(found.step) }
    answered += 1
    return MockResponse(actions: answer(found, number) + follow(found, client: number))
  }

  /// What the recorded server answered to a CONNECT; where the capture stops before, the client is let in.
  private func answer(_ place: StepPlace, _ client: Int) -> [MockAction] {
    let session = recording.sessions[place.session]
    let asked = session.steps[place.step]
    for step in session.steps[(place.step + 1)...] where step.namespace == asked.namespace {
      switch (step.from, step.kind) {
      case (.server, .connectError(let payload)):
        return [
          MockAction(
            client: client, namespace: asked.namespace, what: .refuse(payload),
            delay: step.time.since(asked.time))
        ]
      case (.server, .connect):
        return [
          MockAction(
            client: client, namespace: asked.namespace, what: .connect, delay: step.time.since(asked.time))
        ]
      default: continue
      }
    }
    return [MockAction(client: client, namespace: asked.namespace, what: .connect, delay: 0)]
  }

  /// A client left a namespace.
  package mutating func disconnectArrived(_ number: Int, _ namespace: String) -> MockResponse {
    stepTaken(number) { step in
      if case .disconnect = step.kind { step.namespace == namespace } else { false }
    }
  }

  /// A client moved to a WebSocket.
  package mutating func upgraded(_ number: Int) -> MockResponse {
    stepTaken(number) { step in if case .upgrade = step.kind { true } else { false } }
  }

  private mutating func stepTaken(_ number: Int, _ isIt: (RecordedStep) -> Bool) -> MockResponse {
    guard let client = clients[number], let session = client.session else { return MockResponse() }
    let steps = recording.sessions[session].steps
    let found = steps.indices.first {
      steps[$0].from == .client && !client.taken.contains($0) && isIt(steps[$0])
    }
    guard let found else { return MockResponse() }
    clients[number]?.taken.insert(found)
    return MockResponse(actions: follow(StepPlace(session: session, step: found), client: number))
  }

  // MARK: emits

  /// A client emitted.
  package mutating func emitArrived(_ number: Int, _ namespace: String, _ emit: RecordedEmit)
    -> MockResponse
  {
    guard clients[number] != nil else { return MockResponse() }
    let found = recordedEmit(number, namespace, emit)
    clients[number]?.emits.append((namespace, emit))
    guard let place = found,
      case .emit(let recorded) = recording.sessions[place.session].steps[place.step].kind
    else {
      unanswered += 1
      return MockResponse(complaint: Self.complaint(number, namespace, emit, "nothing recorded is like it"))
    }
    if place.session == clients[number]?.session { clients[number]?.taken.insert(place.step) }
    learn(recorded.payload.value, emit.payload.value)
    var response = MockResponse()
    if let id = emit.id {
      if let index = recorded.ack, case .ack(let ack) = recording.sessions[place.session].steps[index].kind {
        answered += 1
        response.actions.append(
          MockAction(
            client: number, namespace: namespace, what: .ack(id: id, ack.payload),
            delay: Int64(recorded.latency ?? 0), seq: recording.sessions[place.session].steps[index].seq))
      } else if recorded.id == nil {
        unanswered += 1
        response.complaint = Self.complaint(
          number, namespace, emit, "it asks for an ack, and none was asked for in the recording")
      } else {
        // Nobody answered it then, and nobody does now.
        answered += 1
      }
    } else {
      answered += 1
    }
    response.actions += follow(place, client: number)
    response.order()
    return response
  }

  private static func complaint(
    _ client: Int, _ namespace: String, _ emit: RecordedEmit, _ reason: String
  ) -> String {
    var shown = ByteSink()
    emit.payload.text.withUnsafeBytes { _ = shown.append(terminalText: $0, columns: 200) }
    let id = emit.id.map { " id \($0)" } ?? ""
    return "no answer: client \(client) emitted \(TerminalText.harmless(namespace)) "
      + "\(TerminalText.harmless(emit.event))\(id) \(String(decoding: shown.bytes, as: UTF8.self)): \(reason)"
  }

  private mutating func recordedEmit(_ number: Int, _ namespace: String, _ emit: RecordedEmit) -> StepPlace? {
    guard let places = emits[EventKey(namespace: namespace, event: emit.event)] else { return nil }
    let own = clients[number]?.session
    let taken = clients[number]?.taken ?? []
    let best = mostAlike(
      places.lazy.filter { $0.session == own && !taken.contains($0.step) }.prefix(Self.candidates), emit)
    if let best, best.isEqual { return best.place }
    if let other = rebind(number, emitting: namespace, emit) { return other }
    if let best { return best.place }
    if isStrict { return nil }
    let others = mostAlike(places.lazy.filter { $0.session != own }.prefix(4 * Self.candidates), emit)
    let again = mostAlike(places.lazy.filter { $0.session == own }.prefix(Self.candidates), emit)
    if let again, again.isEqual || others == nil { return again.place }
    return others?.place
  }

  /// The recorded emit that is most like one that came; of equals the first.
  private func mostAlike(_ places: some Sequence<StepPlace>, _ emit: RecordedEmit) -> (
    place: StepPlace, isEqual: Bool
  )? {
    var best: (place: StepPlace, score: Int)?
    let value = emit.payload.value
    for place in places {
      guard case .emit(let recorded) = recording.sessions[place.session].steps[place.step].kind else {
        continue
      }
      var score: Int
      if recorded.payload.text == emit.payload.text
        && recorded.payload.attachments == emit.payload.attachments
      {
        score = Self.same
      } else {
        let comparison = PayloadComparison(
          expected: recorded.payload, actual: emit.payload, subject: .emit(event: emit.event), rules: rules,
          origins: origins, known: learned)
        score = comparison.isEqual ? Self.same / 2 : -2 * comparison.differences.count
        score += comparison.equalCount
        // Ids count as equal whatever they are; the same id is more alike.
        if comparison.isEqual, recorded.payload.value == value { score = Self.same }
      }
      // Where an ack is asked for, an emit that got one is the better answer.
      if (recorded.id == nil) != (emit.id == nil) { score -= Self.same / 4 }
      if score > best?.score ?? .min { best = (place, score) }
    }
    return best.map { ($0.place, $0.score >= Self.same / 2) }
  }

  private static let same = 1 << 30

  /// A client answered an event.
  package mutating func ackArrived(_ number: Int, of place: StepPlace, _ payload: RecordedPayload)
    -> MockResponse
  {
    guard case .emit(let emit) = recording.sessions[place.session].steps[place.step].kind,
      let index = emit.ack, case .ack(let recorded) = recording.sessions[place.session].steps[index].kind
    else { return MockResponse() }
    learn(recorded.payload.value, payload.value)
    return MockResponse(actions: follow(StepPlace(session: place.session, step: index), client: number))
  }

  // MARK: which session a client plays

  /// A client that has emitted nothing yet asks for a namespace: it may be another one than its handshake looked like.
  private mutating func rebind(_ number: Int, asking namespace: String, _ payload: RecordedPayload?) {
    guard let client = clients[number], let session = client.session else { return }
    func fits(_ candidate: Int) -> Bool {
      let recorded = recording.sessions[candidate]
      guard recorded.eio == client.handshake.eio else { return false }
      return client.namespaces.allSatisfy { name in
        recorded.steps.contains { step in
          guard step.from == .client, step.namespace == name, case .connect(let auth) = step.kind else {
            return false
          }
          guard name == namespace, let auth, let payload else { return true }
          return PayloadComparison(
            expected: auth, actual: payload, subject: nil, rules: rules, origins: origins, known: learned
          ).isEqual
        }
      }
    }
    if !fits(session), let other = free.first(where: fits) { bind(number, to: other) }
  }

  /// A client emits what its session does not have: where another, that nobody plays, has exactly what the client did so far
  /// and this, it is that one.
  private mutating func rebind(_ number: Int, emitting namespace: String, _ emit: RecordedEmit) -> StepPlace?
  {
    guard let client = clients[number], client.session != nil else { return nil }
    let done = client.emits + [(namespace, emit)]
    for candidate in free {
      let steps = recording.sessions[candidate].steps
      let places = steps.indices.filter { steps[$0].from == .client && steps[$0].kind.isEmit }.prefix(
        done.count)
      guard places.count == done.count else { continue }
      let isSame = zip(places, done).allSatisfy { place, mine in
        guard case .emit(let recorded) = steps[place].kind else { return false }
        return steps[place].namespace == mine.namespace && recorded.event == mine.emit.event
          && recorded.payload.text == mine.emit.payload.text
      }
      guard isSame, let last = places.last else { continue }
      bind(number, to: candidate)
      clients[number]?.taken = Set(
        steps.indices.filter { place in
          if case .connect = steps[place].kind { return steps[place].from == .client }
          return places.dropLast().contains(place)
        })
      return StepPlace(session: candidate, step: last)
    }
    return nil
  }

  private mutating func bind(_ number: Int, to session: Int) {
    if let former = clients[number]?.session {
      free.append(former)
      free.sort()
    }
    free.removeAll { $0 == session }
    clients[number]?.session = session
    clients[number]?.taken = []
  }

  // MARK: what follows

  /// What the recorded server did because of a step, for those who play the sessions in which it did it.
  private func follow(_ cause: StepPlace, client number: Int) -> [MockAction] {
    guard let places = effects.byCause[cause] else { return [] }
    let session = recording.sessions[cause.session]
    let began = cause.step >= 0 ? session.steps[cause.step].time : session.opened
    return places.compactMap { place in
      let receiver =
        place.session == cause.session ? number : clients.first { $0.value.session == place.session }?.key
      guard let receiver else { return nil }
      let other = recording.sessions[place.session]
      if place.step == other.steps.count {
        guard case .closed(let close) = other.ending else { return nil }
        return MockAction(
          client: receiver, namespace: "/", what: .close(close), delay: max(0, close.time.since(began)),
          seq: close.seq)
      }
      let step = other.steps[place.step]
      let delay = max(0, step.time.since(began))
      switch step.kind {
      case .emit(let emit):
        return MockAction(
          client: receiver, namespace: step.namespace, what: .emit(emit, place), delay: delay, seq: step.seq)
      case .disconnect:
        return MockAction(
          client: receiver, namespace: step.namespace, what: .disconnect, delay: delay, seq: step.seq)
      default: return nil
      }
    }
  }

  // MARK: values

  /// A recorded payload as it is sent now.
  package func payload(for recorded: RecordedPayload) -> JSONValue { learned.substituted(recorded.value) }

  /// Takes note of what a client sends otherwise than recorded.
  private mutating func learn(_ recorded: JSONValue, _ actual: JSONValue) {
    switch (recorded, actual) {
    case (.array(let first), .array(let second)):
      for (left, right) in zip(first, second) { learn(left, right) }
    case (.object(let members), .object):
      for member in members {
        if let other = actual[member.name] { learn(member.value, other) }
      }
    case (.string(let text), .string(let other)) where text.utf8.count >= 3:
      // What equals the recording again counts again, too.
      if text != other || learned.count > 0 { learned.learn(.string(text), actual) }
    case (.number(let literal), .number(let other)) where ScalarKey(recorded)?.isUnusual == true:
      if literal != other || learned.count > 0 { learned.learn(.number(literal), actual) }
    default: break
    }
  }
}
