/// Checks that bytes which arrive in pieces are UTF-8 (RFC 3629: shortest form, no surrogates, at most U+10FFFF).
struct UTF8Validator {
  private var due: UInt8 = 0
  private var low: UInt8 = 0x80
  private var high: UInt8 = 0xBF

  /// Whether the bytes so far end with a whole character.
  var isComplete: Bool { due == 0 }

  /// Takes the next bytes; returns the index of the first that cannot be there, after which nothing more may be asked.
  @inline(__always)
  mutating func receive(_ bytes: UnsafeRawBufferPointer) -> Int? {
    guard let start = bytes.baseAddress else { return nil }
    let ascii = due == 0 ? UTF8Validator.asciiPrefix(start, bytes.count) : 0
    return ascii == bytes.count ? nil : receive(start, from: ascii, bytes.count)
  }

  private mutating func receive(_ start: UnsafeRawPointer, from first: Int, _ count: Int) -> Int? {
    var index = first
    while index < count {
      let byte = start.load(fromByteOffset: index, as: UInt8.self)
      if due > 0 {
        guard byte >= low, byte <= high else { return index }
        low = 0x80
        high = 0xBF
        due &-= 1
      } else if byte < 0x80 {
        index &+= UTF8Validator.asciiPrefix(start + index, count &- index)
        continue
      } else {
        switch byte {
        case 0xC2...0xDF: due = 1
        case 0xE0: (due, low) = (2, 0xA0)
        case 0xED: (due, high) = (2, 0x9F)
        case 0xE1...0xEF: due = 2
        case 0xF0: (due, low) = (3, 0x90)
        case 0xF1...0xF3: due = 3
        case 0xF4: (due, high) = (3, 0x8F)
        default: return index
        }
      }
      index &+= 1
    }
    return nil
  }

  /// How many bytes from `start` on are ASCII.
  @inline(__always)
  private static func asciiPrefix(_ start: UnsafeRawPointer, _ count: Int) -> Int {
    let highBits: UInt64 = 0x8080_8080_8080_8080
    var index = 0
    while count &- index >= 32 {
      let words =
        start.loadUnaligned(fromByteOffset: index, as: UInt64.self)
        | start.loadUnaligned(fromByteOffset: index &+ 8, as: UInt64.self)
        | start.loadUnaligned(fromByteOffset: index &+ 16, as: UInt64.self)
        | start.loadUnaligned(fromByteOffset: index &+ 24, as: UInt64.self)
      if words & highBits != 0 { break }
      index &+= 32
    }
    while count &- index >= 8, start.loadUnaligned(fromByteOffset: index, as: UInt64.self) & highBits == 0 {
      index &+= 8
    }
    while index < count, start.load(fromByteOffset: index, as: UInt8.self) < 0x80 { index &+= 1 }
    return index
  }
}
