import JSONText

extension ByteSink {
  /// Appends one field of comma-separated values, quoted where it holds a comma, a quote, a line break, or a space at an
  /// end (RFC 4180 §2).
  mutating func append(csvField bytes: UnsafeRawBufferPointer) {
    let needsQuotes =
      bytes.contains { $0 == 0x2C || $0 == 0x22 || $0 == 0x0A || $0 == 0x0D } || bytes.first == 0x20
      || bytes.last == 0x20
    guard needsQuotes else {
      append(bytes)
      return
    }
    append(0x22)
    for byte in bytes {
      if byte == 0x22 { append(0x22) }
      append(byte)
    }
    append(0x22)
  }
}
