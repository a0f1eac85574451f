import Foundation

/// Finds what secrets were planted as, whatever they were written in: as they are, with escapes of JSON or of a URL, in base64 at
/// any offset, or as hexadecimal digits.
enum PlantedSecret {
  private static let word = "planted"

  /// Base64 of the word behind 0, 1 and 2 other bytes, without the characters that depend on its neighbours.
  private static let encoded: [String] = (0..<3).map { offset in
    let text = Data(String(repeating: "x", count: offset).utf8 + Data(word.utf8)).base64EncodedString()
    return String(text.dropFirst(offset == 0 ? 0 : offset + 1).prefix(7))
  }

  private static let hexadecimal = word.utf8.map { String($0, radix: 16) }

  /// Whether a line gives one away.
  static func isIn(_ line: String) -> Bool {
    let line = line.lowercased() == line ? line : line + "\n" + line.lowercased()
    return line.contains(word) || encoded.contains { line.contains($0) }
      || line.contains(hexadecimal.joined()) || line.contains(hexadecimal.joined(separator: " "))
      || line.contains(hexadecimal.map { "%" + $0 }.joined())
      || line.contains(hexadecimal.map { "\\u00" + $0 }.joined())
  }
}
