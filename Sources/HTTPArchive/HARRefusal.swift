import CaptureFormat

/// Why a file is not read as a HAR (HTTP Archive 1.2).
package struct HARRefusal: Error, Equatable, Sendable {
  /// What was found instead.
  package enum Reason: Equatable, Sendable {
    case empty
    /// No JSON: why, and at which byte.
    case notJSON(String, offset: Int)
    /// JSON without `log.entries`.
    case noEntries
    /// A HAR, but nothing in it is a WebSocket or Engine.IO's long-polling.
    case nothingToDecode(entries: Int)
  }

  package var reason: Reason

  package init(_ reason: Reason) {
    self.reason = reason
  }

  /// One line for people that names the file, what is wrong with it, and the way out.
  package func message(for path: String) -> String {
    let file = TerminalText.harmless(path)
    let hint = "Browsers write one in the network panel: \"Save all as HAR with content\""
    return switch reason {
    case .empty: "\(file): not a HAR: the file is empty. \(hint)."
    case .notJSON(let words, let offset): "\(file): not a HAR: byte \(offset): \(words). \(hint)."
    case .noEntries: "\(file): not a HAR: it has no log.entries. \(hint)."
    case .nothingToDecode(let entries):
      "\(file): none of its \(entries) entries is a WebSocket or an Engine.IO request (EIO= and transport=). "
        + "Open the network panel before the page loads, then save again."
    }
  }
}
