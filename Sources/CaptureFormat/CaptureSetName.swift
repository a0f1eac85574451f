/// How the files of a capture that spans several are named: `chat.000001.jsonl`, `chat.000002.jsonl`, … for
/// `chat.jsonl`, so that names sort in the order of time.
package enum CaptureSetName {
  private static let digits = 6

  /// The path of one file.
  ///
  /// - Parameters:
  ///   - base: the path that the set is called by.
  ///   - part: the number of the file, from 1.
  package static func path(_ base: String, part: UInt64) -> String {
    let number = String(part)
    let (stem, suffix) = split(base)
    return "\(stem).\(String(repeating: "0", count: max(0, digits - number.count)))\(number)\(suffix)"
  }

  /// The number in a file's name, or nil where the file is none of the set.
  ///
  /// - Parameters:
  ///   - name: a file's name without its directory.
  ///   - base: the name that the set is called by, without its directory.
  package static func part(of name: String, base: String) -> UInt64? {
    let (stem, suffix) = split(base)
    guard name.utf8.count >= stem.utf8.count + 1 + digits + suffix.utf8.count, name.hasPrefix(stem + "."),
      name.hasSuffix(suffix)
    else { return nil }
    let number = name.dropFirst(stem.count + 1).dropLast(suffix.count)
    guard number.utf8.count >= digits, number.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
      return nil
    }
    return UInt64(number)
  }

  /// The path of the file behind one of a set; nil where the name does not have its number.
  ///
  /// - Parameter part: the number of the file itself.
  package static func next(to path: String, part: Int) -> String? {
    guard part > 0, let number = UInt64(exactly: part) else { return nil }
    let (stem, suffix) = split(path)
    let digits = stem.reversed().prefix { $0.isASCII && $0.isNumber }.count
    let start = stem.index(stem.endIndex, offsetBy: -digits)
    guard digits > 0, UInt64(stem[start...]) == number, stem[..<start].hasSuffix(".") else { return nil }
    return Self.path(String(stem[..<start].dropLast()) + suffix, part: number + 1)
  }

  /// A path before and from the last dot of its name on.
  private static func split(_ base: String) -> (stem: Substring, suffix: Substring) {
    let nameStart = base.lastIndex(of: "/").map { base.index(after: $0) } ?? base.startIndex
    guard let dot = base[nameStart...].lastIndex(of: "."), dot > nameStart else {
      return (base[...], base[base.endIndex...])
    }
    return (base[..<dot], base[dot...])
  }
}
