import JSONText

/// A moment of a capture: microseconds since 1970-01-01T00:00:00Z, read and written as RFC 3339 in UTC.
///
/// Leap seconds do not exist here, as in POSIX time: a capture's differences are durations.
package struct CaptureTimestamp: Comparable, Hashable, Sendable {
  /// Microseconds since the epoch; negative before it.
  package var microseconds: Int64

  package init(microseconds: Int64) {
    self.microseconds = microseconds
  }

  /// Reads `2026-11-23T10:00:02.120345Z`, without quotes; the fraction may be shorter, longer or absent.
  ///
  /// Only UTC written `Z` is a capture's time (CAPTURE-FORMAT.md); all else, a wrong date included, is nil.
  package init?(parsing text: UnsafeRawBufferPointer) {
    guard text.count >= 20, text[4] == 0x2D, text[7] == 0x2D, text[10] == 0x54, text[13] == 0x3A,
      text[16] == 0x3A, text[text.count - 1] == 0x5A
    else { return nil }
    var isDigits = true
    func number(_ start: Int, _ length: Int) -> Int {
      var value = 0
      for index in start..<start &+ length {
        let digit = text[index] &- 0x30
        if digit > 9 { isDigits = false }
        value = value &* 10 &+ Int(digit)
      }
      return value
    }
    let year = number(0, 4)
    let month = number(5, 2)
    let day = number(8, 2)
    let hour = number(11, 2)
    let minute = number(14, 2)
    let second = number(17, 2)
    var fraction = 0
    if text.count > 20 {
      let digits = text.count - 21
      guard text[19] == 0x2E, digits >= 1, digits <= 9 else { return nil }
      fraction = number(20, digits)
      for _ in 0..<max(0, 6 - digits) { fraction &*= 10 }
      for _ in 0..<max(0, digits - 6) { fraction /= 10 }
    }
    guard isDigits, (1...12).contains(month), day >= 1, day <= Self.daysInMonth(month, of: year), hour < 24,
      minute < 60, second < 60
    else { return nil }
    let days = Self.days(year: year, month: month, day: day)
    let seconds = days &* 86_400 &+ hour &* 3_600 &+ minute &* 60 &+ second
    microseconds = Int64(seconds) &* 1_000_000 &+ Int64(fraction)
  }

  package static func < (left: Self, right: Self) -> Bool { left.microseconds < right.microseconds }

  /// The microseconds from `earlier` to this moment; negative where it is later, saturated where they do not fit.
  package func since(_ earlier: CaptureTimestamp) -> Int64 {
    let (difference, overflow) = microseconds.subtractingReportingOverflow(earlier.microseconds)
    return overflow ? (microseconds < 0 ? .min : .max) : difference
  }

  private static func daysInMonth(_ month: Int, of year: Int) -> Int {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// Days since the epoch. The year is counted from March, so that the leap day is its last.
  private static func days(year: Int, month: Int, day: Int) -> Int {
    let shifted = month > 2 ? year : year - 1
    let era = (shifted >= 0 ? shifted : shifted - 399) / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  fileprivate var civilDate: (year: Int, month: Int, day: Int) {
    let days = Int(microseconds.flooringQuotient(by: 86_400_000_000)) + 719_468
    let era = (days >= 0 ? days : days - 146_096) / 146_097
    let dayOfEra = days - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    return (
      yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    )
  }
}

extension Int64 {
  fileprivate func flooringQuotient(by divisor: Int64) -> Int64 {
    self >= 0 ? self / divisor : (self + 1) / divisor - 1
  }
}

extension ByteSink {
  /// Appends `10:00:02.120`: the UTC time of day to the millisecond, cut, not rounded.
  package mutating func append(timeOfDay time: CaptureTimestamp) {
    let quotient = time.microseconds.flooringQuotient(by: 86_400_000_000)
    let ofDay = Int(time.microseconds &- quotient &* 86_400_000_000)
    append(ofDay / 3_600_000_000, digits: 2)
    append(0x3A)
    append(ofDay / 60_000_000 % 60, digits: 2)
    append(0x3A)
    append(ofDay / 1_000_000 % 60, digits: 2)
    append(0x2E)
    append(ofDay / 1_000 % 1_000, digits: 3)
  }

  /// Appends `2026-11-23T10:00:02.120345Z`.
  package mutating func append(timestamp time: CaptureTimestamp) {
    let date = time.civilDate
    if date.year < 0 { append(0x2D) }
    append(abs(date.year), digits: 4)
    append(0x2D)
    append(date.month, digits: 2)
    append(0x2D)
    append(date.day, digits: 2)
    append(0x54)
    append(timeOfDay: time)
    let quotient = time.microseconds.flooringQuotient(by: 1_000)
    append(Int(time.microseconds &- quotient &* 1_000), digits: 3)
    append(0x5A)
  }

  private mutating func append(_ number: Int, digits: Int) {
    var power = 1
    for _ in 1..<digits { power *= 10 }
    if number >= power * 10 {
      append(decimal: number)
      return
    }
    while power > 0 {
      append(UInt8(truncatingIfNeeded: 0x30 + number / power % 10))
      power /= 10
    }
  }
}
