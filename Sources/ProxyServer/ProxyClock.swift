import AckCorrelation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Time for records: anchored to the wall clock once, then running on the monotonic clock, so that it never
/// jumps and differences are durations.
package struct ProxyClock: Sendable {
  private let offset: Int64
  private let given: (@Sendable () -> Timestamp)?

  /// The clock of this machine.
  package init() {
    given = nil
    offset = Self.microseconds(CLOCK_REALTIME) - Self.microseconds(CLOCK_MONOTONIC)
  }

  /// Time as its caller has it, for traffic whose times are known: it must never go back.
  package init(reading: @escaping @Sendable () -> Timestamp) {
    given = reading
    offset = 0
  }

  /// The time now.
  package var now: Timestamp {
    if let given { return given() }
    return Timestamp(microseconds: Self.microseconds(CLOCK_MONOTONIC) + offset)
  }

  private static func microseconds(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
  }
}
