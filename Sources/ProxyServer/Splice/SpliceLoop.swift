import NIOCore
import NIOPosix
import SocketReadiness
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A thread that passes the bytes of spliced connections, which the event loops hand over to it.
///
/// After an upgrade there are only two sockets, and bytes that go from one to the other. System calls on one buffer
/// that stays in the processor's cache cost a small part of what a channel with its pipeline costs, in time and in
/// memory.
final class SpliceLoop: Sendable {
  /// What other threads ask of the loop.
  struct Inbox {
    var arrivals: [SplicedConnection] = []
    /// Where connections come from that no event loop has seen.
    var door: OpenDoor?
    /// How long peers get to close in order, once the loop is to stop.
    var stopGrace: TimeAmount?
    /// Completes when no connection is left; set once none can arrive any more.
    var whenEmpty: EventLoopPromise<Void>?
  }

  private let inbox = Mutex(Inbox())
  /// Until the thread takes it.
  private let table: Mutex<SpliceTable?>
  /// The ends of a pipe: a byte in it wakes the thread.
  private let wakeup: (read: Int32, write: Int32)

  private init(_ table: consuming sending SpliceTable, wakeup: (read: Int32, write: Int32)) {
    self.table = Mutex(table)
    self.wakeup = wakeup
  }

  deinit {
    close(wakeup.read)
    close(wakeup.write)
  }

  /// Starts a loop on a thread of the pool, which it keeps until `stopped` completes.
  ///
  /// - Returns: nil where the system gives no more descriptors.
  static func start(
    on pool: NIOThreadPool, recorder: TrafficRecorder, diagnose: @escaping @Sendable (_ line: String) -> Void
  ) -> SpliceLoop? {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { return nil }
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
    let loop: SpliceLoop
    do throws(ReadinessQueue.Fault) {
      let table = try SpliceTable(recorder: recorder, wakeup: ends[0], diagnose: diagnose)
      loop = SpliceLoop(table, wakeup: (ends[0], ends[1]))
    } catch {
      for end in ends { close(end) }
      return nil
    }
    pool.submit { _ in
      var table = loop.table.withLock { $0.take() }
      table?.run(for: loop)
    }
    return loop
  }

  /// Takes a connection over.
  func take(_ connection: SplicedConnection) {
    inbox.withLock { $0.arrivals.append(connection) }
    wake()
  }

  /// Begins to take connections from the door.
  ///
  /// - Parameter listener: a descriptor of the loop's own, which it closes.
  func open(_ door: FrontDoor, listener: Int32) {
    inbox.withLock { $0.door = OpenDoor(door: door, listener: listener) }
    wake()
  }

  /// Begins to end all connections in order; those that are still open after `grace`, at once.
  func stop(grace: TimeAmount) {
    inbox.withLock { $0.stopGrace = grace }
    wake()
  }

  /// Completes when the last connection has ended. The caller has seen to it that none can arrive any more.
  func stopped(on loop: any EventLoop) -> EventLoopFuture<Void> {
    let promise = loop.makePromise(of: Void.self)
    inbox.withLock { $0.whenEmpty = promise }
    wake()
    return promise.futureResult
  }

  /// Gives the thread what has come for it, and drains the pipe that woke it.
  func collect() -> Inbox {
    var room: UInt64 = 0
    while read(wakeup.read, &room, 8) > 0 {}
    return inbox.withLock { inbox in
      defer {
        inbox.arrivals = []
        inbox.door = nil
      }
      return inbox
    }
  }

  private func wake() {
    var byte: UInt8 = 0
    // A full pipe wakes it too.
    _ = write(wakeup.write, &byte, 1)
  }
}
