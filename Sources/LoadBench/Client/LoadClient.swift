#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif
import JSONText
import SocketReadiness

/// Puts a load on a port of this machine and counts what comes back.
///
/// One thread and one queue. Frames are made once and only their ack ids written anew; acks are counted by the heads
/// of their frames: what the client costs is taken from what is measured.
package final class LoadClient {
  let plan: LoadPlan
  private var queue: ReadinessQueue
  /// By descriptor.
  private var sessionsByDescriptor: [(any LoadSession)?] = []
  private var sessions: [any LoadSession] = []
  private var emits: EmitText
  private var handshaking = 0
  private var readyCount = 0
  private var completed = 0
  private var repeats = false
  private var replaces = false
  private var latencies: LatencyBuckets?
  private var countedFrom = Int64.min
  private let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)

  /// Connections that may be opening at once, so that no listener's backlog overflows.
  private static let handshakeLimit = 128
  /// How long opening all connections may take, in nanoseconds.
  private static let openingLimit: Int64 = 60_000_000_000
  /// How long acks are waited for after the last emit, in nanoseconds.
  private static let patience: Int64 = 2_000_000_000

  private init(_ plan: LoadPlan) throws(LoadFault) {
    self.plan = plan
    queue = try ReadinessQueue.forLoad()
    emits = EmitText(payload: plan.payload, isFramed: plan.transport == .websocket)
  }

  deinit { room.deallocate() }

  /// Carries a plan out; ends by itself.
  ///
  /// - Parameters:
  ///   - stop: with `.idle`, the connections stay open until this becomes readable.
  ///   - holding: with `.idle`, called when all connections are open.
  package static func run(
    _ plan: LoadPlan, stop: Int32? = nil, holding: () -> Void = {}
  ) throws(LoadFault) -> LoadResult {
    let client = try LoadClient(plan)
    defer { client.endAll() }
    switch plan.measure {
    case .closed: return try client.closedLoop()
    case .rate: return try client.fixedRate()
    case .setup: return try client.setUps()
    case .idle: return try client.idle(stop: stop, holding: holding)
    }
  }

  // MARK: measures

  private func closedLoop() throws(LoadFault) -> LoadResult {
    try openAll()
    repeats = true
    for session in sessions { try session.emit(plan.window) }
    try turn(until: MonotonicClock.now + warmUp)
    let before = (completed, ProcessCost.processorMicroseconds(of: plan.watched), MonotonicClock.now)
    try turn(until: before.2 + Int64(plan.milliseconds) * 1_000_000)
    var result = LoadResult(completed: completed - before.0, nanoseconds: MonotonicClock.now - before.2)
    result.processorMicroseconds = cost(since: before.1)
    return result
  }

  private func fixedRate() throws(LoadFault) -> LoadResult {
    try openAll()
    latencies = LatencyBuckets()
    let start = MonotonicClock.now + 10_000_000
    countedFrom = start + warmUp
    let end = countedFrom + Int64(plan.milliseconds) * 1_000_000
    var sent = 0
    var before: (completed: Int, cost: Int64?, time: Int64)?
    func due(_ index: Int) -> Int64 { start + Int64(Double(index) * 1e9 / Double(plan.rate)) }
    while true {
      let now = MonotonicClock.now
      if before == nil, now >= countedFrom {
        before = (completed, ProcessCost.processorMicroseconds(of: plan.watched), now)
      }
      while case let time = due(sent), time <= now, time < end {
        let session = sessions[sent % sessions.count]
        session.pendingTimes.append(time)
        sent += 1
        try session.emit(1)
      }
      guard due(sent) < end else { break }
      try turn(nanoseconds: max(1, due(sent) - MonotonicClock.now))
    }
    // Processor time and count are of the same stretch; the acks still to come are not in it.
    let now = MonotonicClock.now
    var result = LoadResult(
      completed: completed - (before?.completed ?? 0), nanoseconds: now - (before?.time ?? start))
    result.processorMicroseconds = cost(since: before?.cost)
    let patienceEnds = now + Self.patience
    while completed < sent, MonotonicClock.now < patienceEnds { try turn(nanoseconds: 50_000_000) }
    result.unanswered = sent - completed
    // Left out, the emits that waited longest would make the figures better.
    let last = MonotonicClock.now
    for session in sessions { try answered(session, session.pendingTimes.count, at: last) }
    if let latencies, let p50 = latencies.percentile(0.5), let p90 = latencies.percentile(0.9),
      let p99 = latencies.percentile(0.99), let p999 = latencies.percentile(0.999)
    {
      result.latency = LoadResult.Latency(
        p50: p50, p90: p90, p99: p99, p999: p999, maximum: latencies.maximum)
    }
    return result
  }

  private func setUps() throws(LoadFault) -> LoadResult {
    replaces = true
    let start = MonotonicClock.now
    let cost = ProcessCost.processorMicroseconds(of: plan.watched)
    for _ in 0..<min(plan.connections, Self.handshakeLimit, plan.setups) { try openOne() }
    while readyCount < plan.setups {
      try turn(nanoseconds: 100_000_000)
      try checkOpening(since: start)
    }
    var result = LoadResult(completed: readyCount, nanoseconds: MonotonicClock.now - start)
    result.processorMicroseconds = self.cost(since: cost)
    return result
  }

  private func idle(stop: Int32?, holding: () -> Void) throws(LoadFault) -> LoadResult {
    let start = MonotonicClock.now
    try openAll()
    if let stop { try queue.watch(stop) }
    holding()
    var isOver = stop == nil
    while !isOver {
      queue.wait()
      for readiness in queue.ready {
        if readiness.descriptor == stop { isOver = true } else { try dispatch(readiness) }
      }
    }
    return LoadResult(completed: readyCount, nanoseconds: MonotonicClock.now - start)
  }

  private var warmUp: Int64 { min(Int64(plan.milliseconds) * 100_000, 500_000_000) }

  private func cost(since before: Int64?) -> Int64? {
    guard let before, let now = ProcessCost.processorMicroseconds(of: plan.watched) else { return nil }
    return now - before
  }

  // MARK: connections

  private func openAll() throws(LoadFault) {
    let start = MonotonicClock.now
    while readyCount < plan.connections {
      while handshaking < Self.handshakeLimit, readyCount + handshaking < plan.connections { try openOne() }
      try turn(nanoseconds: 100_000_000)
      try checkOpening(since: start)
    }
  }

  private func openOne() throws(LoadFault) {
    let session: any LoadSession =
      switch plan.transport {
      case .websocket: WebSocketLoadSession(client: self)
      case .polling: PollingLoadSession(client: self)
      }
    handshaking += 1
    if !replaces { sessions.append(session) }
    try session.begin()
  }

  private func checkOpening(since start: Int64) throws(LoadFault) {
    guard MonotonicClock.now - start > Self.openingLimit else { return }
    throw broken("had \(readyCount) connections open after a minute, and no more")
  }

  private func endAll() {
    for session in sessions { session.end() }
    for session in sessionsByDescriptor { session?.end() }
    sessions = []
    sessionsByDescriptor = []
  }

  // MARK: turns

  private func turn(until end: Int64) throws(LoadFault) {
    while case let left = end - MonotonicClock.now, left > 0 { try turn(nanoseconds: left) }
  }

  private func turn(nanoseconds: Int64) throws(LoadFault) {
    queue.wait(nanoseconds: nanoseconds)
    for readiness in queue.ready { try dispatch(readiness) }
  }

  private func dispatch(_ readiness: ReadinessQueue.Readiness) throws(LoadFault) {
    let descriptor = readiness.descriptor
    if readiness.isWritable, let session = session(descriptor) { try session.becameWritable(descriptor) }
    if readiness.isReadable, let session = session(descriptor) {
      try session.becameReadable(descriptor, room)
    }
  }

  private func session(_ descriptor: Int32) -> (any LoadSession)? {
    let index = Int(descriptor)
    return index < sessionsByDescriptor.count ? sessionsByDescriptor[index] : nil
  }

  // MARK: for sessions

  /// Waits for a socket of a session, and for its being connected.
  func watch(_ descriptor: Int32, _ session: any LoadSession) throws(LoadFault) {
    let index = Int(descriptor)
    if index >= sessionsByDescriptor.count {
      sessionsByDescriptor.append(
        contentsOf: repeatElement(nil, count: max(index + 1 - sessionsByDescriptor.count, 64)))
    }
    sessionsByDescriptor[index] = session
    try queue.watch(descriptor, writable: true)
  }

  /// Whether room for writing is waited for.
  func wait(forRoom waits: Bool, in descriptor: Int32) { queue.change(descriptor, writable: waits) }

  /// Closes a socket of a session.
  func close(_ descriptor: Int32) {
    if Int(descriptor) < sessionsByDescriptor.count { sessionsByDescriptor[Int(descriptor)] = nil }
    queue.forget(descriptor)
    #if canImport(Glibc)
      _ = Glibc.close(descriptor)
    #else
      _ = Darwin.close(descriptor)
    #endif
  }

  /// A session has joined its namespace.
  func becameReady(_ session: any LoadSession) throws(LoadFault) {
    handshaking -= 1
    readyCount += 1
    guard replaces else { return }
    session.end()
    if readyCount + handshaking < plan.setups { try openOne() }
  }

  /// Appends the emit with that id.
  func appendEmit(_ id: UInt64, to sink: inout ByteSink) { emits.append(id: id, to: &sink) }

  /// Acks came.
  func acked(_ session: any LoadSession, _ count: Int) throws(LoadFault) {
    completed += count
    if latencies != nil { try answered(session, count, at: MonotonicClock.now) }
    if repeats { try session.emit(count) }
  }

  private func answered(_ session: any LoadSession, _ count: Int, at now: Int64) throws(LoadFault) {
    for _ in 0..<count {
      guard let meant = session.pendingTimes.removeFirst() else { throw broken("sent more acks than emits") }
      if meant >= countedFrom { latencies?.record(now - meant) }
    }
  }

  /// What a session throws when its other end does what it must not.
  func broken(_ what: String) -> LoadFault {
    LoadFault("127.0.0.1:\(plan.port) \(what)")
  }
}
