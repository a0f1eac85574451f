#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A pipe that wakes the painting thread: signals and other threads write, it waits for keys and for this.
final class NoticePipe: Sendable {
  /// Where the painting thread listens.
  let readEnd: CInt
  /// Where signals and other threads write.
  let writeEnd: CInt

  /// Nil where the process has no descriptors left.
  init?() {
    var ends: [CInt] = [-1, -1]
    guard pipe(&ends) == 0 else { return nil }
    for end in ends {
      _ = fcntl(end, F_SETFL, fcntl(end, F_GETFL) | O_NONBLOCK)
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
    }
    readEnd = ends[0]
    writeEnd = ends[1]
  }

  /// Wakes the painting thread.
  func wake() {
    var byte = TerminalGuard.Notice.woken.rawValue
    _ = write(writeEnd, &byte, 1)
  }

  /// What was written since the last call.
  func notices() -> [TerminalGuard.Notice] {
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = read(readEnd, &bytes, bytes.count)
    return count > 0 ? bytes.prefix(count).compactMap { TerminalGuard.Notice(rawValue: $0) } : []
  }

  /// Waits for a key or a notice, or until so many milliseconds have passed; -1 waits for ever.
  ///
  /// - Returns: whether standard input is gone.
  func wait(milliseconds: CInt) -> Bool {
    var waiting = [
      pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0),
      pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0),
    ]
    _ = poll(&waiting, 2, milliseconds)
    return waiting[0].revents & Int16(POLLHUP | POLLERR | POLLNVAL) != 0
  }
}
