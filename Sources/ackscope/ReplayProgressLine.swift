import SessionReplay
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// One line on a terminal that says how far a replay is; nothing where standard error is no terminal.
final class ReplayProgressLine: Sendable {
  private struct State {
    var shown: ContinuousClock.Instant?
  }

  private let isShown = isatty(STDERR_FILENO) == 1
  private let began = ContinuousClock.now
  private let state = Mutex(State())

  /// At most ten times a second.
  func show(_ progress: ReplayProgress) {
    guard isShown else { return }
    let now = ContinuousClock.now
    let isDue = state.withLock { state in
      if let shown = state.shown, now - shown < .milliseconds(100) { return false }
      state.shown = now
      return true
    }
    guard isDue else { return }
    let part = progress.total > 0 ? progress.played * 100 / progress.total : 100
    let filled = part / 5
    let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 20 - filled)
    var line = "\r\u{1B}[K\(bar) \(part)%  \(progress.played) of \(progress.total) steps"
    if progress.copies > 1 { line += ", copy \(progress.copiesDone) of \(progress.copies) done" }
    line += ", \((now - began).components.seconds) s"
    if progress.differences > 0 { line += ", \(progress.differences) differences" }
    StandardOutput.write(line, to: STDERR_FILENO)
  }

  /// Takes the line away.
  func clear() {
    let wasShown = state.withLock { $0.shown != nil }
    if wasShown { StandardOutput.write("\r\u{1B}[K", to: STDERR_FILENO) }
  }
}
