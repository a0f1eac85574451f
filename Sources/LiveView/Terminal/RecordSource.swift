import CaptureFormat

/// Where the screen's records come from: live traffic, or a capture that is played.
protocol RecordSource: AnyObject {
  /// Hands what is due over to the model, and sets the moment that ages count to.
  ///
  /// - Parameters:
  ///   - elapsed: microseconds since the call before.
  ///   - wall: the wall clock.
  /// - Returns: whether anything changed.
  func deliver(to model: inout ScreenModel, elapsed: Int, wall: CaptureTimestamp) -> Bool

  /// How long nothing can change, in milliseconds, unless the source is woken; nil for ever.
  func pause(_ model: ScreenModel) -> Int?

  /// A person asked to quit; returns whether the screen is to close at once.
  func quitAsked(_ model: inout ScreenModel) -> Bool

  /// Whether records come faster than they can be taken in; the next frame is then due whether the source wakes the loop or
  /// not.
  var isFlooded: Bool { get }

  /// Whether the screen is to close.
  var isFinished: Bool { get }
}
