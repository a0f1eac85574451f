#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// One line on a terminal's standard error that says how far a comparison is; nothing anywhere else.
final class ProgressLine {
  private let isShown = isatty(STDERR_FILENO) == 1
  private var done = 0
  private var step = ""
  private var stepStart = MonotonicClock.now
  private var expected: Int64 = 1
  private var doneTime: Int64 = 0
  private let total: Int64

  /// - Parameter nanoseconds: how long all steps are expected to take.
  init(nanoseconds: Int64) {
    total = max(1, nanoseconds)
  }

  deinit { clear() }

  /// A step begins, which is expected to take so long.
  func began(_ step: String, nanoseconds: Int64) {
    doneTime += done > 0 ? expected : 0
    done += 1
    self.step = step
    expected = nanoseconds
    stepStart = MonotonicClock.now
    show()
  }

  /// Draws the line anew.
  func show() {
    guard isShown else { return }
    let part = min(doneTime + min(MonotonicClock.now - stepStart, expected), total)
    let percent = Int(part * 100 / total)
    let filled = percent / 5
    let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: 20 - filled)
    let left = max(0, (total - part) / 1_000_000_000)
    write(
      "\r\u{1B}[2K[\(bar)] \(percent)%  \(step)  \(left / 60):\(left % 60 < 10 ? "0" : "")\(left % 60) left")
  }

  private func clear() {
    if isShown { write("\r\u{1B}[2K") }
  }

  private func write(_ text: String) {
    var text = text
    text.withUTF8 { bytes in
      #if canImport(Glibc)
        _ = Glibc.write(STDERR_FILENO, bytes.baseAddress, bytes.count)
      #else
        _ = Darwin.write(STDERR_FILENO, bytes.baseAddress, bytes.count)
      #endif
    }
  }
}
