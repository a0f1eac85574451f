/// The head of a request or a response, as ranges of the bytes it was read from.
///
/// No strings unless asked for: in polling a head comes with each round trip.
struct HTTPHead {
  /// Bytes up to the end of the blank line.
  let length: Int
  private let bytes: UnsafeRawBufferPointer

  /// What a peer may send before the blank line, in bytes.
  static let limit = 64 << 10

  /// The head at the beginning of `bytes`, which must outlive the value; nil while its blank line has not come.
  init?(_ bytes: UnsafeRawBufferPointer) {
    var line = 0
    var isBlank = true
    var end: Int?
    while line < bytes.count {
      let byte = bytes[line]
      line += 1
      if byte == 0x0A {
        if isBlank {
          end = line
          break
        }
        isBlank = true
      } else if byte != 0x0D {
        isBlank = false
      }
    }
    guard let end else { return nil }
    length = end
    self.bytes = UnsafeRawBufferPointer(rebasing: bytes[..<end])
  }

  /// The first line.
  var firstLine: String { text(0..<endOfLine(from: 0)) }

  /// Whether the first line begins with that.
  func begins(with text: StaticString) -> Bool {
    let count = text.utf8CodeUnitCount
    guard bytes.count >= count else { return false }
    return (0..<count).allSatisfy { bytes[$0] == text.utf8Start[$0] }
  }

  /// The status of a response, 0 where there is none.
  var status: Int {
    guard begins(with: "HTTP/1.1 "), bytes.count > 12 else { return 0 }
    return bytes[9..<12].reduce(0) { $0 * 10 + Int($1) - 0x30 }
  }

  /// `Content-Length`, or nil where there is none that can be read.
  var contentLength: Int? {
    guard let range = value(of: "content-length"), !range.isEmpty, range.count <= 10 else { return nil }
    var number = 0
    for byte in bytes[range] {
      guard (0x30...0x39).contains(byte) else { return nil }
      number = number * 10 + Int(byte) - 0x30
    }
    return number
  }

  /// The value of a field as text; `name` in lower case.
  func text(of name: StaticString) -> String? { value(of: name).map(text) }

  private func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

  /// The value of a field without the blanks around it; `name` in lower case (RFC 9110 §5.1: names have no case).
  private func value(of name: StaticString) -> Range<Int>? {
    var line = endOfLine(from: 0)
    while line < bytes.count {
      while line < bytes.count, bytes[line] == 0x0D || bytes[line] == 0x0A { line += 1 }
      let end = endOfLine(from: line)
      let colon = line + name.utf8CodeUnitCount
      if colon < end, bytes[colon] == 0x3A,
        (0..<name.utf8CodeUnitCount).allSatisfy({ bytes[line + $0] | 0x20 == name.utf8Start[$0] | 0x20 })
      {
        var range = (colon + 1)..<end
        while let first = range.first, bytes[first] == 0x20 || bytes[first] == 0x09 {
          range = (first + 1)..<range.upperBound
        }
        while let last = range.last, bytes[last] == 0x20 || bytes[last] == 0x09 {
          range = range.lowerBound..<last
        }
        return range
      }
      line = end
    }
    return nil
  }

  private func endOfLine(from start: Int) -> Int {
    var index = start
    while index < bytes.count, bytes[index] != 0x0D, bytes[index] != 0x0A { index += 1 }
    return index
  }
}
