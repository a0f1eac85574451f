import CaptureFormat
import JSONText
import NIOCore
import RecordedSessions
import SocketIOPackets
import SocketIOPeers

/// Plays one copy of a recording against a server, on one event loop.
///
/// In causal pace there is one cursor over the actions of all clients, in the order of the capture: an action waits until
/// everything that the server had done before it has come, in every session. So a client that joined a room before another one spoke
/// has joined it this time, too.
final class ReplayCopy {
  private let recording: Recording
  private let plan: ReplayPlan
  private let endpoint: ReplayEndpoint
  private let loop: any EventLoop
  private let order: ReplayOrder
  private let needs: ReplayNeeds?
  private let progress: (Int, Int) -> Void
  private let done: EventLoopPromise<CopyOutcome>

  private var sessions: [PlayedSession] = []
  private var substitution: Substitution
  private var outcome: CopyOutcome
  private var others: [Difference] = []
  private let started = NIODeadline.now()

  private var cursor = 0
  private var isAdvancing = false
  private var asksAgain = false
  /// The session that is waited for; what comes in others changes nothing.
  private var blocker: Int?
  private var deadline: Scheduled<Void>?
  private var timer: Scheduled<Void>?
  private var lastAction = NIODeadline.now()
  /// The address of the latest action; nil at full speed, where it says nothing.
  private var latestSeq: Int?
  private var opensUnderWay = 0
  private var timeouts = 0
  private var leaving = 0
  private var isFinishing = false
  private var hasFinished = false
  private var refusalClients: [Int: ReplayClient] = [:]
  private var skippedIncomplete = 0

  init(
    recording: Recording, plan: ReplayPlan, endpoint: ReplayEndpoint, number: Int, context: ComparisonContext,
    loop: any EventLoop, progress: @escaping (_ played: Int, _ differences: Int) -> Void
  ) {
    self.recording = recording
    self.plan = plan
    self.endpoint = endpoint
    self.loop = loop
    self.progress = progress
    order = ReplayOrder(recording)
    needs = plan.pace == .max ? ReplayNeeds(recording, binds: plan.binds) : nil
    substitution = Substitution(sets: plan.sets, binds: plan.binds, copy: number)
    outcome = CopyOutcome(number: number)
    done = loop.makePromise(of: CopyOutcome.self)
    sessions = recording.sessions.enumerated().map {
      PlayedSession(place: $0, recorded: $1, context: context, wanted: needs?.wanted(of: $0) ?? [])
    }
    for (index, action) in order.actions.enumerated() {
      if case .refusedHandshake = action.kind { continue }
      sessions[action.session].actions.append(index)
    }
  }

  /// Plays all of it; the future never fails.
  func run() -> EventLoopFuture<CopyOutcome> {
    if plan.pace == .max {
      for (index, action) in order.actions.enumerated() {
        if case .refusedHandshake = action.kind { take(index) }
      }
      for session in sessions { advance(session) }
      finishIfPlayed()
    } else {
      advance()
    }
    return done.futureResult
  }

  /// Stops playing: what is open is left, and the outcome tells what was seen until now.
  func stop() {
    guard !isFinishing else { return }
    outcome.isStopped = true
    outcome.notes.append("stopped before everything was played")
    for session in sessions { session.comparison.stopped() }
    outcome.unplayed += order.actions.count - cursor
    cursor = order.actions.count
    finish()
  }

  // MARK: one cursor for all

  private func advance() {
    guard plan.pace != .max, !isFinishing else { return }
    if isAdvancing {
      asksAgain = true
      return
    }
    isAdvancing = true
    defer { isAdvancing = false }
    repeat {
      asksAgain = false
      while cursor < order.actions.count, !isFinishing, takeNext() {}
    } while asksAgain
    if cursor == order.actions.count, !isFinishing { waitForTheEnd() }
  }

  /// Takes the next action if it may be taken; returns whether it was.
  private func takeNext() -> Bool {
    let action = order.actions[cursor]
    if isPassedOver(action) {
      outcome.unplayed += 1
    } else {
      guard isReady(action) else {
        startDeadline(beyond: action.gap) { [weak self] in self?.giveUpWaiting() }
        return false
      }
      guard isDue(action) else { return false }
      if let close = deadline {
        close.cancel()
        deadline = nil
      }
      blocker = nil
      for session in sessions {
        session.comparison.windowClosed(before: action.seq, learned: &substitution.learned)
      }
      take(cursor)
    }
    cursor += 1
    lastAction = .now()
    tellProgress(cursor)
    return true
  }

  private func isPassedOver(_ action: ReplayOrder.Action) -> Bool {
    if case .refusedHandshake = action.kind { return false }
    return sessions[action.session].status == .over
  }

  private func isReady(_ action: ReplayOrder.Action) -> Bool {
    guard opensUnderWay == 0 else { return false }
    if case .step(let index) = action.kind {
      let session = sessions[action.session]
      guard session.joining.isEmpty else { return false }
      if session.isUpgrading, session.recorded.steps[index].transport == .websocket { return false }
    }
    return isSettled(before: action.seq)
  }

  private func isSettled(before seq: Int) -> Bool {
    if let place = blocker, !sessions[place].isSettled(before: seq) { return false }
    blocker = sessions.first { !$0.isSettled(before: seq) }?.place
    return blocker == nil
  }

  /// Whether the action's time has come; starts the clock where it has not.
  private func isDue(_ action: ReplayOrder.Action) -> Bool {
    var due = lastAction
    if case .recorded(let speed) = plan.pace, let first = order.actions.first {
      let offset = Double(max(action.time.since(first.time), 0)) / speed
      due = max(due, started + .microseconds(Int64(min(offset, 1e14))))
    }
    // What a server sends unasked right behind the last step is seen only by a client that still listens.
    if case .close = action.kind { due = max(due, lastAction + .microseconds(min(action.quiet, 100_000))) }
    guard due > .now() else { return true }
    timer?.cancel()
    timer = loop.assumeIsolated().scheduleTask(deadline: due) { [weak self] in self?.advance() }
    return false
  }

  /// How often something may be waited for in vain before waiting becomes shorter.
  private static let patientTimeouts = 3

  private func startDeadline(beyond gap: Int64, _ late: @escaping () -> Void) {
    guard deadline == nil else { return }
    deadline = loop.assumeIsolated().scheduleTask(in: patience(beyond: gap)) { [weak self] in
      self?.deadline = nil
      late()
    }
  }

  /// Of requests one after the other on connections that are yet to be made: more than a packet gets.
  private var handshakePatience: TimeAmount { .nanoseconds(patience(beyond: 0).nanoseconds * 4) }

  private func patience(beyond gap: Int64) -> TimeAmount {
    let parts = plan.timeout.components
    var limit = parts.seconds * 1_000_000 + parts.attoseconds / 1_000_000_000_000
    // A server that has lost this much already is not given the same time again and again.
    if timeouts >= Self.patientTimeouts { limit /= 5 }
    return .microseconds(limit + gap)
  }

  /// What has not come by now is missing; the action is taken without it.
  private func giveUpWaiting() {
    guard cursor < order.actions.count, !isFinishing else { return }
    // A handshake or an upgrade ends by itself, one way or the other.
    guard opensUnderWay == 0 else { return advance() }
    timeouts += 1
    giveUp(before: order.actions[cursor].seq)
    blocker = nil
    sessions[order.actions[cursor].session].joining = []
    advance()
  }

  private func giveUp(before seq: Int) {
    for session in sessions where session.status != .over {
      session.comparison.windowClosed(before: seq, learned: &substitution.learned)
      guard case .closed(let close) = session.recorded.ending, close.by == .server, close.seq < seq else {
        continue
      }
      // The close that was recorded here did not come: the client leaves by itself.
      session.comparison.ended(stillOpen: true, learned: &substitution.learned)
      leave(session, .frame)
    }
  }

  // MARK: each session for itself

  /// Emits of one session that may wait for their acks at once, at full speed.
  private static let window = 64

  private func advance(_ session: PlayedSession) {
    guard plan.pace == .max, !session.isAdvancing, !isFinishing else { return }
    session.isAdvancing = true
    var played = 0
    while session.next < session.actions.count, session.status != .over {
      let action = order.actions[session.actions[session.next]]
      guard mayTake(action, session) else {
        startDeadline(session)
        break
      }
      session.deadline?.cancel()
      session.deadline = nil
      take(session.actions[session.next])
      session.next += 1
      played += 1
    }
    session.isAdvancing = false
    if session.status == .over {
      outcome.unplayed += session.actions.count - session.next
      played += session.actions.count - session.next
      session.next = session.actions.count
    }
    if played > 0 {
      cursor += played
      tellProgress(cursor)
    }
    finishIfPlayed()
  }

  private func mayTake(_ action: ReplayOrder.Action, _ session: PlayedSession) -> Bool {
    session.waitsFor = nil
    switch action.kind {
    case .refusedHandshake: return true
    case .open: return true
    case .close: return session.status == .open && session.isSettled(before: action.seq)
    case .step(let index):
      guard session.status == .open, session.joining.isEmpty, session.client?.isBusy != true,
        session.pendingCount < Self.window
      else { return false }
      let step = session.recorded.steps[index]
      if session.isUpgrading, step.transport == .websocket { return false }
      switch step.kind {
      case .upgrade, .connect: break
      case .ack(let ack): if let emit = ack.emit, !session.comparison.isSettled(emit) { return false }
      case .emit, .disconnect, .connectError:
        guard session.hasJoined(step.namespace, before: index) else { return false }
        if case .disconnect = step.kind, !session.isSettled(before: action.seq) { return false }
      }
      for source in needs?[session.place, index] ?? []
      where !sessions[source.session].comparison.isSettled(source.step)
        && sessions[source.session].status != .over
      {
        session.waitsFor = source.session
        return false
      }
      return true
    }
  }

  private func startDeadline(_ session: PlayedSession) {
    guard session.deadline == nil else { return }
    session.deadline = loop.assumeIsolated().scheduleTask(in: patience(beyond: 0)) { [weak self] in
      guard let self else { return }
      session.deadline = nil
      guard session.next < session.actions.count, session.status == .open, !isFinishing else { return }
      // Whatever is being waited for, it did not come.
      timeouts += 1
      session.joining = []
      let action = order.actions[session.actions[session.next]]
      if session.client?.isBusy != true, session.pendingCount < Self.window || session.waitsFor == nil {
        session.comparison.windowClosed(before: action.seq, learned: &substitution.learned)
        take(session.actions[session.next])
        session.next += 1
        cursor += 1
      }
      advance(session)
    }
  }

  private func finishIfPlayed() {
    guard plan.pace == .max, !isFinishing, opensUnderWay == 0,
      sessions.allSatisfy({ $0.next == $0.actions.count })
    else { return }
    waitForTheEnd()
  }

  // MARK: actions

  private func take(_ index: Int) {
    let action = order.actions[index]
    if plan.pace != .max { latestSeq = action.seq }
    switch action.kind {
    case .open: open(sessions[action.session])
    case .step(let step): take(step, of: sessions[action.session])
    case .close(let recorded): close(sessions[action.session], recorded)
    case .refusedHandshake(let place): tryRefused(place)
    }
  }

  private func handshake(_ recorded: RecordedHandshake, version: Int) -> ClientHandshake {
    ClientHandshake(recorded, version: version, endpoint: endpoint, plan: plan)
  }

  private func open(_ session: PlayedSession) {
    session.status = .opening
    opensUnderWay += 1
    let client = ReplayClient(
      endpoint: endpoint, handshake: handshake(session.recorded.handshake, version: session.recorded.eio),
      patience: handshakePatience, loop: loop)
    session.client = client
    client.stepArrived = { [weak self, unowned session] step in self?.stepArrived(step, session) }
    client.ended = { [weak self, unowned session] ending in self?.ended(ending, session) }
    client.drained = { [weak self, unowned session] in self?.advance(session) }
    client.open { [weak self, unowned session] result in
      guard let self else { return }
      opensUnderWay -= 1
      switch result {
      case .opened:
        outcome.sessions += 1
        session.status = .open
        joinImplied(session)
      case .refused(let status, let body):
        session.status = .over
        session.comparison.couldNotOpen(
          .handshakeFailed, words: "the server refused the handshake with status \(status)\(Self.said(body))")
      case .failed(let error):
        session.status = .over
        if case .unreachable = error, outcome.sessions == 0, outcome.unreachable == nil {
          outcome.unreachable = "\(error)"
          return finish()
        }
        session.comparison.couldNotOpen(.handshakeFailed, words: "the handshake failed: \(error)")
      }
      moved(session)
    }
  }

  /// What the body of a refusal says, in one line. Of pages for people the title is enough.
  static func said(_ body: String) -> String {
    var text = body[...]
    if let title = body.firstRange(of: "<title>")?.upperBound,
      let end = body[title...].firstRange(of: "</title>")?.lowerBound
    {
      text = body[title..<end]
    }
    let line = text.split { $0.isWhitespace }.joined(separator: " ").prefix(200)
    return line.isEmpty ? "" : ": \(line)"
  }

  private func joinImplied(_ session: PlayedSession) {
    guard session.recorded.beganBeforeCapture else { return }
    for namespace in session.impliedNamespaces {
      session.joining.insert(namespace)
      let auth = session.recorded.eio == 3 ? nil : plan.auth
      session.client?.send(
        packets(session, .connect, namespace: namespace, payload: auth))
    }
  }

  private func take(_ index: Int, of session: PlayedSession) {
    let step = session.recorded.steps[index]
    guard let client = session.client else { return }
    session.comparison.clientStepTaken(index)
    if let payload = step.payload, payload.isIncomplete {
      skippedIncomplete += 1
      outcome.unplayed += 1
      session.comparison.clientStepSkipped(index)
      return
    }
    switch step.kind {
    case .connect(let payload):
      var value: JSONValue?
      if session.recorded.eio != 3 {
        var given = payload?.value
        if let auth = plan.auth { given = given?.merged(with: auth) ?? auth }
        value = given.map { substitution.payload(for: RecordedPayload($0)) }
      }
      client.send(packets(session, .connect, namespace: step.namespace, payload: value))
    case .disconnect:
      client.send(packets(session, .disconnect, namespace: step.namespace, payload: nil))
    case .connectError: break
    case .upgrade:
      session.isUpgrading = true
      client.upgrade { [weak self, unowned session] problem in
        session.isUpgrading = false
        guard let self else { return }
        if let problem, session.status == .open {
          session.comparison.add(
            Difference(
              .upgradeFailed, session: session.recorded.number, seq: step.seq, time: step.time,
              words: "the move to a WebSocket failed: \(problem)"))
        }
        moved(session)
      }
    case .emit(let emit):
      let arguments = substitution.payload(for: emit.payload).array ?? []
      let name: JSONValue = emit.eventIsNumber ? .number(emit.event) : .string(emit.event)
      let id = emit.id == nil ? nil : session.idSent(for: index, namespace: step.namespace)
      outcome.emits += 1
      client.send(
        packets(
          session, .event, namespace: step.namespace, id: id, payload: .array([name] + arguments),
          attachments: emit.payload.attachments.compactMap { $0 }))
    case .ack(let ack):
      guard let place = ack.emit, case .emit(let asked)? = session.comparison.arrival(of: place)?.kind,
        let id = asked.id.flatMap({ Int($0) })
      else {
        // The emit that it answers did not come, and that is a difference of its own.
        outcome.unplayed += 1
        return
      }
      outcome.acks += 1
      client.send(
        packets(
          session, .ack, namespace: step.namespace, id: id, payload: substitution.payload(for: ack.payload),
          attachments: ack.payload.attachments.compactMap { $0 }))
    }
  }

  private func packets(
    _ session: PlayedSession, _ type: SocketPacketType, namespace: String, id: Int? = nil,
    payload: JSONValue?,
    attachments: [[UInt8]] = []
  ) -> [OutgoingPacket] {
    guard session.recorded.usesMsgpack else {
      return SocketPacketWriter.packets(
        type, namespace: namespace, id: id, payload: payload, attachments: attachments)
    }
    return [
      MsgpackPacketWriter.packet(
        type, namespace: namespace, id: id, payload: payload, attachments: attachments)
    ]
  }

  private func close(_ session: PlayedSession, _ close: RecordedClose) {
    session.comparison.ended(stillOpen: true, learned: &substitution.learned)
    leave(session, close.manner, code: close.code)
  }

  private func leave(_ session: PlayedSession, _ manner: RecordedClose.Manner, code: Int? = nil) {
    guard session.status == .open || session.status == .opening else { return }
    session.status = .over
    session.deadline?.cancel()
    leaving += 1
    session.client?.left = { [weak self, weak session] in
      session?.client = nil
      self?.hasLeft()
    }
    session.client?.stepArrived = nil
    session.client?.leave(manner, code: code)
  }

  private func hasLeft() {
    leaving -= 1
    if isFinishing, leaving == 0 { complete() }
  }

  /// A handshake that was refused is tried again, and must be refused again.
  private func tryRefused(_ place: Int) {
    let refusal = recording.refusals[place]
    opensUnderWay += 1
    let client = ReplayClient(
      endpoint: endpoint, handshake: handshake(refusal.handshake, version: refusal.eio),
      patience: handshakePatience, loop: loop)
    refusalClients[place] = client
    client.open { [weak self] result in
      guard let self else { return }
      opensUnderWay -= 1
      refusalClients[place] = nil
      let was = "\(refusal.status)" + (refusal.message.map { " (\($0))" } ?? "")
      switch result {
      case .opened:
        others.append(
          Difference(
            .refusalMissing, seq: refusal.seq, time: refusal.time,
            words: "the server accepted a handshake that it had refused with \(was)"))
        client.abandon()
      case .refused(let status, let body) where status != refusal.status:
        others.append(
          Difference(
            .refusalChanged, seq: refusal.seq, time: refusal.time,
            words:
              "the server refused a handshake with status \(status)\(Self.said(body)), recorded was \(was)"))
      case .refused: break
      case .failed(let error):
        if case .unreachable = error, outcome.sessions == 0, outcome.unreachable == nil {
          outcome.unreachable = "\(error)"
          return finish()
        }
      }
      advance()
      finishIfPlayed()
    }
  }

  // MARK: what the server does

  private func stepArrived(_ step: ArrivedStep, _ session: PlayedSession) {
    var step = step
    switch step.kind {
    case .ack(var ack):
      outcome.acksReceived += 1
      guard let answered = session.ackCame(namespace: step.namespace, id: ack.id) else {
        session.comparison.add(
          Difference(
            .ackUnexpected, session: session.recorded.number, namespace: step.namespace,
            words: "an ack with id \(ack.id) came that answers no emit"))
        break
      }
      ack.emit = answered.step
      step.kind = .ack(ack)
      if case .emit(let emit) = session.recorded.steps[answered.step].kind {
        outcome.latencies.ackCame(
          namespace: step.namespace, event: emit.event, recorded: emit.latency, actual: answered.latency)
      }
    case .emit: outcome.eventsReceived += 1
    case .connect, .connectError:
      if session.joining.remove(step.namespace) != nil { return moved(session) }
    default: break
    }
    session.comparison.latestSeq = latestSeq
    if let index = session.comparison.serverStepCame(step, learned: &substitution.learned) {
      wentOn(session)
      let recorded = session.recorded.steps[index]
      if let subject = ReplayNeeds.subject(of: recorded, in: session.recorded), !plan.binds.isEmpty,
        let before = recorded.payload, let now = ArrivedStep.payload(step)
      {
        substitution.packetCame(subject, recorded: before, actual: now)
      }
    }
    moved(session)
  }

  /// Something came that was waited for: where much is waited for at once, the wait begins anew.
  private func wentOn(_ session: PlayedSession) {
    guard plan.pace == .max || cursor == order.actions.count else { return }
    session.deadline?.cancel()
    session.deadline = nil
    if cursor == order.actions.count {
      deadline?.cancel()
      deadline = nil
    }
  }

  private func ended(_ ending: ReplayClient.Ending, _ session: PlayedSession) {
    guard session.status != .over else { return }
    session.status = .over
    let isPlayedOut: Bool
    if case .closed(let close) = session.recorded.ending {
      let left = plan.pace == .max ? session.actions.dropFirst(session.next) : []
      let nextSeq =
        plan.pace == .max
        ? left.first.map { order.actions[$0].seq }
        : order.actions.dropFirst(cursor).first { $0.session == session.place }?.seq
      isPlayedOut = close.seq < nextSeq ?? .max
    } else {
      isPlayedOut = false
    }
    session.comparison.serverClosed(
      manner: ending.manner, code: ending.code, reason: ending.words.isEmpty ? ending.reason : ending.words,
      isPlayedOut: isPlayedOut, learned: &substitution.learned)
    session.client = nil
    moved(session)
  }

  /// Something happened in a session: it, or those that wait for it, may go on.
  private func moved(_ session: PlayedSession) {
    if isFinishing { return }
    if plan.pace == .max {
      advance(session)
      for other in sessions where other.waitsFor == session.place { advance(other) }
      if cursor >= order.actions.count { finishIfPlayed() }
    } else if blocker == nil || blocker == session.place || cursor == order.actions.count {
      advance()
    }
  }

  // MARK: the end

  /// Waits for what the server did at last, and a moment more for what it should not do.
  private func waitForTheEnd() {
    guard !isFinishing else { return }
    blocker = nil
    guard opensUnderWay == 0, isSettled(before: .max) else {
      return startDeadline(beyond: tail) { [weak self] in
        guard let self, !isFinishing else { return }
        giveUp(before: .max)
        finish()
      }
    }
    if timer == nil || !isQuiet {
      isQuiet = true
      timer?.cancel()
      timer = loop.assumeIsolated().scheduleTask(in: .microseconds(min(max(tail, 100_000), 300_000))) {
        [weak self] in self?.finish()
      }
    }
  }

  private var isQuiet = false

  /// The microseconds that the capture went on behind the last action.
  private var tail: Int64 { order.actions.last.map { max(recording.ended.since($0.time), 0) } ?? 0 }

  private func finish() {
    guard !isFinishing else { return }
    isFinishing = true
    deadline?.cancel()
    timer?.cancel()
    for session in sessions {
      session.comparison.ended(stillOpen: session.status == .open, learned: &substitution.learned)
      leave(session, .packet)
    }
    if leaving == 0 { complete() }
  }

  private func complete() {
    guard !hasFinished else { return }
    hasFinished = true
    outcome.differences = (sessions.flatMap(\.comparison.differences) + others).sorted {
      ($0.seq ?? .max) < ($1.seq ?? .max)
    }
    outcome.duration = .nanoseconds((NIODeadline.now() - started).nanoseconds)
    if skippedIncomplete > 0 {
      outcome.notes.append(
        "\(skippedIncomplete) emits were not played: the capture does not hold all of them")
    }
    if !substitution.unknownSecrets.isEmpty {
      outcome.notes.append(
        "sent as the capture has it, redacted: \(substitution.unknownSecrets.joined(separator: ", ")); "
          + "give the value with --set NAME=VALUE or --auth")
    }
    tellProgress(order.actions.count)
    done.succeed(outcome)
  }

  private func tellProgress(_ played: Int) {
    progress(played, 0)
  }
}

extension ArrivedStep {
  /// The arguments or data that came.
  static func payload(_ step: ArrivedStep) -> RecordedPayload? {
    switch step.kind {
    case .connect(let payload), .connectError(let payload): payload
    case .emit(let emit): emit.payload
    case .ack(let ack): ack.payload
    case .disconnect, .upgrade: nil
    }
  }
}

extension JSONValue {
  /// The value with the members of another object in place of its own; another value altogether where either is no object.
  func merged(with other: JSONValue) -> JSONValue {
    guard case .object(let members) = self, case .object(let others) = other else { return other }
    let names = Set(others.map(\.name))
    return .object(members.filter { !names.contains($0.name) } + others)
  }
}
