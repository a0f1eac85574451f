/// Looks through many bytes for few: words of eight bytes, four of them for each decision.
///
/// Of a large message nothing but the end is of interest to the scanner, and looking for that is most of what the
/// message costs. One word for each decision would take twice as long.
package enum ByteScan {
  private static let ones: UInt64 = 0x0101_0101_0101_0101
  private static let highs: UInt64 = 0x8080_8080_8080_8080

  /// Where the first quote, backslash or control character stands, from `start` on; the count where there is none.
  @inline(__always)
  package static func endOfPlainText(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
    first(bytes, from: start) { word in
      let quote = word ^ (ones &* 0x22)
      let slash = word ^ (ones &* 0x5C)
      return (zero(quote) | zero(slash) | ((word &- ones &* 0x20) & ~word)) & highs
    }
  }

  /// Behind the printable ASCII characters from `start` on that need no escape in a JSON string: the index of the first
  /// other byte, or the count.
  @inline(__always)
  package static func endOfPrintableASCII(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
    first(bytes, from: start) { word in
      let quote = word ^ (ones &* 0x22)
      let slash = word ^ (ones &* 0x5C)
      let delete = word ^ (ones &* 0x7F)
      return (zero(quote) | zero(slash) | zero(delete) | ((word &- ones &* 0x20) & ~word) | word) & highs
    }
  }

  /// Whether one of three bytes is there.
  @inline(__always)
  package static func holds(
    _ bytes: UnsafeRawBufferPointer, anyOf first: UInt8, _ second: UInt8, _ third: UInt8
  ) -> Bool {
    let (first, second, third) = (ones &* UInt64(first), ones &* UInt64(second), ones &* UInt64(third))
    var index = 0
    while index &+ 32 <= bytes.count {
      let words = bytes.loadUnaligned(fromByteOffset: index, as: SIMD4<UInt64>.self)
      let marks = zero(words ^ first) | zero(words ^ second) | zero(words ^ third)
      if (marks[0] | marks[1] | marks[2] | marks[3]) & highs != 0 { return true }
      index &+= 32
    }
    return self.first(bytes, from: index) { word in
      (zero(word ^ first) | zero(word ^ second) | zero(word ^ third)) & highs
    } < bytes.count
  }

  /// Whether a byte is there.
  @inline(__always)
  package static func contains(_ bytes: UnsafeRawBufferPointer, _ byte: UInt8) -> Bool {
    let wanted = ones &* UInt64(byte)
    return first(bytes, from: 0) { zero($0 ^ wanted) & highs } < bytes.count
  }

  /// Where the first of some letters may stand, large or small, from `start` on; the count where there is none. The caller
  /// looks again: a byte that differs from a letter in the bit of the case is also told of.
  package static func firstLetter(
    _ bytes: UnsafeRawBufferPointer, from start: Int, among letters: (UInt8, UInt8, UInt8, UInt8, UInt8),
    or others: [UInt8]
  ) -> Int {
    let fold = ones &* 0x20
    let (a, b, c) = (ones &* UInt64(letters.0), ones &* UInt64(letters.1), ones &* UInt64(letters.2))
    let (d, e) = (ones &* UInt64(letters.3), ones &* UInt64(letters.4))
    return first(bytes, from: start) { word in
      let word = word | fold
      var marks = zero(word ^ a) | zero(word ^ b) | zero(word ^ c) | zero(word ^ d) | zero(word ^ e)
      for other in others { marks |= zero(word ^ (ones &* UInt64(other | 0x20))) }
      return marks & highs
    }
  }

  /// Marks, in its high bit, each byte that is zero. A borrow can only mark bytes above one that is: the lowest mark is
  /// right.
  @inline(__always)
  private static func zero(_ word: UInt64) -> UInt64 { (word &- ones) & ~word }

  @inline(__always)
  private static func zero(_ words: SIMD4<UInt64>) -> SIMD4<UInt64> { (words &- ones) & ~words }

  /// Where the first byte stands that `marks` marks in its word; the count where there is none.
  @inline(__always)
  private static func first(
    _ bytes: UnsafeRawBufferPointer, from start: Int, marks: (UInt64) -> UInt64
  ) -> Int {
    var index = start
    // Most strings are names: they end in the first word.
    if index &+ 8 <= bytes.count {
      let marked = marks(word(bytes, index))
      if marked != 0 { return index &+ marked.trailingZeroBitCount >> 3 }
      index &+= 8
    }
    while index &+ 32 <= bytes.count {
      let marked =
        marks(word(bytes, index)) | marks(word(bytes, index &+ 8)) | marks(word(bytes, index &+ 16))
        | marks(word(bytes, index &+ 24))
      if marked != 0 { break }
      index &+= 32
    }
    while index &+ 8 <= bytes.count {
      let marked = marks(word(bytes, index))
      if marked != 0 { return index &+ marked.trailingZeroBitCount >> 3 }
      index &+= 8
    }
    while index < bytes.count {
      // The others are filled with a byte that nothing looks for.
      if marks(UInt64(bytes[index]) | 0x7878_7878_7878_7800) != 0 { return index }
      index &+= 1
    }
    return index
  }

  /// Eight bytes, the first one lowest.
  @inline(__always)
  private static func word(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> UInt64 {
    UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
  }
}
