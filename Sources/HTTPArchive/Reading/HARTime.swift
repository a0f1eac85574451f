import AckCorrelation
import CaptureFormat

/// Times as HARs write them.
enum HARTime {
  /// An ISO 8601 moment with `Z` or an offset, as `startedDateTime` has it; nil for anything else.
  static func moment(_ text: String) -> Timestamp? {
    var base = text
    var offset: Int64 = 0
    if !text.hasSuffix("Z"), text.utf8.count > 19,
      let sign = text.lastIndex(where: { $0 == "+" || $0 == "-" }), text[..<sign].contains("T")
    {
      let digits = text[text.index(after: sign)...].filter(\.isNumber)
      guard digits.count == 4, let number = Int64(digits) else { return nil }
      offset = (number / 100 * 60 + number % 100) * 60_000_000 * (text[sign] == "-" ? -1 : 1)
      base = text[..<sign] + "Z"
    }
    let time = base.withUTF8 { CaptureTimestamp(parsing: UnsafeRawBufferPointer($0)) }
    return time.map { Timestamp(microseconds: $0.microseconds &- offset) }
  }

  /// Microseconds of a number of some unit; nil where that is no time of this world.
  ///
  /// A plain decimal is read digit by digit: seconds since 1970 with microseconds are at the edge of what a `Double` holds.
  static func microseconds(of literal: String, unit: Int64) -> Int64? {
    let parts = literal.split(separator: ".", omittingEmptySubsequences: false)
    if parts.count <= 2, let whole = Int64(parts[0]), abs(whole) < 1 << 40,
      parts.count == 1 || parts[1].utf8.allSatisfy({ $0 &- 0x30 < 10 })
    {
      var fraction: Int64 = 0
      var scale = unit
      for digit in parts.count == 2 ? Array(parts[1].utf8) : [] {
        // The first digit that is below a microsecond rounds.
        if scale < 10 {
          if scale == 1, digit >= 0x35 { fraction += 1 }
          break
        }
        scale /= 10
        fraction += Int64(digit &- 0x30) * scale
      }
      return whole * unit + (literal.hasPrefix("-") ? -fraction : fraction)
    }
    guard let number = Double(literal), abs(number) < 1e12 else { return nil }
    return Int64((number * Double(unit)).rounded())
  }
}
