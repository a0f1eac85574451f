import RecordedTranscripts

/// How far one direction of a connection has come, as its sender or its receiver knows it: HTTP messages, then bytes.
///
/// What a proxy may change of a message (field order, `Host`, where chunks are cut) is left out.
struct WireProgress: Equatable {
  private(set) var heads: [String] = []
  private(set) var messages = 0
  private(set) var body: [UInt8] = []
  private(set) var raw: [UInt8] = []
  private(set) var isUpgraded = false
  private var splitter: HTTPSplitter
  private let isRequest: Bool

  init(isRequest: Bool) {
    splitter = HTTPSplitter(isRequest: isRequest)
    self.isRequest = isRequest
  }

  static func == (left: WireProgress, right: WireProgress) -> Bool {
    left.heads == right.heads && left.messages == right.messages && left.body == right.body
      && left.raw == right.raw
  }

  /// Whether as much has come as there.
  func hasReached(_ other: WireProgress) -> Bool {
    heads.count >= other.heads.count && messages >= other.messages && body.count >= other.body.count
      && raw.count >= other.raw.count
  }

  mutating func advance(_ bytes: [UInt8]) {
    if isUpgraded {
      raw += bytes
      return
    }
    for part in splitter.receive(bytes, stopAfterHead: { $0[0].hasPrefix("HTTP/1.1 101") }) { take(part) }
    if !isRequest, heads.last == "HTTP/1.1 101 Switching Protocols" {
      isUpgraded = true
      raw = splitter.takeRest()
    }
  }

  /// The answer was an upgrade: bytes follow.
  mutating func upgrade() { isUpgraded = true }

  /// The direction ended.
  mutating func end() {
    for part in splitter.ended() { take(part) }
  }

  private mutating func take(_ part: HTTPSplitter.Part) {
    switch part {
    case .head(let lines): heads.append(lines[0])
    case .body(let bytes): body += bytes
    case .end: messages += 1
    }
  }
}
