import AckCorrelation
import JSONText

/// Writes timestamps as RFC 3339 in UTC with microseconds, `2026-11-23T10:00:02.120345Z`.
///
/// Consecutive records mostly share their second, so the text up to the second is kept and copied.
package struct TimestampText {
  private var second: Int64 = .min
  private var prefix: [UInt8] = []

  package init() {}

  /// Appends 27 characters. Years beyond 9999 do not occur and are not catered for.
  package mutating func append(_ time: Timestamp, to sink: inout ByteSink) {
    var wholeSecond = time.microseconds / 1_000_000
    var fraction = time.microseconds % 1_000_000
    if fraction < 0 {
      fraction += 1_000_000
      wholeSecond -= 1
    }
    if wholeSecond != second {
      second = wholeSecond
      prefix = Self.text(second: wholeSecond)
    }
    sink.append(prefix)
    sink.append(atMost: 7) { room in
      var rest = UInt32(truncatingIfNeeded: fraction)
      for index in stride(from: 5, through: 0, by: -1) {
        room[index] = 0x30 &+ UInt8(truncatingIfNeeded: rest % 10)
        rest /= 10
      }
      room[6] = 0x5A
      return 7
    }
  }

  /// `2026-11-23T10:00:02.` for a second since 1970.
  private static func text(second: Int64) -> [UInt8] {
    var days = second / 86_400
    var inDay = second % 86_400
    if inDay < 0 {
      inDay += 86_400
      days -= 1
    }
    let (year, month, day) = civilDate(days: days)
    var text: [UInt8] = []
    func put(_ value: Int64, digits: Int, then separator: UInt8) {
      var power: Int64 = 1
      for _ in 1..<digits { power *= 10 }
      while power > 0 {
        text.append(0x30 + UInt8(truncatingIfNeeded: value / power % 10))
        power /= 10
      }
      text.append(separator)
    }
    put(year, digits: 4, then: 0x2D)
    put(month, digits: 2, then: 0x2D)
    put(day, digits: 2, then: 0x54)
    put(inDay / 3600, digits: 2, then: 0x3A)
    put(inDay / 60 % 60, digits: 2, then: 0x3A)
    put(inDay % 60, digits: 2, then: 0x2E)
    return text
  }

  /// The Gregorian date of a day since 1970-01-01, counted in years that begin in March so that the leap day is
  /// the last of its year.
  private static func civilDate(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
  }
}
