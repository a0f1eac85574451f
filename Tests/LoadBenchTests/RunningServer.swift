import Dispatch
import Synchronization
import Testing

@testable import LoadBench

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A bench server on a thread of its own, which ends with the value.
final class RunningServer {
  let port: UInt16
  private let stop: Int32
  private let ended = DispatchSemaphore(value: 0)

  init(compresses: Bool = false) throws {
    var ends: [Int32] = [-1, -1]
    try #require(pipe(&ends) == 0)
    // Another test's child must not hold the end whose closing stops the server.
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    stop = ends[1]
    let reading = ends[0]
    let started = DispatchSemaphore(value: 0)
    let bound = Port()
    Thread.detach { [ended] in
      do {
        try EchoServer.run(port: 0, compresses: compresses, stop: reading) {
          bound.number.store($0, ordering: .releasing)
          started.signal()
        }
      } catch {
        started.signal()
      }
      close(reading)
      ended.signal()
    }
    started.wait()
    port = bound.number.load(ordering: .acquiring)
    try #require(port > 0)
  }

  deinit {
    close(stop)
    ended.wait()
  }
}

private final class Port: Sendable {
  let number = Atomic<UInt16>(0)
}

/// Threads that may block, which those of the test runner must not in great number.
private enum Thread {
  static func detach(_ body: @escaping @Sendable () -> Void) {
    DispatchQueue(label: "bench server").async(execute: body)
  }
}
