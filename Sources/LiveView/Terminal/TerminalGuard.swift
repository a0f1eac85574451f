#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Gives the terminal back as it was when the process ends in any way that it can notice, and passes signals about the
/// terminal on to the thread that paints.
///
/// There is one terminal, so this is a namespace over the process's state. What a signal handler needs is prepared beforehand:
/// the handlers write bytes and set terminal attributes, which POSIX allows them to.
enum TerminalGuard {
  /// What the painting thread reads from the pipe, one byte for each signal.
  enum Notice: UInt8 {
    case resized = 0x57
    case suspend = 0x5A
    case continued = 0x43
    case stop = 0x51
    /// Sent by other threads: there is something new to show.
    case woken = 0x2E
  }

  private struct State {
    var pipe: CInt = -1
    var restore: UnsafeMutablePointer<UInt8>?
    var restoreCount = 0
    var attributes = termios()
    var isActive = false
  }

  // Written by the painting thread before the handlers are installed and read by them; `isActive` is one byte, whose stale
  // value costs a needless restore at worst.
  nonisolated(unsafe) private static let state: UnsafeMutablePointer<State> = {
    let state = UnsafeMutablePointer<State>.allocate(capacity: 1)
    state.initialize(to: State())
    return state
  }()

  private static let crashes = [
    SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGABRT, SIGQUIT, SIGHUP, SIGSYS, SIGUSR1, SIGUSR2, SIGALRM,
    SIGVTALRM,
    SIGPROF, SIGXCPU,
  ]

  /// Remembers how the terminal is, before anything is changed.
  static func remember() {
    tcgetattr(STDIN_FILENO, &state.pointee.attributes)
  }

  /// Takes over.
  ///
  /// - Parameters:
  ///   - pipe: where notices are written; non-blocking.
  ///   - restore: what puts the terminal's screen back.
  ///   - stops: whether SIGINT and SIGTERM are notices too; else they are left to the process.
  static func engage(pipe: CInt, restore: [UInt8], stops: Bool) {
    let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: max(restore.count, 1))
    bytes.initialize(from: restore, count: restore.count)
    // An earlier one is leaked on purpose: a handler may be reading it.
    state.pointee.restore = bytes
    state.pointee.restoreCount = restore.count
    state.pointee.pipe = pipe
    state.pointee.isActive = true
    for signal in crashes { install(signal, crashed) }
    install(SIGWINCH) { _ in TerminalGuard.notify(.resized) }
    install(SIGTSTP) { _ in TerminalGuard.notify(.suspend) }
    install(SIGCONT) { _ in TerminalGuard.notify(.continued) }
    if stops {
      for signal in [SIGINT, SIGTERM] { install(signal) { _ in TerminalGuard.notify(.stop) } }
    }
    atexit { TerminalGuard.restore() }
  }

  /// The screen was given back in order.
  static func disengage() {
    state.pointee.isActive = false
    for signal in crashes + [SIGWINCH, SIGTSTP, SIGCONT] { install(signal, nil) }
  }

  /// Gives the terminal back at once; does nothing where that was done.
  static func restore() {
    guard state.pointee.isActive else { return }
    state.pointee.isActive = false
    if let bytes = state.pointee.restore { _ = write(STDOUT_FILENO, bytes, state.pointee.restoreCount) }
    tcsetattr(STDIN_FILENO, TCSANOW, &state.pointee.attributes)
  }

  /// Wakes the painting thread; may be called from a signal handler and from any thread.
  static func notify(_ notice: Notice) {
    let saved = errno
    var byte = notice.rawValue
    _ = write(state.pointee.pipe, &byte, 1)
    errno = saved
  }

  /// Stops the process as Ctrl-Z does; returns when it goes on. The screen has been given back.
  static func stopProcess() {
    install(SIGTSTP, nil)
    kill(0, SIGTSTP)
  }

  /// The process goes on and the screen is taken again.
  static func processContinued() {
    install(SIGTSTP) { _ in TerminalGuard.notify(.suspend) }
  }

  private static func install(_ signal: CInt, _ handler: (@convention(c) (CInt) -> Void)?) {
    var action = sigaction()
    #if canImport(Glibc)
      action.__sigaction_handler.sa_handler = handler
    #else
      action.__sigaction_u.__sa_handler = handler
    #endif
    action.sa_flags = CInt(SA_RESTART)
    sigaction(signal, &action, nil)
  }

  private static let crashed: @convention(c) (CInt) -> Void = { signal in
    TerminalGuard.restore()
    TerminalGuard.install(signal, nil)
    raise(signal)
  }
}
