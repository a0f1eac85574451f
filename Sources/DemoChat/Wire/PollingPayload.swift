/// The body of a polling GET answer or POST request: packets in text form, U+001E between them
/// (PROTOCOL.md A.4).
package struct PollingPayload: Sendable, Equatable {
  /// The packets up to the first that cannot be read.
  package var packets: [EnginePacket]
  /// Whether something in the body was no packet; what stood before it still counts, what came after is lost.
  package var isBroken = false

  package init(packets: [EnginePacket]) {
    self.packets = packets
  }

  /// Reads a body.
  package init(parsing body: some Collection<UInt8>) {
    packets = []
    for piece in body.split(separator: 0x1E, omittingEmptySubsequences: false) {
      guard let text = String(validating: piece, as: UTF8.self), let packet = EnginePacket(text: text) else {
        isBroken = true
        return
      }
      packets.append(packet)
    }
  }

  /// The body's text.
  package var text: String {
    packets.map(\.text).joined(separator: "\u{1E}")
  }
}
