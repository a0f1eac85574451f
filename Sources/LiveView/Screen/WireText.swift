import CaptureFormat
import JSONText

/// Values from the wire as text for the screen.
enum WireText {
  /// What a JSON value says, harmless, in at most `columns`.
  static func shown(_ literal: UnsafeRawBufferPointer?, columns: Int) -> String {
    guard let literal, columns > 0 else { return "" }
    var sink = ByteSink(capacity: min(columns, 1024) + 16)
    sink.append(terminalJSON: literal, columns: columns)
    return String(decoding: sink.bytes, as: UTF8.self)
  }

  /// The same of bytes that are kept.
  static func shown(_ literal: [UInt8], columns: Int) -> String {
    literal.withUnsafeBytes { shown($0, columns: columns) }
  }

  /// An event's name: what is empty is said to be.
  static func name(_ literal: UnsafeRawBufferPointer?, columns: Int = 60) -> String {
    let text = shown(literal, columns: columns)
    return text.isEmpty ? "\"\"" : text
  }

  /// The same of bytes that are kept.
  static func name(_ literal: [UInt8], columns: Int = 60) -> String {
    literal.withUnsafeBytes { name($0, columns: columns) }
  }

  /// The string that a JSON literal stands for, as it is.
  static func plain(_ literal: [UInt8]) -> String {
    guard literal.first == 0x22 else { return String(decoding: literal, as: UTF8.self) }
    return literal.withUnsafeBytes { JSONString.decode($0) }
  }

  /// JSON as it stands in the record, cut to what could be seen; letters that peers write as escapes are shown as letters.
  static func arguments(_ json: UnsafeRawBufferPointer?, columns: Int) -> String {
    guard let json, columns > 0, json.count > 2 || json.first != 0x5B else { return "" }
    if json.count <= 4096, json.contains(0x5C), let value = try? JSONValue(parsing: json) {
      var plain = ByteSink(capacity: json.count)
      value.write(to: &plain)
      return shownText(plain.bytes, columns: columns)
    }
    return shownText(json, columns: columns)
  }

  private static func shownText(_ json: UnsafeRawBufferPointer, columns: Int) -> String {
    var sink = ByteSink(capacity: min(columns, 1024) + 16)
    sink.append(terminalText: json, columns: columns)
    return String(decoding: sink.bytes, as: UTF8.self)
  }

  /// `1.2 MiB`
  static func size(_ bytes: Int) -> String {
    for (unit, name) in [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")] where bytes >= unit {
      return "\(bytes / unit).\(bytes % unit * 10 / unit) \(name)"
    }
    return "\(bytes) B"
  }

  /// `12,345`: digits in groups, so that large counts can be read.
  static func count(_ number: Int) -> String {
    var text = ""
    for (index, digit) in String(number.magnitude).reversed().enumerated() {
      if index > 0, index % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return (number < 0 ? "-" : "") + String(text.reversed())
  }

  /// `00:12:34`
  static func clock(microseconds: Int) -> String {
    let seconds = max(0, microseconds) / 1_000_000
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(two(seconds / 3600)):\(two(seconds / 60 % 60)):\(two(seconds % 60))"
  }
}
