import AckCorrelation
import CaptureFormat
import LiveView
import Synchronization

/// What shows a run: a live screen, lines, or nothing; opened when there is something to show.
final class RunView: Sendable {
  private enum Screen {
    case none
    case lines(LineScreen)
    case live(LiveScreen)
  }

  private let choice: ViewChoice
  private let captureName: String?
  private let quitEnds: String
  private let quitAsked: @Sendable (_ times: Int) -> Bool
  private let screen = Mutex(Screen.none)

  /// - Parameters:
  ///   - quitEnds: what `q` does, as the live screen says it.
  ///   - quitAsked: see `LiveScreen`.
  init(
    _ choice: ViewChoice, captureName: String?, quitEnds: String,
    quitAsked: @escaping @Sendable (_ times: Int) -> Bool
  ) {
    self.choice = choice
    self.captureName = captureName
    self.quitEnds = quitEnds
    self.quitAsked = quitAsked
  }

  /// Whether records are shown at all.
  var isShowing: Bool { choice != .none }

  /// Whether a live screen is up.
  var isLive: Bool { screen.withLock { if case .live = $0 { true } else { false } } }

  /// Takes the terminal over, or begins to write lines.
  func open() {
    guard choice != .none else { return }
    let opened: Screen
    if choice == .live,
      let live = LiveScreen(
        captureName: captureName, quitEnds: quitEnds, advice: Advice.line(verdictOrFinding:cause:),
        quitAsked: quitAsked)
    {
      StandardError.showOn { line, kind in live.diagnosed(line, kind) }
      opened = .live(live)
    } else {
      if choice == .live {
        StandardError.line(
          "this terminal (TERM) is unknown here, try TERM=xterm-256color; lines are shown instead")
      }
      opened = .lines(CaptureOptions.lineScreen())
    }
    screen.withLock { $0 = opened }
  }

  /// Takes whole records in.
  func recordsWritten(_ records: UnsafeRawBufferPointer, notes: [PacketNote]) {
    screen.withLock { screen in
      switch screen {
      case .none: break
      case .lines(let lines): lines.recordsWritten(records)
      case .live(let live): live.recordsWritten(records, notes: notes)
      }
    }
  }

  /// No more records will come; a live screen stays until `finish()`.
  func trafficEnded(_ notice: String) {
    screen.withLock { if case .live(let live) = $0 { live.trafficEnded(notice) } }
  }

  /// Shows what is left and gives the terminal back.
  func finish() {
    let shown = screen.withLock { screen in
      defer { screen = .none }
      return screen
    }
    switch shown {
    case .none: break
    case .lines(let lines): lines.finish()
    case .live(let live):
      live.finish()
      StandardError.screenEnded()
    }
  }
}
