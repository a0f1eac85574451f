import CaptureFormat
import JSONText

/// One thing that a peer did in a session.
package struct RecordedStep: Sendable {
  /// What a peer did.
  package enum Kind: Sendable {
    /// Joined a namespace, or let the client join.
    case connect(RecordedPayload?)
    /// Refused to let the client join.
    case connectError(RecordedPayload?)
    /// Left a namespace, or put the client out.
    case disconnect
    case emit(RecordedEmit)
    case ack(RecordedAck)
    /// The client began to move to a WebSocket; the upgrade that was never finished is no step.
    case upgrade

    package var isEmit: Bool { if case .emit = self { true } else { false } }
    package var isAck: Bool { if case .ack = self { true } else { false } }
  }

  /// The address of its record in the capture.
  package var seq: Int
  package var time: CaptureTimestamp
  package var from: CaptureRecord.Peer
  package var namespace: String
  package var kind: Kind
  /// How its bytes travelled, where the capture tells.
  package var transport: CaptureRecord.Transport?

  package init(
    seq: Int, time: CaptureTimestamp, from: CaptureRecord.Peer, namespace: String, kind: Kind,
    transport: CaptureRecord.Transport? = nil
  ) {
    self.transport = transport
    self.seq = seq
    self.time = time
    self.from = from
    self.namespace = namespace
    self.kind = kind
  }

  /// The arguments or data that the step carries.
  package var payload: RecordedPayload? {
    switch kind {
    case .connect(let payload), .connectError(let payload): payload
    case .emit(let emit): emit.payload
    case .ack(let ack): ack.payload
    case .disconnect, .upgrade: nil
    }
  }
}

/// A named event on the wire.
package struct RecordedEmit: Sendable {
  /// The event's name; a number is given by its literal, see `eventIsNumber`.
  package var event: String
  /// Whether the name is a number on the wire.
  package var eventIsNumber = false
  /// The arguments after the name.
  package var payload: RecordedPayload
  /// The ack id, where an ack was asked for: as many digits as there were.
  package var id: String?
  /// The place in the session's steps of the ack that answered it, or nil.
  package var ack: Int?
  /// Microseconds from the emit to its ack.
  package var latency: Int?

  package init(event: String, payload: RecordedPayload, id: String? = nil) {
    self.event = event
    self.payload = payload
    self.id = id
  }
}

/// An ack on the wire.
package struct RecordedAck: Sendable {
  /// The ack id.
  package var id: String
  /// The place in the session's steps of the emit that it answers; nil for a stray ack.
  package var emit: Int?
  package var payload: RecordedPayload

  package init(id: String, emit: Int? = nil, payload: RecordedPayload) {
    self.id = id
    self.emit = emit
    self.payload = payload
  }
}

/// The JSON that a packet carries, with its attachments.
package struct RecordedPayload: Sendable {
  /// The JSON text: an array of arguments for emits and acks, any value for the others. Placeholders stand where
  /// attachments belong.
  package var text: [UInt8]
  /// The attachments in the order of their numbers; nil for one that the capture does not give.
  package var attachments: [[UInt8]?]
  /// Whether the capture holds only a part of it, or something else than JSON.
  package var isIncomplete: Bool

  package init(text: [UInt8], attachments: [[UInt8]?] = [], isIncomplete: Bool = false) {
    self.text = text
    self.attachments = attachments
    self.isIncomplete = isIncomplete
  }

  package init(_ value: JSONValue, attachments: [[UInt8]?] = []) {
    self.init(text: Array(value.text.utf8), attachments: attachments)
  }

  /// The JSON as a tree; null where it is not readable. Parsed anew at each call: a recording holds text.
  package var value: JSONValue { (try? JSONValue(parsing: text)) ?? .null }
}
