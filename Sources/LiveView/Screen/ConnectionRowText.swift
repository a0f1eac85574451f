/// A connection's state in words.
enum ConnectionRowText {
  /// `polling → websocket`
  static func transports(_ row: ConnectionRow) -> String {
    row.transports.map { "\($0)" }.joined(separator: " → ")
  }

  /// `open`, or why it ended.
  static func ending(_ row: ConnectionRow) -> String {
    guard row.closed != nil else { return "" }
    var text = "by " + (row.closedBy.isEmpty ? "a peer" : row.closedBy)
    if let code = row.closeCode { text += ", code \(code)" }
    if !row.closeReason.isEmpty { text += " " + row.closeReason }
    return text
  }
}
