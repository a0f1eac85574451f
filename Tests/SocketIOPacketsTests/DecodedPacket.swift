import JSONText

@testable import SocketIOPackets

/// A packet with everything copied out of its slices, for comparing.
struct DecodedPacket {
  var packet: SocketPacket
  var text: [UInt8]
  var attachments: [[UInt8]]

  init(_ packet: SocketPacket, in bytes: UnsafeRawBufferPointer, attachments: [[UInt8]] = []) {
    self.packet = packet
    text = Array(bytes)
    self.attachments = attachments
  }

  func string(_ range: Range<Int>) -> String { String(decoding: text[range], as: UTF8.self) }

  var namespace: String { packet.namespace.isEmpty ? "/" : string(packet.namespace) }
  var namespaceName: String { packet.namespaceName.isEmpty ? "/" : string(packet.namespaceName) }
  var id: String? { packet.id == nil ? nil : string(packet.idDigits) }
  var event: String? { packet.event.map(string) }
  var arguments: String? { packet.arguments.map(string) }

  /// The payload as the vectors write it: attachments in place of their placeholders.
  var data: JSONValue? {
    guard let payload = packet.payload, let value = try? JSONValue(parsing: Array(text[payload])) else {
      return nil
    }
    return packet.attachmentCount > 0 ? restoring(value) : value
  }

  /// The payload put together again from event name and arguments: it must say the same.
  var dataFromParts: JSONValue? {
    guard let arguments else { return nil }
    let list = [event, arguments.isEmpty ? nil : arguments].compactMap { $0 }.joined(separator: ",")
    return (try? JSONValue(parsing: "[\(list)]")).map { packet.attachmentCount > 0 ? restoring($0) : $0 }
  }

  private func restoring(_ value: JSONValue) -> JSONValue {
    switch value {
    case .array(let elements): return .array(elements.map(restoring))
    case .object(let members):
      if value["_placeholder"]?.boolean == true, let number = value["num"]?.number.flatMap({ Double($0) }) {
        guard let index = Int(exactly: number), attachments.indices.contains(index) else {
          return .object([("$undefined", .boolean(true))])
        }
        var sink = ByteSink()
        attachments[index].withUnsafeBytes { sink.append(base64: $0) }
        return .object([("$bin", .string(String(decoding: sink.bytes, as: UTF8.self)))])
      }
      return .object(members.map { ($0.name, restoring($0.value)) })
    default: return value
    }
  }
}

/// What a stream made of a series of inputs.
struct StreamOutcome {
  var packets: [DecodedPacket] = []
  /// Refusals of whole inputs; refusals within packets stay in those.
  var refusals: [PacketRefusal] = []
  var brokenPackets: [DecodedPacket] = []
  var sawCustomParser = false
  /// Headers that were given before their attachments.
  var waiting: [DecodedPacket] = []
  var partials: [DecodedPacket] = []

  /// Whether the newest reference parser refuses something in it.
  var isRefused: Bool {
    !refusals.isEmpty || sawCustomParser || !brokenPackets.isEmpty
      || (packets + waiting).contains { $0.packet.refusal != nil }
  }

  mutating func take(
    _ input: SocketInput, from stream: borrowing SocketPacketStream, _ bytes: UnsafeRawBufferPointer
  ) {
    switch input {
    case .packet(let packet): packets.append(DecodedPacket(packet, in: bytes))
    case .assembled(let packet):
      let attachments = (0..<stream.attachmentCountKept).map { Array(stream.attachment(at: $0)) }
      packets.append(DecodedPacket(packet, in: stream.assembled, attachments: attachments))
    case .waiting(let packet): waiting.append(DecodedPacket(packet, in: bytes))
    case .attachment: break
    case .refused(let refusal, let partial):
      refusals.append(refusal)
      if let partial { partials.append(DecodedPacket(partial, in: bytes)) }
    case .brokenAttachments(let packet, let refusal, let next):
      refusals.append(refusal)
      let attachments = (0..<stream.interruptedAttachmentCountKept).map {
        Array(stream.interruptedAttachment(at: $0))
      }
      brokenPackets.append(DecodedPacket(packet, in: stream.interrupted, attachments: attachments))
      take(next, from: stream, bytes)
    case .customParser: sawCustomParser = true
    }
  }
}

/// Feeds messages to a fresh stream.
func decode(
  _ messages: [(isText: Bool, bytes: [UInt8])], revision: SocketIORevision = .five,
  limits: SocketPacketLimits = SocketPacketLimits(), parser: SocketPacketParser? = nil
) -> StreamOutcome {
  var stream = SocketPacketStream(limits: limits, revision: revision)
  if let parser { stream.adopt(parser) }
  var outcome = StreamOutcome()
  for message in messages {
    message.bytes.withUnsafeBytes { bytes in
      let input = message.isText ? stream.receiveText(bytes) : stream.receiveBinary(bytes)
      outcome.take(input, from: stream, bytes)
    }
  }
  return outcome
}

/// Decodes one text.
func decode(text: String, revision: SocketIORevision = .five) -> StreamOutcome {
  decode([(true, Array(text.utf8))], revision: revision)
}
