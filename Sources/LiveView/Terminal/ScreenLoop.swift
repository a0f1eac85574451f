import CaptureFormat
import Dispatch

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Ties model, update, view and terminal together, on a thread of its own.
///
/// At most `framesPerSecond` times a second records are taken in and the screen is painted; nothing is painted when nothing
/// changed. Between frames the thread sleeps until a key, a signal, a record or the next tick of a clock on the screen.
struct ScreenLoop {
  /// How often the screen is painted at most.
  static let framesPerSecond = 15
  /// The same while the traffic is a flood: nobody reads faster, and the traffic needs the processor.
  static let framesPerSecondInFlood = 12

  private let source: any RecordSource
  private let terminal: CursesTerminal
  private let pipe: NoticePipe
  private var model: ScreenModel
  private var needsPaint = true
  private let startWall: Int64
  private let startTicks: UInt64

  init(source: any RecordSource, terminal: CursesTerminal, pipe: NoticePipe, model: ScreenModel) {
    self.source = source
    self.terminal = terminal
    self.pipe = pipe
    self.model = model
    self.model.size = terminal.size
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    startWall = Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    startTicks = DispatchTime.now().uptimeNanoseconds
  }

  /// Microseconds since the loop was made.
  private var ticks: Int { Int((DispatchTime.now().uptimeNanoseconds - startTicks) / 1000) }

  /// Shows until the source is finished or its user quits.
  mutating func run() {
    var frame = 1_000_000 / Self.framesPerSecond
    var lastFrame = -frame
    while true {
      let now = ticks
      if now - lastFrame >= frame {
        let wall = CaptureTimestamp(microseconds: startWall + Int64(now))
        if source.deliver(to: &model, elapsed: max(0, now - max(lastFrame, 0)), wall: wall) {
          needsPaint = true
        }
        lastFrame = now
        frame = 1_000_000 / (source.isFlooded ? Self.framesPerSecondInFlood : Self.framesPerSecond)
        if needsPaint {
          perform(ScreenUpdate.apply(.ticked, to: &model))
          terminal.paint(ScreenView.grid(model, palette: terminal.palette))
          // The source does not wake the loop in between.
          needsPaint = source.isFlooded
        }
        if source.isFinished { return }
      }
      let untilFrame = max(0, lastFrame + frame - ticks) / 1000 + 1
      let wait = needsPaint ? untilFrame : source.pause(model).map { max($0, untilFrame) } ?? -1
      let isInputGone = pipe.wait(milliseconds: CInt(clamping: wait))
      if !handleNotices() || !handleInput() { return }
      if isInputGone { return }
    }
  }

  /// Returns false where the screen is to close.
  private mutating func handleNotices() -> Bool {
    for notice in pipe.notices() {
      switch notice {
      case .woken: needsPaint = true
      case .resized: resized()
      case .suspend: suspend()
      case .continued:
        terminal.enter()
        resized()
      case .stop: if quit() { return false }
      }
    }
    return true
  }

  private mutating func handleInput() -> Bool {
    while let input = terminal.nextInput() {
      needsPaint = true
      let effects = ScreenUpdate.apply(input, to: &model)
      if effects.contains(.quit), quit() { return false }
      perform(effects)
    }
    return true
  }

  private mutating func quit() -> Bool {
    needsPaint = true
    return source.quitAsked(&model)
  }

  private mutating func resized() {
    let size = terminal.size
    terminal.resized(to: size)
    perform(ScreenUpdate.apply(.resized(size), to: &model))
    needsPaint = true
  }

  private mutating func perform(_ effects: [ScreenEffect]) {
    for effect in effects {
      switch effect {
      case .quit: break
      case .suspend: suspend()
      case .repaint: resized()
      case .copy(let text): terminal.copy(text)
      case .write(let path, let bytes): save(bytes, path)
      }
    }
  }

  private mutating func suspend() {
    terminal.leave()
    TerminalGuard.stopProcess()
    // The stop may reach the process a moment after it was asked for; without job control it never does.
    for _ in 0..<10 where !pipe.notices().contains(.continued) { _ = poll(nil, 0, 50) }
    TerminalGuard.processContinued()
    terminal.enter()
    resized()
  }

  /// Writes a new file, for its owner alone.
  private mutating func save(_ bytes: [UInt8], _ path: String) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      let reason = errno == EEXIST ? "it exists already; give another name" : String(cString: strerror(errno))
      model.say("'\(path)' was not written: \(reason)", isBad: true)
      return
    }
    defer { close(descriptor) }
    var written = 0
    while written < bytes.count {
      let result = bytes[written...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      if result < 0 && errno != EINTR {
        model.say("'\(path)' is incomplete: \(String(cString: strerror(errno)))", isBad: true)
        return
      }
      written += max(result, 0)
    }
    model.say("saved \(path), \(WireText.size(bytes.count)): ackscope inspect or watch reads it")
  }
}
