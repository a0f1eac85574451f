/// The bytes of one input, taken piece by piece from the front; an input that is used up gives zeros and nothing.
struct FuzzInput {
  private(set) var rest: UnsafeRawBufferPointer

  init(_ bytes: UnsafeRawBufferPointer) { rest = bytes }

  var isEmpty: Bool { rest.isEmpty }

  mutating func byte() -> UInt8 {
    guard let first = rest.first else { return 0 }
    rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst())
    return first
  }

  mutating func bytes(_ count: Int) -> UnsafeRawBufferPointer {
    let taken = UnsafeRawBufferPointer(rebasing: rest.prefix(count))
    rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
    return taken
  }

  /// A piece that begins with its length: one byte, or 255 and two more.
  mutating func piece() -> UnsafeRawBufferPointer {
    let first = Int(byte())
    return bytes(first < 255 ? first : Int(byte()) << 8 | Int(byte()))
  }

  mutating func text() -> String { String(decoding: piece(), as: UTF8.self) }
}

extension UnsafeRawBufferPointer {
  /// The bytes in pieces of changing length, the same for the same `salt`.
  func forEachPiece(salt: UInt8, _ body: (UnsafeRawBufferPointer) -> Void) {
    var state = UInt32(salt) &+ 1
    var start = 0
    while start < count {
      state = state &* 1_664_525 &+ 1_013_904_223
      let length = salt == 0 ? 1 : 1 + Int(state >> 24) % (1 + Int(salt))
      let end = Swift.min(start + length, count)
      body(UnsafeRawBufferPointer(rebasing: self[start..<end]))
      start = end
    }
  }

  var isValidUTF8: Bool { String(validating: self, as: UTF8.self) != nil }
}
