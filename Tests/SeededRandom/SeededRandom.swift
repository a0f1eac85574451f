/// SplitMix64: the same numbers for the same seed, everywhere.
package struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64

  package init(_ seed: UInt64) { state = seed }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

/// A random JSON text, with white space and escapes here and there.
package func randomJSON(_ random: inout SeededRandom, depth: Int) -> String {
  func space(_ random: inout SeededRandom) -> String {
    ["", "", "", " ", "\n", "\t"].randomElement(using: &random) ?? ""
  }
  func string(_ random: inout SeededRandom) -> String {
    let parts = [
      "a", "zz", "12345678", "\\n", "\\\"", "\\u00e9", "\\ud83d\\ude00", "é", "😀", "\u{2028}", "\\\\", "{",
      ",",
    ]
    return "\""
      + (0..<Int.random(in: 0..<5, using: &random)).map { _ in parts.randomElement(using: &random) ?? "" }
      .joined()
      + "\""
  }
  switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &random) {
  case 0: return ["true", "false", "null"].randomElement(using: &random) ?? "null"
  case 1: return String(Int.random(in: -1_000_000...1_000_000, using: &random))
  case 2:
    return ["0", "-0", "1.5", "-2e10", "1E-7", "9007199254740993", "0.1e+3"].randomElement(using: &random)
      ?? "0"
  case 3, 4, 5: return string(&random)
  case 6:
    let elements = (0..<Int.random(in: 0..<4, using: &random)).map { _ in
      space(&random) + randomJSON(&random, depth: depth - 1) + space(&random)
    }
    return "[" + space(&random) + elements.joined(separator: ",") + "]"
  default:
    let members = (0..<Int.random(in: 0..<4, using: &random)).map { _ in
      string(&random) + space(&random) + ":" + space(&random) + randomJSON(&random, depth: depth - 1)
    }
    return "{" + space(&random) + members.joined(separator: ",") + "}"
  }
}
