import CaptureFormat
import Dispatch
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The thread that a screen runs on: of its own, because it waits, and of lower priority than the traffic's.
enum ScreenThread {
  private final class Body {
    let run: () -> Void
    init(_ run: @escaping () -> Void) { self.run = run }
  }

  /// Takes the terminal over on a new thread and runs the screen there.
  ///
  /// - Parameters:
  ///   - done: signalled when the terminal was given back.
  ///   - source: made on the new thread, which alone uses it.
  ///   - model: made once the size of the screen is known.
  /// - Returns: false where there is no terminal that can be used; then `done` is not signalled.
  static func start(
    pipe: NoticePipe, done: DispatchSemaphore, source: @escaping @Sendable () -> any RecordSource,
    model: @escaping @Sendable (ScreenSize) -> ScreenModel
  ) -> Bool {
    let began = DispatchSemaphore(value: 0)
    let shown = Shown()
    let body = Body {
      guard let terminal = CursesTerminal(pipe: pipe.writeEnd, stops: false) else {
        began.signal()
        return
      }
      shown.value.store(true, ordering: .releasing)
      began.signal()
      var loop = ScreenLoop(source: source(), terminal: terminal, pipe: pipe, model: model(terminal.size))
      loop.run()
      terminal.close()
      done.signal()
    }
    var thread = pthread_t()
    let result = pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        #if canImport(Glibc)
          // On Linux this is about the calling thread: the traffic's threads come first.
          setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 5)
        #endif
        Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run()
        return nil
      }, Unmanaged.passRetained(body).toOpaque())
    guard result == 0 else { return false }
    pthread_detach(thread)
    began.wait()
    return shown.value.load(ordering: .acquiring)
  }

  private final class Shown: Sendable {
    let value = Atomic(false)
  }
}
