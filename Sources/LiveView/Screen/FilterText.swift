import CaptureFormat

/// A filter as it is typed: mistakes explained, and names made fit for it.
enum FilterText {
  /// What is wrong with a filter; nil where it is right or empty, which means none.
  static func fault(in text: String) -> CaptureFilterFault? {
    if text.allSatisfy({ $0.isWhitespace }) { return nil }
    do throws(CaptureFilterFault) {
      _ = try CaptureFilter(parsing: text)
      return nil
    } catch {
      return error
    }
  }

  /// A regular expression, in quotes, that finds exactly this name.
  static func pattern(_ name: String) -> String {
    var pattern = ""
    for character in name {
      if #"\^$.|?*+()[]{}"#.contains(character) { pattern.append("\\") }
      if character == "\"" { pattern.append("\\") }
      pattern.append(character)
    }
    return "\"^\(pattern)$\""
  }
}
