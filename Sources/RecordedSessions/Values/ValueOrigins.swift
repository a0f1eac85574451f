import CaptureFormat
import JSONText

/// Who said a value first in a recording: what the clients said first, a server gives back as it got it; what the
/// server said first, it may have made up.
package struct ValueOrigins: Sendable {
  private var fromClient: Set<ScalarKey> = []
  private var fromServer: Set<ScalarKey> = []

  /// Distinct values remembered; what a server says of those beyond counts as made up.
  private static let limit = 2_000_000

  package init() {}

  /// Looks at every step of every session, in the order of the capture.
  package init(_ recording: Recording) {
    var order: [(seq: Int, session: Int, step: Int)] = []
    for (session, recorded) in recording.sessions.enumerated() {
      for (step, each) in recorded.steps.enumerated() where each.payload != nil {
        order.append((each.seq, session, step))
      }
    }
    order.sort { $0.seq < $1.seq }
    for place in order {
      let step = recording.sessions[place.session].steps[place.step]
      if let payload = step.payload { stepTaken(by: step.from, payload.value) }
    }
  }

  /// A peer sent these values.
  package mutating func stepTaken(by peer: CaptureRecord.Peer, _ value: JSONValue) {
    walk(value, name: nil, depth: 0, by: peer)
  }

  private mutating func walk(_ value: JSONValue, name: String?, depth: Int, by peer: CaptureRecord.Peer) {
    switch value {
    case .array(let elements):
      for element in elements { walk(element, name: name, depth: depth + 1, by: peer) }
    case .object(let members):
      for member in members { walk(member.value, name: member.name, depth: depth + 1, by: peer) }
    case .string, .number:
      guard let key = ScalarKey(value) else { return }
      // A small number or a short word is a value of its own only where it is called an id, or is an argument.
      let isNamed = name.map { VolatileValue.nameKind($0) == .identifier } ?? (depth <= 1)
      guard key.isUnusual || isNamed, fromClient.count + fromServer.count < Self.limit else { return }
      said(key, by: peer)
      if case .string(let text) = value {
        for token in UnusualTokens(text) { said(.string(String(token)), by: peer) }
      }
    default: break
    }
  }

  private mutating func said(_ key: ScalarKey, by peer: CaptureRecord.Peer) {
    switch peer {
    case .client: if !fromServer.contains(key) { fromClient.insert(key) }
    case .server: if !fromClient.contains(key) { fromServer.insert(key) }
    }
  }

  /// Whether no client had said the value before the server did.
  package func isServerMade(_ key: ScalarKey) -> Bool { !fromClient.contains(key) }
}

/// The parts of a text that could be ids by themselves: in `room:8f14e45f/2`, `8f14e45f`. The text itself is none.
struct UnusualTokens: Sequence {
  let text: String

  init(_ text: String) {
    self.text = text
  }

  func makeIterator() -> AnyIterator<Substring> {
    guard text.utf8.count <= 65_536, text.utf8.contains(where: { !Self.isToken($0) }) else {
      return AnyIterator { nil }
    }
    var parts = text.utf8.split { !Self.isToken($0) }.lazy.filter(ScalarKey.isUnusual).makeIterator()
    return AnyIterator { parts.next().map { Substring($0) } }
  }

  static func isToken(_ byte: UInt8) -> Bool {
    byte >= 0x30 && byte <= 0x39 || byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A || byte == 0x2D || byte == 0x5F
      || byte >= 0x80
  }
}
