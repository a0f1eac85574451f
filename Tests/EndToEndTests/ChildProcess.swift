import Foundation
import Synchronization

/// A child process with lines on its three standard streams and a bounded life.
///
/// It never outlives the value: `deinit` kills it, and so does the end of `longestLife`. Its standard input is a
/// socket rather than a pipe, so that a write to a child that is gone is an error and no SIGPIPE for the test run.
final class ChildProcess: Sendable {
  /// How a process ended.
  enum Ending: Equatable, Sendable {
    case exited(Int32)
    case signalled(Int32)
  }

  /// What the child wrote to standard output.
  let output = LineInbox()

  /// What the child wrote to standard error.
  let errors = LineInbox()

  /// The process id; names another process, or none, once the child has ended.
  let identifier: Int32

  private let process: Process
  private let ending: EndingLatch
  private let input: Mutex<Int32?>
  private let watchdog: Task<Void, Never>
  private let name: String

  /// Starts the program; throws when it cannot be started.
  init(
    _ executable: String, _ arguments: [String], directory: URL? = nil,
    environment added: [String: String] = [:], longestLife: Duration = .seconds(120)
  ) throws {
    name = URL(fileURLWithPath: executable).lastPathComponent
    let process = Process()
    process.executableURL = URL(fileURLWithPath: executable)
    process.arguments = arguments
    process.currentDirectoryURL = directory
    process.environment = ProcessInfo.processInfo.environment.merging(added) { $1 }

    let (ours, theirs) = try Self.socketPair()
    let outputs = [Pipe(), Pipe()]
    process.standardInput = FileHandle(fileDescriptor: theirs, closeOnDealloc: true)
    process.standardOutput = outputs[0]
    process.standardError = outputs[1]
    let ending = EndingLatch()
    process.terminationHandler = { process in
      ending.open(
        process.terminationReason == .exit
          ? .exited(process.terminationStatus) : .signalled(process.terminationStatus))
    }
    do {
      try Self.withNoSignalBlocked { try process.run() }
    } catch {
      close(ours)
      throw error
    }
    self.process = process
    self.ending = ending
    identifier = process.processIdentifier
    input = Mutex(ours)
    watchdog = Task.detached {
      try? await Task.sleep(for: longestLife)
      if !Task.isCancelled && process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }
    // Duplicates, because the pipes close their own descriptors as soon as they are let go of.
    output.fill(from: dup(outputs[0].fileHandleForReading.fileDescriptor))
    errors.fill(from: dup(outputs[1].fileHandleForReading.fileDescriptor))
  }

  deinit {
    watchdog.cancel()
    closeInput()
    signal(SIGKILL)
  }

  /// Writes a line to the child's standard input.
  func send(_ line: String) throws {
    try input.withLock { descriptor in
      guard let descriptor else { throw PeerFailure("\(name): its input is already closed") }
      var bytes = Array(line.utf8)[...]
      bytes.append(UInt8(ascii: "\n"))
      while !bytes.isEmpty {
        let count = bytes.withUnsafeBytes {
          Foundation.send(descriptor, $0.baseAddress, $0.count, Self.noSignal)
        }
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { throw PeerFailure("\(name) no longer reads its input (errno \(errno))") }
        bytes.removeFirst(count)
      }
    }
  }

  /// Ends the child's standard input; peers exit then.
  func closeInput() {
    input.withLock { descriptor in
      if let open = descriptor { close(open) }
      descriptor = nil
    }
  }

  /// Sends a signal, unless the child has ended.
  func signal(_ number: Int32) {
    if process.isRunning { kill(identifier, number) }
  }

  /// Waits for the end of the child and of both its outputs.
  func end() async -> Ending {
    let how = await ending.wait()
    await output.waitForEnd()
    await errors.waitForEnd()
    watchdog.cancel()
    return how
  }

  /// What a failure message needs: the end of the child's standard error.
  var lastErrors: String { errors.all.suffix(80).joined(separator: "\n") }

  /// A child inherits the signals that its parent's thread blocks, and the threads that run tests block all of them: without
  /// this, SIGINT and SIGTERM would never reach the child.
  private static func withNoSignalBlocked(_ body: () throws -> Void) rethrows {
    var none = sigset_t()
    var before = sigset_t()
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    try body()
  }

  private static func socketPair() throws -> (ours: Int32, theirs: Int32) {
    var pair: [Int32] = [0, 0]
    #if canImport(Darwin)
      guard socketpair(AF_UNIX, SOCK_STREAM, 0, &pair) == 0 else {
        throw PeerFailure("socketpair: errno \(errno)")
      }
      var on: Int32 = 1
      for descriptor in pair { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
      setsockopt(pair[0], SOL_SOCKET, SO_NOSIGPIPE, &on, socklen_t(MemoryLayout<Int32>.size))
    #else
      // Closed on exec, or another child would hold this one's input open.
      let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
      guard socketpair(AF_UNIX, kind, 0, &pair) == 0 else { throw PeerFailure("socketpair: errno \(errno)") }
    #endif
    return (pair[0], pair[1])
  }

  #if canImport(Darwin)
    private static let noSignal: Int32 = 0
  #else
    private static let noSignal = Int32(MSG_NOSIGNAL)
  #endif
}

/// Opens once, with how the process ended; everyone who waits then goes on.
private final class EndingLatch: Sendable {
  private struct State {
    var ending: ChildProcess.Ending?
    var waiting: [CheckedContinuation<ChildProcess.Ending, Never>] = []
  }

  private let state = Mutex(State())

  func open(_ ending: ChildProcess.Ending) {
    let waiting = state.withLock { state in
      state.ending = ending
      defer { state.waiting = [] }
      return state.waiting
    }
    for continuation in waiting { continuation.resume(returning: ending) }
  }

  func wait() async -> ChildProcess.Ending {
    await withCheckedContinuation { continuation in
      let ending = state.withLock { state in
        if state.ending == nil { state.waiting.append(continuation) }
        return state.ending
      }
      if let ending { continuation.resume(returning: ending) }
    }
  }
}
