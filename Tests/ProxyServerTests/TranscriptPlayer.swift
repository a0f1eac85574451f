import AckCorrelation
import Foundation
import NIOPosix
import RecordedTranscripts

/// Plays a recorded scenario through a proxy: a puppet client and a puppet server send each other what was recorded, in the
/// recorded order, each step only when the one before has arrived on the other side.
///
/// The proxy's clock shows the recorded times, so that nothing depends on how long the play takes. All of it happens on one
/// thread, never one of the concurrency pool, since it blocks.
final class TranscriptPlayer {
  private let scenario: RecordedScenario
  private let proxy: InProcessProxy
  private let time: PlayedTime
  private let listener: BlockingSocket
  private let log: CaptureLog
  private var connections: [Int: PlayedConnection] = [:]

  private init(
    _ scenario: RecordedScenario, proxy: InProcessProxy, time: PlayedTime,
    listener: BlockingSocket, log: CaptureLog
  ) {
    self.scenario = scenario
    self.proxy = proxy
    self.time = time
    self.listener = listener
    self.log = log
  }

  /// Plays a scenario with a proxy of its own; returns the capture's lines.
  ///
  /// - Parameter loop: has one loop, so that connections are accepted in the order in which they are made.
  static func capture(
    of scenario: RecordedScenario, splicesDirectly: Bool, loop: MultiThreadedEventLoopGroup
  ) async throws -> [String] {
    let listener = try BlockingSocket.listening()
    let time = PlayedTime()
    let proxy = try await InProcessProxy.start(
      upstreamPort: listener.port, ackTimeout: scenario.ackTimeout, redacts: false, clock: time.clock,
      splicesDirectly: splicesDirectly, group: loop)
    let log = CaptureLog()
    proxy.atRecords { log.append($0) }
    let stop = DispatchSemaphore(value: 0)
    try await withCheckedThrowingContinuation { (finished: CheckedContinuation<Void, any Error>) in
      Thread {
        let player = TranscriptPlayer(
          scenario, proxy: proxy, time: time, listener: listener, log: log)
        let played = Result { try player.play() }
        // The proxy stops while the puppets that are left look at what it tells them.
        Task {
          await proxy.stop()
          stop.signal()
        }
        let left = Result { try player.leave() }
        stop.wait()
        finished.resume(with: played.flatMap { left })
      }.start()
    }
    defer { proxy.removeCapture() }
    return try proxy.captureLines()
  }

  // MARK: the play

  private func play() throws {
    var now: Int64 = 0
    func pass(to next: Int64) {
      // Time passes in between, as the proxy's timer has it.
      while now + 50_000 < next {
        now += 50_000
        time.pass(50_000)
        proxy.recorder.expire()
      }
      time.pass(next - now)
      now = next
    }
    var steps = scenario.steps[...]
    while let step = steps.popFirst() {
      if scenario.endsCross, let next = steps.first, let crossing = Crossing(step, next) {
        steps.removeFirst()
        time.hold()
        defer { time.goOn() }
        try play(step, crossing)
        time.pass(next.time - now)
        now = next.time
        time.goOn()
        try connection(step).awaitEnd(at: crossing.sender)
        if crossing.how == .reset { try close(connection(step)) }
        continue
      }
      pass(to: step.time)
      try play(step)
    }
    for connection in connections.values.sorted(by: { $0.clientPort < $1.clientPort })
    where connection.ended.count == 1 && !connection.isClosed {
      try close(connection)
    }
    // The capture goes on for a moment, as it does when a person stops it.
    pass(to: now + 10_000)
    proxy.recorder.expire()
  }

  /// The proxy learns of an end, asks for its time, and hears that only when the other peer's bytes are there too.
  private func play(_ step: RecordedStep, _ crossing: Crossing) throws {
    let connection = try connection(step)
    connection.end(crossing.ending, crossing.how)
    try connection.send(crossing.bytes, from: crossing.sender)
    connection.awaitArrival(from: crossing.sender)
  }

  private func play(_ step: RecordedStep) throws {
    if case .connected = step.what {
      connections[step.connection] = try PlayedConnection(to: proxy.port)
      return
    }
    let connection = try connection(step)
    switch step.what {
    case .connected, .refused: return
    case .bytes(let bytes, .client) where scenario.refused.contains(step.connection):
      listener.close()
      try connection.send(bytes, from: .client)
      try connection.awaitAnswers()
    case .bytes(let bytes, let peer):
      guard !connection.isClosed else { return }
      try connection.send(bytes, from: peer)
      try connection.awaitDelivery(from: peer, listener: listener)
    case .finished(let peer): try end(connection, peer, .finish)
    case .reset(let peer): try end(connection, peer, .reset)
    }
  }

  private func end(_ connection: PlayedConnection, _ peer: Peer, _ how: PlayedConnection.End) throws {
    guard !connection.isClosed else { return }
    connection.end(peer, how)
    try connection.awaitEnd(at: peer == .client ? .server : .client)
    if connection.ended.count == 2 || how == .reset { try close(connection) }
  }

  /// Closes what a connection's puppets still hold, and waits until the capture tells of it.
  private func close(_ connection: PlayedConnection) throws {
    connection.close()
    guard log.awaitClose(clientPort: connection.clientPort) else {
      throw PlayedConnection.Fault("the capture does not tell of a connection's end")
    }
  }

  /// Takes leave of a proxy that stops.
  private func leave() throws {
    for connection in connections.values where !connection.isClosed {
      defer { connection.close() }
      try connection.awaitEnd(at: .client)
    }
  }

  private func connection(_ step: RecordedStep) throws -> PlayedConnection {
    guard let connection = connections[step.connection] else {
      throw PlayedConnection.Fault("connection \(step.connection) was never made")
    }
    return connection
  }

  // MARK: what crossed on its way

  /// An end of one peer and bytes of the other that the proxy finds at the same moment.
  private struct Crossing {
    let ending: Peer
    let how: PlayedConnection.End
    let bytes: [UInt8]
    let sender: Peer

    init?(_ step: RecordedStep, _ next: RecordedStep) {
      guard step.connection == next.connection, case .bytes(let bytes, let sender) = next.what else {
        return nil
      }
      switch step.what {
      // A server that goes closes its socket.
      case .finished(let peer) where peer != sender: (ending, how) = (peer, .close)
      case .reset(let peer) where peer != sender: (ending, how) = (peer, .reset)
      default: return nil
      }
      self.bytes = bytes
      self.sender = sender
    }
  }
}
