/// The query parameters of an Engine.IO request (PROTOCOL.md A.1).
struct EngineQuery {
  private var values: [Substring: Substring] = [:]

  /// Reads the query of a request target. Values stay percent-encoded: those that matter here never need it.
  init(target: String) {
    guard let mark = target.firstIndex(of: "?") else { return }
    for pair in target[target.index(after: mark)...].split(separator: "&").prefix(32) {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      values[parts[0]] = parts.count > 1 ? parts[1] : ""
    }
  }

  subscript(name: String) -> String? { values[name[...]].map(String.init) }

  var isRevision4: Bool { self["EIO"] == "4" }
  var sid: String? { self["sid"] }
  var transport: String? { self["transport"] }
}
