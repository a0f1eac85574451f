import CaptureFormat
import Dispatch

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Shows records on the terminal's whole screen, while they come: the live view.
///
/// Traffic never waits for it: records go into a bounded store, and a thread of its own makes the screen of them.
package final class LiveScreen: Sendable {
  private let store: LiveStore
  private let pipe: NoticePipe
  private let done = DispatchSemaphore(value: 0)

  /// Takes the terminal over and begins to show.
  ///
  /// - Parameters:
  ///   - captureName: the path of the capture that is written, or nil.
  ///   - quitEnds: what `q` does, as the screen says it.
  ///   - advice: what to look at next, for a verdict and its cause, or for a finding and nil.
  ///   - quitAsked: called on the screen's thread when a person asks to quit, with how often; returns whether the screen
  ///     closes at once. Otherwise it stays until `finish()`.
  /// - Returns: nil where the terminal cannot be used.
  package init?(
    captureName: String?, quitEnds: String, advice: @escaping @Sendable (String, String?) -> String,
    quitAsked: @escaping @Sendable (_ times: Int) -> Bool
  ) {
    guard let pipe = NoticePipe() else { return nil }
    self.pipe = pipe
    let store = LiveStore(pipe: pipe)
    self.store = store
    let done = done
    let isShown = ScreenThread.start(
      pipe: pipe, done: done, source: { LiveSource(store: store, quitAsked: quitAsked) },
      model: { ScreenModel(size: $0, captureName: captureName, quitEnds: quitEnds, advice: advice) })
    guard isShown else { return nil }
  }

  /// Whether there is a terminal that the live view can use: both for keys and for the screen, and not `TERM=dumb`.
  package static var isPossible: Bool {
    guard isatty(STDOUT_FILENO) == 1, isatty(STDIN_FILENO) == 1, let term = getenv("TERM") else {
      return false
    }
    let name = String(cString: term)
    return !name.isEmpty && name != "dumb"
  }

  /// Takes whole records in; quick, whatever the screen does.
  ///
  /// - Parameter notes: of the events and acks among them, in their order; one that lacks its note costs more.
  package func recordsWritten(_ records: UnsafeRawBufferPointer, notes: [PacketNote]) {
    store.recordsWritten(records, notes: notes)
  }

  /// Shows a line for people: a problem in the header, until it is over or put away.
  package func diagnosed(_ line: String, _ kind: ScreenDiagnostic) { store.diagnosed(line, kind) }

  /// Says that no more traffic will come, while the screen stays for its user to look around.
  package func trafficEnded(_ notice: String) { store.trafficEnded(notice, quitEnds: "quits") }

  /// Shows what is left, gives the terminal back and returns; after two seconds of a terminal that takes nothing, too.
  package func finish() {
    store.finish()
    if done.wait(timeout: .now() + 2) == .timedOut { TerminalGuard.restore() }
  }

  /// Gives the terminal back at once, for whoever ends the process without `finish()`.
  package static func abandon() { TerminalGuard.restore() }
}
