import JSONText

/// An emit that a client is to send.
package struct ClientEmit: Sendable, Equatable {
  package var event: String
  package var arguments: [JSONValue]
  package var attachments: [[UInt8]]
  package var namespace: String
  package var wantsAck: Bool

  package init(
    _ event: String, _ arguments: [JSONValue] = [], attachments: [[UInt8]] = [], namespace: String = "/",
    wantsAck: Bool = true
  ) {
    self.event = event
    self.arguments = arguments
    self.attachments = attachments
    self.namespace = namespace
    self.wantsAck = wantsAck
  }

  func message(id: Int?) -> SocketIOMessage {
    let packet = SocketIOText(
      attachments.isEmpty ? .event : .binaryEvent, namespace: namespace, id: id,
      payload: .array([.string(event)] + arguments), attachmentCount: attachments.count)
    return SocketIOMessage(packet: packet, attachments: attachments)
  }
}

/// How an emit of a client ended, as the client sees it.
package enum EmitOutcome: Sendable, Equatable {
  case acknowledged(SocketIOMessage)
  /// The emit asked for no ack.
  case notAsked
  /// The session ended first.
  case connectionEnded
  /// The session had ended already.
  case notSent
}

/// What a client counted.
package struct ClientTally: Sendable, Equatable {
  /// The Socket.IO text of every emit, in order.
  package var texts: [String] = []
  /// Emits by event name.
  package var emits: [String: Int] = [:]
  /// Acks received, by the event they answer.
  package var acks: [String: Int] = [:]
  /// Events received, by name.
  package var events: [String: Int] = [:]
  /// Acks sent to the server, by the event they answer.
  package var answers: [String: Int] = [:]

  /// Emits that could not be sent, for the session had ended; not counted elsewhere.
  package var notSent = 0

  package init() {}

  /// Most texts kept.
  static let maximumTexts = 10_000

  mutating func emitted(_ emit: ClientEmit, text: String) {
    emits[emit.event, default: 0] += 1
    if texts.count < Self.maximumTexts { texts.append(text) }
  }
  mutating func acknowledged(_ event: String) { acks[event, default: 0] += 1 }
  mutating func received(_ event: String) { events[event, default: 0] += 1 }
  mutating func answered(_ event: String) { answers[event, default: 0] += 1 }

  /// Adds what another session of the same client, or another client, counted.
  mutating func add(_ other: ClientTally) {
    texts += other.texts.prefix(max(0, Self.maximumTexts - texts.count))
    emits.merge(other.emits, uniquingKeysWith: +)
    acks.merge(other.acks, uniquingKeysWith: +)
    events.merge(other.events, uniquingKeysWith: +)
    notSent += other.notSent
    answers.merge(other.answers, uniquingKeysWith: +)
  }
}
