import AckCorrelation
import NIOCore
import SessionDecoder

/// What one event loop saw and has to send since it last woke up.
///
/// Everything of one tick goes out together: the records in one `write`, then the forwarded bytes of all
/// connections, in that order (promise P2). Confined to its loop.
final class LoopTick {
  private let eventLoop: any EventLoop
  private var loop: NIOIsolatedEventLoop { eventLoop.assumeIsolated() }
  private let recorder: TrafficRecorder
  private let connectionClosed: @Sendable () -> Void
  private var observed: [Observed] = []
  private var flushes: [(ProxiedConnection, Leg)] = []
  private var isScheduled = false
  private var connections: [ConnectionNumber: ProxiedConnection] = [:]
  private var allClosed: EventLoopPromise<Void>?

  /// - Parameter connectionClosed: called for each connection that has ended.
  init(loop: any EventLoop, recorder: TrafficRecorder, connectionClosed: @escaping @Sendable () -> Void) {
    eventLoop = loop
    self.recorder = recorder
    self.connectionClosed = connectionClosed
  }

  /// Notes what happened, for the end of the tick.
  func observe(_ connection: ConnectionNumber, _ what: Observed.What) {
    observed.append(Observed(connection: connection, time: recorder.now, what: what))
    schedule()
  }

  /// Flushes a leg at the end of the tick, behind the records.
  func flush(_ connection: ProxiedConnection, _ leg: Leg) {
    guard connection.markFlushDue(leg) else { return }
    flushes.append((connection, leg))
    schedule()
  }

  private func schedule() {
    guard !isScheduled else { return }
    isScheduled = true
    // Tasks run once the events that woke the loop are all handled: that is the end of the tick.
    loop.execute { self.finish() }
  }

  private func finish() {
    isScheduled = false
    if !observed.isEmpty {
      recorder.record(observed)
      observed.removeAll(keepingCapacity: true)
    }
    // A flush may hand over more to flush; that is the next tick's.
    let due = flushes
    flushes.removeAll(keepingCapacity: true)
    for (connection, leg) in due { connection.flush(leg) }
  }

  // MARK: the loop's connections

  /// Whether all connections are to end.
  private(set) var isStopping = false

  func connection(_ number: ConnectionNumber) -> ProxiedConnection? { connections[number] }

  func opened(_ connection: ProxiedConnection) {
    connections[connection.number] = connection
  }

  func closed(_ connection: ProxiedConnection) {
    guard connections.removeValue(forKey: connection.number) != nil else { return }
    connectionClosed()
    if connections.isEmpty { allClosed?.succeed() }
  }

  /// A connection goes on under another number.
  func renumber(_ connection: ProxiedConnection, _ number: ConnectionNumber) {
    connections[connection.number] = nil
    connection.take(number)
    connections[number] = connection
  }

  /// A connection goes on elsewhere.
  ///
  /// - Returns: to be called when it has ended there.
  func handedOver(_ connection: ProxiedConnection) -> @Sendable () -> Void {
    connections[connection.number] = nil
    if connections.isEmpty { allClosed?.succeed() }
    return connectionClosed
  }

  /// Ends all connections in order; those that are still open after `grace`, at once.
  ///
  /// - Returns: completes when none is left.
  func stop(grace: TimeAmount) -> EventLoopFuture<Void> {
    let promise = eventLoop.makePromise(of: Void.self)
    isStopping = true
    guard !connections.isEmpty else {
      promise.succeed()
      return promise.futureResult
    }
    allClosed = promise
    // What was passed on must have been decoded too: whether a close frame may be put in depends on it.
    finish()
    for connection in connections.values { connection.stop() }
    loop.scheduleTask(in: grace) {
      for connection in self.connections.values { connection.abort() }
    }
    return promise.futureResult
  }
}
