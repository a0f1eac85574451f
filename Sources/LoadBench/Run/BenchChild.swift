#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A child process of a comparison. It ends when its standard input does, and so with its parent, however that ends.
final class BenchChild {
  let process: Int32
  private let name: String
  private var input: Int32
  private var output: Int32
  private var received: [UInt8] = []
  private var hasEnded = false

  /// Starts a program.
  ///
  /// - Parameter errors: a file for its standard error; nil shares this process's.
  init(_ executable: String, _ arguments: [String], errors: String? = nil) throws(LoadFault) {
    name = arguments.first ?? executable
    var toChild: [Int32] = [-1, -1]
    var fromChild: [Int32] = [-1, -1]
    guard pipe(&toChild) == 0 else { throw LoadFault(system: "a pipe") }
    guard pipe(&fromChild) == 0 else {
      let fault = LoadFault(system: "a pipe")
      for descriptor in toChild { close(descriptor) }
      throw fault
    }
    // No other child may hold the end whose closing tells this one to stop.
    for descriptor in toChild + fromChild { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    #if canImport(Glibc)
      var actions = posix_spawn_file_actions_t()
    #else
      var actions: posix_spawn_file_actions_t?
    #endif
    posix_spawn_file_actions_init(&actions)
    posix_spawn_file_actions_adddup2(&actions, toChild[0], STDIN_FILENO)
    posix_spawn_file_actions_adddup2(&actions, fromChild[1], STDOUT_FILENO)
    if let errors {
      posix_spawn_file_actions_addopen(
        &actions, STDERR_FILENO, errors, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    }
    var words: [UnsafeMutablePointer<CChar>?] = ([executable] + arguments).map { strdup($0) }
    words.append(nil)
    defer {
      for word in words { free(word) }
      posix_spawn_file_actions_destroy(&actions)
      close(toChild[0])
      close(fromChild[1])
    }
    var started: pid_t = 0
    let failure = posix_spawn(&started, executable, &actions, nil, &words, environ)
    guard failure == 0 else {
      close(toChild[1])
      close(fromChild[0])
      throw LoadFault("cannot start '\(executable)': \(String(cString: strerror(failure)))")
    }
    process = started
    input = toChild[1]
    output = fromChild[0]
  }

  deinit {
    closeInput()
    close(output)
    if !hasEnded {
      kill(process, SIGKILL)
      waitpid(process, nil, 0)
    }
  }

  /// Tells the child to end.
  func closeInput() {
    if input >= 0 { close(input) }
    input = -1
  }

  /// The next line of its standard output; nil once it has ended.
  ///
  /// - Parameters:
  ///   - nanoseconds: after this long without a line, it throws.
  ///   - waiting: called ten times a second; throws to give up.
  func line(
    within nanoseconds: Int64, waiting: () throws(LoadFault) -> Void
  ) throws(LoadFault) -> String? {
    let end = MonotonicClock.now + nanoseconds
    while true {
      if let newline = received.firstIndex(of: 0x0A) {
        let line = String(decoding: received[..<newline], as: UTF8.self)
        received.removeFirst(newline + 1)
        return line
      }
      try waiting()
      guard MonotonicClock.now < end else { throw LoadFault("\(name) said nothing in time") }
      var entry = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
      guard poll(&entry, 1, 100) > 0 else { continue }
      let more = [UInt8](unsafeUninitializedCapacity: 4096) { room, count in
        count = max(0, read(output, room.baseAddress, room.count))
      }
      if more.isEmpty { return nil }
      received += more
    }
  }

  /// Ends the child in order, or after five seconds in any case.
  func end() {
    closeInput()
    guard !hasEnded else { return }
    let limit = MonotonicClock.now + 5_000_000_000
    while waitpid(process, nil, WNOHANG) == 0 {
      if MonotonicClock.now > limit { kill(process, SIGKILL) }
      usleep(2000)
    }
    hasEnded = true
  }
}
