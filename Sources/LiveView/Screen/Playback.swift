import CaptureFormat

/// How a capture is being played, for `watch`: the update changes it, the player obeys and reports.
package struct Playback: Equatable, Sendable {
  package var isPaused = false
  /// Seconds of the capture in a second; infinite for all at once.
  package var speed: Double
  /// Play on until a final verdict that is not good was shown, then pause.
  package var isSteppingToVerdict = false
  /// Whether the file may still grow.
  package var isFollowing: Bool
  /// Whether everything in the file was played.
  package var isAtEnd = false
  /// How long the capture is, in microseconds, as far as it is known.
  package var length: Int?
  /// Bytes of the file that is being played, as far as it is written.
  package var size: Int?

  package init(speed: Double = 1, isFollowing: Bool = false) {
    self.speed = speed
    self.isFollowing = isFollowing
  }
}
