import JSONText

/// Durations for people and from people.
package enum DurationText {
  /// `845 µs`, `1.8 ms`, `5.0 s`, `2 min 05 s`, `1 h 02 min`: two or three digits that matter, cut, not rounded, so
  /// that a duration below a limit never reads as the limit.
  package static func words(microseconds: Int) -> String {
    if microseconds < 0 { return "-" + words(microseconds: microseconds == .min ? .max : -microseconds) }
    func tenths(_ unit: Int, _ name: String) -> String {
      let value = microseconds / (unit / 10)
      return value < 1000 ? "\(value / 10).\(value % 10) \(name)" : "\(value / 10) \(name)"
    }
    func padded(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let seconds = microseconds / 1_000_000
    switch microseconds {
    case ..<1_000: return "\(microseconds) µs"
    case ..<1_000_000: return tenths(1_000, "ms")
    case ..<60_000_000: return tenths(1_000_000, "s")
    case ..<3_600_000_000: return "\(seconds / 60) min \(padded(seconds % 60)) s"
    default: return "\(seconds / 3600) h \(padded(seconds / 60 % 60)) min"
    }
  }

  /// As `words`, in eight columns at most: `59m 59s`, `2h 05m`, `12d 03h`.
  package static func brief(microseconds: Int) -> String {
    let seconds = microseconds / 1_000_000
    guard seconds >= 60 else { return words(microseconds: microseconds) }
    func padded(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    switch seconds {
    case ..<3600: return "\(seconds / 60)m \(padded(seconds % 60))s"
    case ..<86_400: return "\(seconds / 3600)h \(padded(seconds / 60 % 60))m"
    default: return "\(seconds / 86_400)d \(padded(seconds / 3600 % 24))h"
    }
  }

  /// Microseconds of `500ms`, `5s`, `1.5s`, `2m`, `1h`, `800us` (CLI.md), or nil.
  package static func microseconds(parsing text: some StringProtocol) -> Int? {
    let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    let unit: Int
    switch text[digits.endIndex...] {
    case "us", "µs": unit = 1
    case "ms": unit = 1_000
    case "s": unit = 1_000_000
    case "m", "min": unit = 60_000_000
    case "h": unit = 3_600_000_000
    default: return nil
    }
    guard digits.first?.isNumber == true, digits.last?.isNumber == true, let value = Double(digits) else {
      return nil
    }
    let product = value * Double(unit)
    return product < 9e15 ? Int(product) : nil
  }
}
