import CaptureFormat
import LiveView
#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif
import NIOCore
import ProxyServer
import SessionDecoder
import Synchronization

/// A proxy with its capture and its view, wired together and taken apart in the right order.
final class ProxyRun: Sendable {
  /// Why a run stops.
  enum Stop: Sendable {
    case asked
    case captureFailed
  }

  private let configuration: ProxyConfiguration
  private let capture: CaptureOptions
  private let ackTimeout: DurationArgument
  private let rule: EngineIORule
  private let group: any EventLoopGroup
  private let view: RunView
  /// What the capture is called by, or nil: its path, or the path from which a set derives its files' names.
  var captureName: String? { base }
  private let base: String?
  private let announces: Bool
  /// Records that were lost when the run stopped.
  private let lost = Atomic<UInt64>(0)
  /// The first file, or nil.
  let capturePath: String?

  /// - Parameter announces: false where nobody is to be told where the proxy listens.
  init(
    configuration: ProxyConfiguration, capture: CaptureOptions, ackTimeout: DurationArgument,
    rule: EngineIORule, group: any EventLoopGroup, quitEnds: String, announces: Bool = true,
    quitAsked: @escaping @Sendable (_ times: Int) -> Bool
  ) {
    self.configuration = configuration
    self.capture = capture
    self.ackTimeout = ackTimeout
    self.rule = rule
    self.group = group
    let base = capture.path()
    self.base = base
    capturePath = capture.rotation == nil ? base : base.map { CaptureSetName.path($0, part: 1) }
    self.announces = announces
    view = RunView(
      capture.shownView(), captureName: capturePath, quitEnds: quitEnds, quitAsked: quitAsked)
  }

  /// Opens the capture, binds, and begins to forward.
  ///
  /// - Parameter captureFailed: called when the capture cannot be written and that is to end the run.
  func start(captureFailed: @escaping @Sendable () -> Void) async throws -> ProxyServer {
    let policy = capture.onCaptureError
    let shownPath = base ?? ""
    let files = try capture.files(base)
    let hasFailed = Once()
    var observer: TrafficRecorder.Observer?
    let view = view
    if view.isShowing { observer = { view.recordsWritten($0, notes: $1) } }
    let recorder = TrafficRecorder(
      decoder: capture.decoder(ackTimeout: ackTimeout, rule: rule, notesPackets: view.isShowing),
      files: files, clock: ProxyClock(),
      observer: observer,
      captureFailed: { trouble in
        switch policy {
        case .continue: StandardError.line(Self.words(trouble), kind: Self.kind(trouble))
        case .stop:
          guard hasFailed.isFirst() else { return }
          StandardError.line(Self.words(trouble, isEnd: true))
          captureFailed()
        }
      },
      captureRecovered: { lost in
        // While the run stops, what still fits says nothing about the rest.
        guard policy == .continue else { return }
        StandardError.note("the capture '\(shownPath)' can be written again; \(lost) records were lost")
      })
    let upstream = configuration.upstream?.description
    let path = capturePath
    let rule = rule
    let announces = announces
    do {
      return try await ProxyServer.start(
        configuration, recorder: recorder, isEngineIO: { rule.covers(target: $0) }, group: group,
        ready: { url in
          if announces { StandardError.write("listening on \(url)\n") }
          view.open()
          recorder.begin(listen: url, upstream: upstream)
          if announces {
            StandardError.note(
              "forwarding to \(upstream ?? "whatever clients ask for"), "
                + (path.map { "capture \($0)" } ?? "no capture"))
          }
        },
        diagnose: { StandardError.line($0, kind: .connectionProblem) })
    } catch let error as ProxyServer.CannotListen {
      removeEmptyCapture()
      throw Failure(explanation: error.explanation)
    }
  }

  /// A capture that is not written is to be seen until it is again.
  private static func kind(_ trouble: CaptureTrouble) -> ScreenDiagnostic {
    if case .notWritten = trouble { .captureProblem } else { .problem }
  }

  private static func words(_ trouble: CaptureTrouble, isEnd: Bool = false) -> String {
    switch trouble {
    case .notWritten(let path, let reason):
      "the capture '\(path)' cannot be written: \(reason); "
        + (isEnd ? "stopping" : "forwarding goes on, lost records are counted")
    case .notContinued(let reason):
      reason + "; " + (isEnd ? "stopping" : "the capture goes on in the file it has")
    case .removed(let path, let next, let lost):
      "the capture '\(path)' was removed, and \(lost) records with it; "
        + (isEnd ? "stopping" : path == next ? "it was made anew" : "it goes on in '\(next)'")
    }
  }

  /// A capture that was opened for a run that could not begin is taken back.
  private func removeEmptyCapture() {
    guard let capturePath, capturePath != "-" else { return }
    var status = stat()
    if stat(capturePath, &status) == 0, status.st_size == 0, status.st_mode & S_IFMT == S_IFREG {
      unlink(capturePath)
    }
  }

  /// Whether a live screen is up, whose user decides when it closes.
  var isLive: Bool { view.isLive }

  /// Stops in order; returns when the capture is complete and everything is shown.
  func finish(_ server: ProxyServer) async {
    await server.stop()
    view.finish()
    tellLoss(server.lostRecords)
  }

  private func tellLoss(_ lost: UInt64) {
    if lost > 0 { StandardError.line("the capture '\(base ?? "")' lacks its last \(lost) records") }
  }

  /// Stops in order, and leaves a live screen open for its user to look around.
  func stop(_ server: ProxyServer, notice: String) async {
    await server.stop()
    lost.store(server.lostRecords, ordering: .relaxed)
    view.trafficEnded(notice)
  }

  /// Closes the screen, when `stop` has left it open.
  func close() {
    view.finish()
    tellLoss(lost.load(ordering: .relaxed))
  }
}

/// Lets the first of many through.
private final class Once: Sendable {
  private let isUsed = Atomic(false)

  func isFirst() -> Bool { !isUsed.exchange(true, ordering: .relaxed) }
}
