import CaptureFormat
import JSONText

/// Holds what the server does in one session of a run against the recorded session.
///
/// Between two steps of a client lies a window: within it the server's steps are a set, whatever their order.
/// An event that comes earlier than recorded passes; one that comes later than its window, because somebody stopped waiting for
/// it, is missing. Acks are told by the emit they answer, and so need no window.
///
/// A value type without a clock: the caller says what came, when a window closes, and when all is over. `learned` is shared by
/// the sessions of one run.
package struct SessionComparison: Sendable {
  /// What has become of a step that the server took in the recording.
  private enum State: Sendable, Equatable {
    /// A step of the client.
    case client
    case due
    /// An event that is not compared: it is met when it comes, and not missed when it does not.
    case optional
    case came
    /// It did not come, and that was said or is no difference.
    case given
  }

  /// An event that no recorded step explains so far.
  private struct Unexplained: Sendable {
    var step: ArrivedStep
    var emit: RecordedEmit
    /// The client's step that it came behind, by place; -1 for none.
    var behind: Int
    /// The address of the latest step of any client then, where the caller said.
    var behindSeq: Int?
    /// Whether a window has closed since: it does not stand for a step that is still to come.
    var isStale = false
  }

  package let session: RecordedSession
  package let context: ComparisonContext
  /// What differs so far, in the order in which it was found.
  package private(set) var differences: [Difference] = []

  private var states: [State]
  private var arrivals: [Int: ArrivedStep] = [:]
  private var unexplained: [Unexplained] = []
  /// The first place that is still due; all before are settled.
  private var firstDue = 0
  /// The places of the server's emits, by namespace and event, and how many of them are settled from the front.
  private var eventPlaces: [EventKey: (places: [Int], first: Int)] = [:]
  private var lastClientStep = -1
  private var isOver = false
  private let hasRecovery: Bool

  /// The address of the latest step that any client of the run took: what comes unexpected is said to have come behind it.
  package var latestSeq: Int?

  /// - Parameter wanted: where events are not compared, the places of those that the client needs all the same; it needs
  ///   those that ask for an ack anyway.
  package init(session: RecordedSession, context: ComparisonContext, wanted: Set<Int> = []) {
    self.session = session
    self.context = context
    states = session.steps.enumerated().map { index, step in
      if step.from == .client { return .client }
      guard !context.comparesEvents, case .emit(let emit) = step.kind else { return .due }
      return emit.id != nil || wanted.contains(index) ? .optional : .given
    }
    for (index, step) in session.steps.enumerated() where step.from == .server {
      if case .emit(let emit) = step.kind, states[index] != .given {
        eventPlaces[EventKey(step.namespace, emit.event), default: ([], 0)].places.append(index)
      }
    }
    hasRecovery = session.steps.contains { step in
      guard case .connect(let payload) = step.kind, step.from == .server else { return false }
      return payload?.value["pid"] != nil
    }
    // What came behind the client's own end was on its way, or not: no run has to repeat it.
    if case .closed(let close) = session.ending, close.by == .client {
      for index in states.indices where session.steps[index].seq > close.seq && states[index] == .due {
        states[index] = .given
      }
    }
  }

  // MARK: what happened

  /// The client took a step.
  package mutating func clientStepTaken(_ index: Int) { lastClientStep = max(lastClientStep, index) }

  /// The client could not take a step: what answers it is not waited for.
  package mutating func clientStepSkipped(_ index: Int) {
    if case .emit(let emit) = session.steps[index].kind, let ack = emit.ack, states[ack] == .due {
      states[ack] = .given
    }
  }

  /// The server took a step; returns the place of the recorded step that it is, where that is clear at once.
  @discardableResult
  package mutating func serverStepCame(_ step: ArrivedStep, learned: inout LearnedValues) -> Int? {
    guard !isOver else { return nil }
    switch step.kind {
    case .emit(let emit): return eventCame(step, emit, &learned)
    case .ack(let ack): return ackCame(step, ack, &learned)
    case .connect, .connectError: return answerCame(step, &learned)
    case .disconnect:
      if let index = firstDue(where: {
        if case .disconnect = $0.kind { $0.namespace == step.namespace } else { false }
      }) {
        came(index, step)
        return index
      }
      differences.append(
        difference(
          .disconnectUnexpected, step.namespace,
          "the server put the client out of \(step.namespace); in the recording it did not"))
      return nil
    case .upgrade: return nil
    }
  }

  /// Whether a step of the server is no longer waited for: it came, or it was given up.
  package func isSettled(_ index: Int) -> Bool { states[index] != .due && states[index] != .optional }

  /// What came for a recorded step of the server: the ack id of an emit that is to be answered is in it.
  package func arrival(of index: Int) -> ArrivedStep? { arrivals[index] }

  /// Whether everything that the server did before a record, `seq`, has come, or something in its place.
  package mutating func isSettled(before seq: Int) -> Bool { firstUnsettled(before: seq) == nil }

  /// The place of the first step of the server before `seq` that has not come and for which nothing else stands.
  package mutating func firstUnsettled(before seq: Int) -> Int? {
    advance()
    guard firstDue < states.count, session.steps[firstDue].seq < seq else { return nil }
    var standIns: [EventKey: Int] = [:]
    for each in unexplained where !each.isStale {
      standIns[EventKey(each.step.namespace, each.emit.event), default: 0] += 1
    }
    for index in firstDue..<states.count where states[index] == .due {
      let step = session.steps[index]
      if step.seq >= seq { return nil }
      if case .emit(let emit) = step.kind {
        let key = EventKey(step.namespace, emit.event)
        if let count = standIns[key], count > 0 {
          standIns[key] = count - 1
          continue
        }
      }
      return index
    }
    return nil
  }

  /// The next step of a client is taken although not all of what it followed may have come: what is missing is
  /// missing, and what came in its place is held against it.
  package mutating func windowClosed(before seq: Int, learned: inout LearnedValues) {
    advance()
    guard !isOver else { return }
    var index = firstDue
    var missing: [Int] = []
    while index < states.count, session.steps[index].seq < seq {
      if states[index] == .due { missing.append(index) }
      index += 1
    }
    if !missing.isEmpty { judge(missing, &learned) }
    for place in unexplained.indices { unexplained[place].isStale = true }
  }

  /// The session ended by the server, or by the network.
  ///
  /// - Parameters:
  ///   - isPlayedOut: whether the client has taken every step before the recorded end.
  package mutating func serverClosed(
    manner: RecordedClose.Manner, code: Int?, reason: String?, isPlayedOut: Bool, learned: inout LearnedValues
  ) {
    guard !isOver else { return }
    let how = Self.words(manner: manner, code: code, reason: reason)
    if case .closed(let recorded) = session.ending, recorded.by == .server, isPlayedOut {
      windowClosed(before: recorded.seq, learned: &learned)
      if recorded.code != code, recorded.manner == .frame || manner == .frame {
        let was = Self.words(manner: recorded.manner, code: recorded.code, reason: recorded.reason)
        differences.append(
          Difference(
            .closeChanged, session: session.number, seq: recorded.seq, time: recorded.time,
            words: "the server closed the session \(how); recorded was \(was)"))
      }
      finish(&learned)
      return
    }
    if hasLeftNamespaces {
      windowClosed(before: .max, learned: &learned)
      return finish(&learned)
    }
    let due = states.indices.filter { states[$0] == .due }
    let lost = due.isEmpty ? "" : "; \(due.count) recorded steps of the server did not come"
    let left = session.steps.indices.count { $0 > lastClientStep && states[$0] == .client }
    let unplayed = left == 0 ? "" : "; \(left) steps of the client were not played"
    var difference = difference(
      .closeUnexpected, nil,
      "the server closed the session \(how); in the recording it stayed open here\(lost)\(unplayed)")
    if let first = due.first {
      difference.expected = Self.words(of: session.steps[first]) + " (seq \(session.steps[first].seq))"
    }
    differences.append(difference)
    for index in due { states[index] = .given }
    finish(&learned)
  }

  /// The run of this session is over: the client has left, or everything was played and time was given for more.
  ///
  /// - Parameter stillOpen: whether the server had not closed the session by then.
  package mutating func ended(stillOpen: Bool, learned: inout LearnedValues) {
    guard !isOver else { return }
    windowClosed(before: .max, learned: &learned)
    if stillOpen, case .closed(let recorded) = session.ending, recorded.by == .server {
      differences.append(
        Difference(
          .closeMissing, session: session.number, seq: recorded.seq, time: recorded.time,
          words: "the server did not close the session; in the recording it did, "
            + Self.words(manner: recorded.manner, code: recorded.code, reason: recorded.reason)))
    }
    finish(&learned)
  }

  /// The session could not be opened at all: nothing in it is compared.
  package mutating func couldNotOpen(_ kind: Difference.Kind, words: String) {
    guard !isOver else { return }
    isOver = true
    differences.append(
      Difference(kind, session: session.number, seq: session.seq, time: session.opened, words: words))
    for index in states.indices where states[index] == .due { states[index] = .given }
  }

  /// The run is ended in the middle: what has not come yet is not missing, and what was not explained yet not unexpected.
  package mutating func stopped() {
    isOver = true
    unexplained = []
    for index in states.indices where states[index] == .due { states[index] = .given }
  }

  /// Something that the caller found out by itself.
  package mutating func add(_ difference: Difference) { differences.append(difference) }

  // MARK: events

  private mutating func eventCame(_ step: ArrivedStep, _ emit: RecordedEmit, _ learned: inout LearnedValues)
    -> Int?
  {
    advance()
    // The nearest equal one that is due; looking far ahead costs time and finds only coincidence.
    let key = EventKey(step.namespace, emit.event)
    guard var queue = eventPlaces[key] else { return unexplained(step, emit) }
    while queue.first < queue.places.count, !isOpen(queue.places[queue.first]) { queue.first += 1 }
    eventPlaces[key] = queue
    var looked = 0
    var found: (index: Int, comparison: PayloadComparison)?
    var isAmbiguous = !context.comparesEvents
    for index in queue.places[queue.first...] where isOpen(index) {
      guard looked < Self.lookAhead else { break }
      guard case .emit(let recorded) = session.steps[index].kind, (recorded.id == nil) == (emit.id == nil)
      else {
        continue
      }
      looked += 1
      let comparison = compare(index, recorded.payload, emit.payload, .emit(event: emit.event), learned)
      guard comparison.isEqual else { continue }
      guard let first = found else {
        found = (index, comparison)
        // With nothing to learn it does not matter which one it is.
        if comparison.learned.isEmpty || isAmbiguous { break }
        looked = max(looked, Self.lookAhead - Self.ambiguityLookAhead)
        continue
      }
      if recorded.payload.text != session.steps[first.index].payload?.text {
        isAmbiguous = true
        break
      }
    }
    if let found {
      learn(found.comparison, &learned, isWeak: isAmbiguous)
      came(found.index, step)
      return found.index
    }
    return unexplained(step, emit)
  }

  private mutating func unexplained(_ step: ArrivedStep, _ emit: RecordedEmit) -> Int? {
    if context.comparesEvents || emit.event == "exception" {
      unexplained.append(Unexplained(step: step, emit: emit, behind: lastClientStep, behindSeq: latestSeq))
    }
    return nil
  }

  private func isOpen(_ index: Int) -> Bool { states[index] == .due || states[index] == .optional }

  /// Further events that are looked at to see whether it is sure which one came.
  private static let ambiguityLookAhead = 4
  /// Events of one name that are held against one that came, at most.
  private static let lookAhead = 64

  private mutating func judge(_ missing: [Int], _ learned: inout LearnedValues) {
    for index in missing {
      let step = session.steps[index]
      states[index] = .given
      switch step.kind {
      case .emit(let recorded): judgeEvent(index, step, recorded, &learned)
      case .ack(let ack): judgeAck(index, step, ack)
      case .connect:
        differences.append(
          aboutStep(.connectMissing, step, "the server did not answer the CONNECT to \(step.namespace)"))
      case .connectError:
        differences.append(
          aboutStep(.connectMissing, step, "the server did not refuse the CONNECT to \(step.namespace)"))
      case .disconnect:
        differences.append(
          aboutStep(.disconnectMissing, step, "the server did not put the client out of \(step.namespace)"))
      case .upgrade: break
      }
    }
  }

  private mutating func judgeEvent(
    _ index: Int, _ step: RecordedStep, _ recorded: RecordedEmit, _ learned: inout LearnedValues
  ) {
    var best: (place: Int, comparison: PayloadComparison)?
    for (place, each) in unexplained.enumerated()
    where each.emit.event == recorded.event && each.step.namespace == step.namespace {
      let comparison = compare(
        index, recorded.payload, each.emit.payload, .emit(event: recorded.event), learned)
      // What came before the window can only be the step itself, not a changed one.
      if each.isStale, !comparison.isEqual { continue }
      if best == nil || Self.score(comparison) > Self.score(best?.comparison) { best = (place, comparison) }
    }
    guard let best else {
      var difference = aboutStep(.eventMissing, step, "event '\(recorded.event)' did not come")
      difference.expected = Self.text(recorded.payload)
      differences.append(difference)
      return
    }
    let actual = unexplained.remove(at: best.place)
    arrivals[index] = actual.step
    learn(best.comparison, &learned)
    if !best.comparison.isEqual {
      differences.append(
        changed(
          .eventChanged, step, "event '\(recorded.event)' came with other arguments", recorded.payload,
          actual.emit.payload, best.comparison))
    } else if (recorded.id == nil) != (actual.emit.id == nil) {
      let words =
        recorded.id == nil
        ? "event '\(recorded.event)' came asking for an ack"
        : "event '\(recorded.event)' came without asking for an ack"
      differences.append(
        changed(.eventChanged, step, words, recorded.payload, actual.emit.payload, best.comparison))
    }
  }

  private static func score(_ comparison: PayloadComparison?) -> Int {
    comparison.map { $0.equalCount - 2 * $0.differences.count } ?? .min
  }

  // MARK: acks

  private mutating func ackCame(_ step: ArrivedStep, _ ack: RecordedAck, _ learned: inout LearnedValues)
    -> Int?
  {
    guard let place = ack.emit, session.steps.indices.contains(place),
      case .emit(let emit) = session.steps[place].kind
    else { return nil }
    guard let index = emit.ack, case .ack(let recorded) = session.steps[index].kind else {
      if isTailOpen || context.hasHoles { return nil }
      var difference = Difference(
        .ackUnexpected, session: session.number, seq: session.steps[place].seq,
        time: session.steps[place].time,
        namespace: step.namespace, event: emit.event,
        words: "an ack of '\(emit.event)' came; in the recording there was none")
      difference.actual = Self.text(ack.payload)
      differences.append(difference)
      return nil
    }
    guard states[index] != .came else {
      differences.append(
        Difference(
          .ackUnexpected, session: session.number, seq: session.steps[place].seq,
          time: session.steps[place].time,
          namespace: step.namespace, event: emit.event, words: "'\(emit.event)' was acknowledged twice"))
      return nil
    }
    if let question = unaskedQuestion(from: place, to: index) {
      differences.append(
        aboutStep(
          .orderOfCause, session.steps[index],
          "the ack of '\(emit.event)' (seq \(session.steps[place].seq)) came before the server had asked '\(question.event)', "
            + "whose answer it followed in the recording", event: emit.event))
    }
    // One that came after its window was said to be missing already.
    let isLate = states[index] == .given
    let comparison = compare(index, recorded.payload, ack.payload, .ack(event: emit.event), learned)
    learn(comparison, &learned)
    came(index, step)
    if !isLate, !comparison.isEqual {
      differences.append(
        changed(
          .ackChanged, session.steps[index],
          "the ack of '\(emit.event)' (seq \(session.steps[place].seq)) says something else",
          recorded.payload, ack.payload, comparison, event: emit.event))
    }
    return index
  }

  /// What the server had asked the client between an emit and its ack, and has not asked now: its answer was the ack's cause, where
  /// nothing else was going on.
  private func unaskedQuestion(from emit: Int, to ack: Int) -> RecordedEmit? {
    guard context.comparesEvents, ack > emit + 1, context.isAlone(emit: session.steps[emit].seq) else {
      return nil
    }
    for index in emit + 1..<ack where states[index] == .due {
      guard case .emit(let question) = session.steps[index].kind, let answer = question.ack, answer < ack
      else { continue }
      return question
    }
    return nil
  }

  private mutating func judgeAck(_ index: Int, _ step: RecordedStep, _ ack: RecordedAck) {
    guard let place = ack.emit, case .emit(let emit) = session.steps[place].kind else { return }
    let asked = session.steps[place]
    var difference = Difference(
      .ackMissing, session: session.number, seq: step.seq, time: step.time, namespace: step.namespace,
      event: emit.event, words: "no ack of '\(emit.event)' (seq \(asked.seq)) came",
      expected: Self.text(ack.payload))
    if let place = unexplained.firstIndex(where: {
      !$0.isStale && $0.emit.event == "exception" && $0.step.namespace == step.namespace
    }) {
      let exception = unexplained.remove(at: place)
      difference.kind = .exceptionInsteadOfAck
      difference.words =
        "instead of the ack of '\(emit.event)' (seq \(asked.seq)) the server sent an exception"
      difference.actual = Self.text(exception.emit.payload)
    }
    differences.append(difference)
  }

  // MARK: namespaces

  private mutating func answerCame(_ step: ArrivedStep, _ learned: inout LearnedValues) -> Int? {
    let found = firstDue { recorded in
      switch recorded.kind {
      case .connect, .connectError: recorded.namespace == step.namespace
      default: false
      }
    }
    guard let index = found else { return nil }
    let recorded = session.steps[index]
    came(index, step)
    switch (recorded.kind, step.kind) {
    case (.connect(let expected), .connect(let actual)),
      (.connectError(let expected), .connectError(let actual)):
      // The answer of revision 4 has no data, and a namespace's refusal may have none.
      guard let expected, let actual else { break }
      let comparison = compare(index, expected, actual, .connect, learned)
      learn(comparison, &learned)
      if !comparison.isEqual {
        differences.append(
          changed(
            .connectChanged, recorded, "the answer to the CONNECT to \(step.namespace) says something else",
            expected, actual, comparison))
      }
    case (.connect, .connectError(let actual)):
      var difference = aboutStep(
        .connectRefused, recorded, "the server refused the CONNECT to \(step.namespace)")
      difference.actual = actual.map(Self.text)
      differences.append(difference)
    default:
      var difference = aboutStep(
        .connectChanged, recorded,
        "the server accepted the CONNECT to \(step.namespace), which it had refused")
      difference.expected = recorded.payload.map(Self.text)
      differences.append(difference)
    }
    return index
  }

  // MARK: parts

  private mutating func finish(_ learned: inout LearnedValues) {
    isOver = true
    if !context.comparesEvents || context.hasHoles { unexplained = [] }
    for each in unexplained {
      if isTailOpen, each.behind >= lastRecordedClientStep { continue }
      var difference = difference(
        .eventUnexpected, each.step.namespace,
        "event '\(each.emit.event)' came; in the recording there was none here",
        behind: each.behind)
      if let seq = each.behindSeq {
        difference.seq = seq
        difference.time = nil
      }
      difference.event = each.emit.event
      difference.actual = Self.text(each.emit.payload)
      differences.append(difference)
    }
    unexplained = []
  }

  /// Whether the client has left by its own DISCONNECT and was about to close: who closes first is nobody's choice then.
  private var hasLeftNamespaces: Bool {
    guard case .closed(let close) = session.ending, close.by == .client, lastClientStep >= 0,
      lastClientStep == lastRecordedClientStep, case .disconnect = session.steps[lastClientStep].kind
    else { return false }
    return true
  }

  private var lastRecordedClientStep: Int { states.lastIndex(of: .client) ?? -1 }

  /// Whether the capture stopped so soon behind the session's last step that the server may have done more.
  private var isTailOpen: Bool {
    guard session.ending == .open, let last = session.steps.last else { return session.ending == .open }
    return context.recordingEnded.since(last.time) < 500_000
  }

  private mutating func came(_ index: Int, _ step: ArrivedStep) {
    states[index] = .came
    arrivals[index] = step
  }

  private mutating func advance() {
    while firstDue < states.count, states[firstDue] != .due { firstDue += 1 }
  }

  private func firstDue(where matches: (RecordedStep) -> Bool) -> Int? {
    (firstDue..<states.count).first { states[$0] == .due && matches(session.steps[$0]) }
  }

  private func compare(
    _ index: Int, _ expected: RecordedPayload, _ actual: RecordedPayload, _ subject: PacketSubject,
    _ learned: LearnedValues
  ) -> PayloadComparison {
    PayloadComparison(
      expected: expected, actual: actual, subject: subject, rules: context.rules, origins: context.origins,
      known: learned, lastIsOffset: hasRecovery && session.steps[index].kind.isEmit)
  }

  private func learn(_ comparison: PayloadComparison, _ learned: inout LearnedValues, isWeak: Bool = false) {
    for pair in comparison.learned { learned.learn(pair.key, pair.value, isWeak: isWeak) }
  }

  private func difference(
    _ kind: Difference.Kind, _ namespace: String?, _ words: String, behind: Int? = nil
  ) -> Difference {
    let place = behind ?? lastClientStep
    let step = session.steps.indices.contains(place) ? session.steps[place] : nil
    return Difference(
      kind, session: session.number, seq: step?.seq ?? session.seq, time: step?.time ?? session.opened,
      namespace: namespace, words: words)
  }

  private func aboutStep(
    _ kind: Difference.Kind, _ step: RecordedStep, _ words: String, event: String? = nil
  ) -> Difference {
    var difference = Difference(
      kind, session: session.number, seq: step.seq, time: step.time, namespace: step.namespace, words: words)
    if case .emit(let emit) = step.kind { difference.event = emit.event }
    if let event { difference.event = event }
    return difference
  }

  private func changed(
    _ kind: Difference.Kind, _ step: RecordedStep, _ words: String, _ expected: RecordedPayload,
    _ actual: RecordedPayload, _ comparison: PayloadComparison, event: String? = nil
  ) -> Difference {
    var difference = aboutStep(kind, step, words)
    if let event { difference.event = event }
    difference.expected = Self.text(expected)
    difference.actual = Self.text(actual)
    difference.places = comparison.differences
    return difference
  }

  private static func text(_ payload: RecordedPayload) -> String {
    String(decoding: payload.text, as: UTF8.self)
  }

  /// What a recorded step is, for people.
  package static func words(of step: RecordedStep) -> String {
    switch step.kind {
    case .emit(let emit): "event '\(emit.event)'"
    case .ack(let ack): "the ack with id \(ack.id)"
    case .connect: "the answer to the CONNECT to \(step.namespace)"
    case .connectError: "the refusal of \(step.namespace)"
    case .disconnect: "the DISCONNECT from \(step.namespace)"
    case .upgrade: "the upgrade"
    }
  }

  private static func words(manner: RecordedClose.Manner, code: Int?, reason: String?) -> String {
    let said = reason.map { $0.isEmpty ? "" : " (\($0))" } ?? ""
    return switch manner {
    case .packet: "by a close packet"
    case .frame: code.map { "with code \($0)\(said)" } ?? "by a bare close frame"
    case .connection: "by ending the connection"
    case .refusal: code.map { "by answering with status \($0)" } ?? "by refusing a request"
    }
  }
}

/// An event within a namespace.
private struct EventKey: Hashable {
  var namespace: String
  var event: String

  init(_ namespace: String, _ event: String) {
    self.namespace = namespace
    self.event = event
  }
}
