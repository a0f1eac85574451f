import CaptureFormat
import Dispatch

/// `ackscope watch`: plays a capture into the live view.
package enum CaptureWatch {
  /// Why a capture is not shown, in words for people.
  package struct Fault: Error, Equatable {
    package var explanation: String
  }

  /// Shows a capture until its user quits.
  ///
  /// - Parameters:
  ///   - speed: seconds of the capture in a second, or infinity; nil for 1, and for all at once when following.
  ///   - follows: whether the file may still grow.
  package static func run(
    path: String, speed: Double?, follows: Bool, advice: @escaping @Sendable (String, String?) -> String
  ) throws(Fault) {
    let player = try CapturePlayer(path: path, catchesUp: follows && speed == nil)
    guard let pipe = NoticePipe() else { throw Fault(explanation: "no file descriptors are left") }
    guard let terminal = CursesTerminal(pipe: pipe.writeEnd, stops: true) else {
      throw Fault(
        explanation:
          "this terminal (TERM) is unknown here: try TERM=xterm-256color; 'ackscope inspect' needs no terminal"
      )
    }
    let model = ScreenModel(
      size: terminal.size, captureName: path, playback: Playback(speed: speed ?? 1, isFollowing: follows),
      advice: advice)
    var loop = ScreenLoop(source: player, terminal: terminal, pipe: pipe, model: model)
    loop.run()
    terminal.close()
  }
}
