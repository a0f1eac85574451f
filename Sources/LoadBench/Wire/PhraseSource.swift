/// Text like that of a chat, the same for the same seed: what compresses and scans like what people write.
struct PhraseSource {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  /// So many bytes of words that need no escape in JSON.
  mutating func text(bytes: Int) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity(bytes + 16)
    while text.count < bytes {
      if !text.isEmpty { text.append(0x20) }
      text.append(contentsOf: Self.words[Int(next() % UInt64(Self.words.count))].utf8)
    }
    text.removeLast(text.count - bytes)
    return text
  }

  private static let words = [
    "hello", "meeting", "tomorrow", "at", "nine", "please", "see", "the", "attached", "notes", "lunch", "who",
    "has",
    "room", "seven", "build", "passed", "again", "thanks", "everyone", "release", "candidate", "is", "ready",
    "for",
    "a", "look", "I", "will", "be", "late", "train", "stuck", "between", "stations", "coffee", "anyone",
    "0451",
  ]

  /// SplitMix64.
  private mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }
}
