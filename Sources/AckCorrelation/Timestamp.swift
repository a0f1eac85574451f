/// A moment, in microseconds on whatever clock the caller keeps; differences are durations.
///
/// The core reads no clock: time comes in with every input. It must not run backwards; a moment earlier than
/// one already seen is taken for that one.
package struct Timestamp: Comparable, Hashable, Sendable {
  /// Microseconds since whatever the clock counts from.
  package var microseconds: Int64

  /// A moment of the caller's clock.
  @inlinable
  package init(microseconds: Int64) {
    self.microseconds = microseconds
  }

  /// Whether one moment is before another.
  @inlinable
  package static func < (left: Timestamp, right: Timestamp) -> Bool {
    left.microseconds < right.microseconds
  }

  /// Microseconds since `earlier`.
  @inlinable
  package func since(_ earlier: Timestamp) -> Int64 {
    microseconds &- earlier.microseconds
  }

  /// This moment and so many microseconds; stays at the last representable moment instead of wrapping.
  @inlinable
  package func adding(_ duration: Int64) -> Timestamp {
    let (sum, overflow) = microseconds.addingReportingOverflow(duration)
    return Timestamp(microseconds: overflow ? .max : sum)
  }
}
