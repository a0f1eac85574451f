import JSONText

/// One Socket.IO packet of protocol 5, read from and written to its text form (PROTOCOL.md B.1).
///
/// It is deliberately not the inspector's decoder: the demo's peers are what the inspector is tried against,
/// and a fault shared by both would not be seen.
package struct SocketIOText: Sendable, Equatable {
  /// The digit a packet starts with.
  package enum Kind: UInt8, Sendable {
    case connect = 0
    case disconnect, event, ack, connectError, binaryEvent, binaryAck
  }

  package var kind: Kind
  package var namespace: String
  /// The ack id, where the packet asks for an ack or is one.
  package var id: Int?
  /// The payload; attachments stand in it as `{"_placeholder":true,"num":n}`.
  package var payload: JSONValue?
  /// How many attachments follow (while reading) or are to follow (while writing).
  package var attachmentCount: Int

  package init(
    _ kind: Kind, namespace: String = "/", id: Int? = nil, payload: JSONValue? = nil, attachmentCount: Int = 0
  ) {
    self.kind = kind
    self.namespace = namespace
    self.id = id
    self.payload = payload
    self.attachmentCount = attachmentCount
  }

  /// Most attachments one packet may announce, as in the reference parser.
  static let maximumAttachments = 10
  /// Names an application may not send (PROTOCOL.md B.1).
  static let reservedEvents: Set<String> = [
    "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener",
  ]

  /// Reads a packet; nil for everything the reference parser refuses.
  package init?(parsing text: String) {
    var rest = Array(text.utf8)[...]
    guard let digit = rest.popFirst(), let kind = Kind(rawValue: digit &- 0x30) else { return nil }
    self.kind = kind
    namespace = "/"
    attachmentCount = 0

    func number() -> Int?? {
      let digits = rest.prefix { $0 &- 0x30 < 10 }
      rest = rest.dropFirst(digits.count)
      if digits.isEmpty { return .some(nil) }
      guard let value = Int(String(decoding: digits, as: UTF8.self)) else { return nil }
      return .some(value)
    }

    if kind == .binaryEvent || kind == .binaryAck {
      guard let count = number(), let count, count <= Self.maximumAttachments, rest.popFirst() == 0x2D else {
        return nil
      }
      attachmentCount = count
    }
    if rest.first == 0x2F {
      let name = rest.prefix { $0 != 0x2C }
      rest = rest.dropFirst(name.count + 1)
      namespace = String(decoding: name, as: UTF8.self)
    }
    guard let id = number() else { return nil }
    self.id = id
    if !rest.isEmpty {
      guard let payload = try? JSONValue(parsing: Array(rest)) else { return nil }
      self.payload = payload
    }
    if !hasLegalPayload { return nil }
  }

  private var hasLegalPayload: Bool {
    switch (kind, payload) {
    case (.connect, nil), (.connect, .object), (.disconnect, nil): true
    case (.connectError, .object), (.connectError, .string): true
    case (.ack, .array), (.binaryAck, .array): true
    case (.event, .array(let elements)), (.binaryEvent, .array(let elements)):
      switch elements.first {
      case .string(let name): !Self.reservedEvents.contains(name)
      case .number: true
      default: false
      }
    default: false
    }
  }

  /// The text form.
  package var text: String {
    var text = String(kind.rawValue)
    if kind == .binaryEvent || kind == .binaryAck { text += "\(attachmentCount)-" }
    if namespace != "/" { text += namespace + "," }
    if let id { text += String(id) }
    if let payload { text += payload.text }
    return text
  }
}

extension JSONValue {
  /// Where attachment number `index` of a packet belongs (PROTOCOL.md B.2).
  package static func attachment(_ index: Int) -> JSONValue {
    .object([("_placeholder", .boolean(true)), ("num", .integer(index))])
  }

  /// A whole number.
  package static func integer(_ value: Int) -> JSONValue { .number(String(value)) }
}
