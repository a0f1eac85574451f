import JSONText

/// Writes msgpack values as JSON text, as `JSON.stringify` would write what a JavaScript peer decodes them to.
///
/// Integers keep all digits of their 64 bits. Floats get the shortest text that reads back as the same number, without `.0`;
/// those that are not finite become null. Undefined (extension 0, one byte) becomes null, dates become their ISO 8601
/// text. Binary values leave the text and become attachments with a placeholder. Broken UTF-8 becomes U+FFFD.
struct MsgpackWriter {
  private struct Level {
    var isMap: Bool
    var left: Int
    var isFirst = true
  }

  private let limits: SocketPacketLimits
  /// Whether a map with members was written.
  private(set) var metMembers = false

  init(limits: SocketPacketLimits) { self.limits = limits }

  /// Writes the value at the scanner's position.
  mutating func write(
    _ scanner: inout MsgpackScanner, to assembly: inout PacketAssembly
  ) throws(PacketRefusal) {
    var levels: [Level] = []
    repeat {
      let start = scanner.position
      let item = try scanner.next()
      if let isKey = separate(&levels, in: &assembly), isKey {
        try writeName(item, &scanner, to: &assembly)
      } else {
        switch item {
        case .array(let count):
          assembly.writableText.append(0x5B)
          levels.append(Level(isMap: false, left: count))
        case .map(let count):
          if count > 0 { metMembers = true }
          assembly.writableText.append(0x7B)
          levels.append(Level(isMap: true, left: 2 * count))
        default: write(scalar: item, of: scanner.bytes, to: &assembly)
        }
      }
      guard levels.count <= limits.depth else { throw PacketRefusal(.tooDeep, at: start) }
      guard assembly.text.count <= limits.packetBytes else { throw PacketRefusal(.tooLarge, at: start) }
      while let level = levels.last, level.left == 0 {
        assembly.writableText.append(level.isMap ? 0x7D : 0x5D)
        levels.removeLast()
      }
    } while !levels.isEmpty
  }

  /// Writes what stands before the next item of the innermost level; returns whether that item is a name.
  private func separate(_ levels: inout [Level], in assembly: inout PacketAssembly) -> Bool? {
    guard let level = levels.last else { return nil }
    let isKey = level.isMap && level.left % 2 == 0
    if level.isMap, !isKey {
      assembly.writableText.append(0x3A)
    } else if !level.isFirst {
      assembly.writableText.append(0x2C)
    }
    levels[levels.count - 1].isFirst = false
    levels[levels.count - 1].left -= 1
    return isKey
  }

  /// A map's key, made a string as JavaScript makes it one.
  private func writeName(
    _ item: MsgpackItem, _ scanner: inout MsgpackScanner, to assembly: inout PacketAssembly
  ) throws(PacketRefusal) {
    switch item {
    case .string(let range):
      assembly.writableText.append(jsonString: UnsafeRawBufferPointer(rebasing: scanner.bytes[range]))
    case .array(let count), .map(let count):
      let values: Int
      if case .map = item { values = 2 * count } else { values = count }
      for _ in 0..<values { try scanner.skipValue() }
      assembly.writableText.append(#""[object Object]""# as StaticString)
    case .binary, .ext:
      assembly.writableText.append(#""[object Object]""# as StaticString)
    default:
      assembly.writableText.append(0x22)
      write(scalar: item, of: scanner.bytes, to: &assembly)
      assembly.writableText.append(0x22)
    }
  }

  private func write(
    scalar item: MsgpackItem, of bytes: UnsafeRawBufferPointer, to assembly: inout PacketAssembly
  ) {
    switch item {
    case .null, .array, .map: assembly.writableText.append("null" as StaticString)
    case .boolean(let value): assembly.writableText.append(value ? "true" as StaticString : "false")
    case .integer(let value): assembly.writableText.append(decimal: Int(value))
    case .largeInteger(let value): assembly.writableText.append(decimal: value)
    case .float(let value): write(float: value, to: &assembly)
    case .string(let range):
      assembly.writableText.append(jsonString: UnsafeRawBufferPointer(rebasing: bytes[range]))
    case .binary(let range): attach(bytes, range, to: &assembly)
    case .ext(let type, let range, let isFixed):
      write(ext: type, bytes, range, isFixed: isFixed, to: &assembly)
    }
  }

  private func write(float value: Double, to assembly: inout PacketAssembly) {
    guard value.isFinite else {
      assembly.writableText.append("null" as StaticString)
      return
    }
    var text = value.description
    if text.hasSuffix(".0") { text.removeLast(2) }
    assembly.writableText.append(text)
  }

  private func attach(
    _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, to assembly: inout PacketAssembly
  ) {
    assembly.writableText.append(#"{"_placeholder":true,"num":"# as StaticString)
    assembly.writableText.append(decimal: assembly.attachmentCount)
    assembly.writableText.append(0x7D)
    assembly.attach(UnsafeRawBufferPointer(rebasing: bytes[range]), byteCount: range.count, limits: limits)
  }

  /// Extension values as the reference parser reads them (PROTOCOL.md C.1); those it does not know become a pair of
  /// type and bytes there, and so here.
  private func write(
    ext type: Int8, _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, isFixed: Bool,
    to assembly: inout PacketAssembly
  ) {
    func unsigned(_ range: Range<Int>) -> UInt64 { range.reduce(0) { $0 << 8 | UInt64(bytes[$1]) } }
    let start = range.lowerBound
    switch (type, range.count, isFixed) {
    case (0, 1, true):
      assembly.writableText.append("null" as StaticString)
    case (0, 8, true):
      assembly.writableText.append(isoDate: Int64(bitPattern: unsigned(range)))
    case (0, _, false):
      attach(bytes, range, to: &assembly)
    case (-1, 4, true):
      assembly.writableText.append(isoDate: Int64(unsigned(range)) * 1000)
    case (-1, 8, true):
      let word = unsigned(range)
      assembly.writableText.append(
        isoDate: Int64(word & 0x3_FFFF_FFFF) * 1000 + Int64(word >> 34) / 1_000_000)
    case (-1, 12, false):
      let seconds = Int64(bitPattern: unsigned(start + 4..<range.upperBound))
      let milliseconds = Int64(unsigned(start..<start + 4)) / 1_000_000
      // Far outside of what a date can be: null, like every date out of range.
      assembly.writableText.append(
        isoDate: abs(max(seconds, -.max)) > 1 << 50 ? .max : seconds * 1000 + milliseconds)
    default:
      assembly.writableText.append(0x5B)
      assembly.writableText.append(decimal: Int(type))
      assembly.writableText.append(0x2C)
      attach(bytes, range, to: &assembly)
      assembly.writableText.append(0x5D)
    }
  }
}

extension ByteSink {
  /// Appends a date as `JSON.stringify` writes it (ECMA-262 `Date.prototype.toJSON`): null where out of range.
  ///
  /// - Parameter milliseconds: since 1970, UTC.
  fileprivate mutating func append(isoDate milliseconds: Int64) {
    guard abs(max(milliseconds, -.max)) <= 8_640_000_000_000_000 else {
      append("null" as StaticString)
      return
    }
    let dayLength: Int64 = 86_400_000
    var days = milliseconds / dayLength
    var rest = milliseconds % dayLength
    if rest < 0 {
      rest += dayLength
      days -= 1
    }
    // Days to a date by the era method: eras of 400 years that begin in March, so that leap days come last.
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    append(0x22)
    if year < 0 || year > 9999 {
      append(year < 0 ? 0x2D : 0x2B)
      append(padded: abs(year), width: 6)
    } else {
      append(padded: year, width: 4)
    }
    append(0x2D)
    append(padded: month, width: 2)
    append(0x2D)
    append(padded: dayOfYear - (153 * monthFromMarch + 2) / 5 + 1, width: 2)
    append(0x54)
    append(padded: rest / 3_600_000, width: 2)
    append(0x3A)
    append(padded: rest / 60_000 % 60, width: 2)
    append(0x3A)
    append(padded: rest / 1000 % 60, width: 2)
    append(0x2E)
    append(padded: rest % 1000, width: 3)
    append("Z\"" as StaticString)
  }

  private mutating func append(padded number: Int64, width: Int) {
    var power: Int64 = 1
    for _ in 1..<width { power *= 10 }
    while power > 1, number < power {
      append(0x30)
      power /= 10
    }
    append(decimal: Int(number))
  }
}
