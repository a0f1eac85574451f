/// A request target taken apart: the path, and the members of its query as they are.
package struct RequestTarget: Sendable {
  package var path: String
  /// Names and values, percent-encoded as they came.
  package var query: [(name: String, value: String)]

  package init(_ target: String) {
    let mark = target.firstIndex(of: "?") ?? target.endIndex
    path = String(target[..<mark])
    query = target[mark...].dropFirst().split(separator: "&").map { pair in
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      return (String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
    }
  }

  /// The first value of that name.
  package subscript(name: String) -> String? { query.first { $0.name == name }?.value }

  /// The names that Engine.IO itself uses (PROTOCOL.md A.1).
  static let engineNames: Set<String> = ["EIO", "transport", "sid", "t", "b64", "j"]
}
