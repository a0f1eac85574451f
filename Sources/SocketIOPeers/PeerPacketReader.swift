import JSONText
import NIOCore
import RecordedSessions
import SocketIOPackets

/// Reads what one peer sends in one session, across its transports: Engine.IO packets, and the Socket.IO packets in them.
package struct PeerPacketReader: ~Copyable {
  /// A packet of the peer.
  package enum Arrival {
    case open([UInt8])
    case close
    case ping(String)
    case pong(String)
    case noop
    case upgrade
    /// A whole Socket.IO packet; an ack with its id and no place yet.
    case step(ArrivedStep)
    /// Something that no receiver could read.
    case unreadable(String)
  }

  private let version: EngineIOVersion
  private var stream: SocketPacketStream

  package init(version: EngineIOVersion) {
    self.version = version
    stream = SocketPacketStream(revision: version == .v3 ? .four : .five)
  }

  /// Whether the peer has shown that it packs its packets with msgpack.
  package var usesMsgpack: Bool { stream.parser == .msgpack }

  /// A WebSocket message arrived.
  package mutating func messageArrived(_ bytes: UnsafeRawBufferPointer, isText: Bool) -> Arrival? {
    do throws(PacketRefusal) {
      let packet = try EngineIO.packet(ofMessage: bytes, isText: isText, version: version)
      return arrival(packet, bytes)
    } catch {
      return .unreadable("\(error.reason)")
    }
  }

  /// A polling body arrived.
  package mutating func bodyArrived(_ bytes: UnsafeRawBufferPointer, contentType: String?) -> [Arrival] {
    let isBinary = version == .v3 && PollingPayload.isBinaryForm(contentType: contentType, body: bytes)
    let payload = PollingPayload(body: bytes, version: version, isBinary: isBinary)
    var arrivals = payload.packets.compactMap { arrival($0, bytes) }
    if let refusal = payload.refusal { arrivals.append(.unreadable("\(refusal.reason)")) }
    return arrivals
  }

  private mutating func arrival(_ packet: EnginePacket, _ bytes: UnsafeRawBufferPointer) -> Arrival? {
    let payload = UnsafeRawBufferPointer(rebasing: bytes[packet.payload])
    func text() -> String { String(decoding: payload, as: UTF8.self) }
    switch packet.type {
    case .open: return .open(Array(payload))
    case .close: return .close
    case .ping: return .ping(text())
    case .pong: return .pong(text())
    case .noop: return .noop
    case .upgrade: return .upgrade
    case nil: return nil
    case .message: break
    }
    guard packet.isBinary else { return step(stream.receiveText(payload), payload) }
    guard packet.isBase64 else { return step(stream.receiveBinary(payload), payload) }
    var decoded = ByteSink(capacity: payload.count)
    Base64.decode(payload, into: &decoded)
    return step(stream.receiveBinary(decoded.bytes), decoded.bytes)
  }

  private func step(_ input: SocketInput, _ bytes: UnsafeRawBufferPointer) -> Arrival? {
    switch input {
    case .packet(let packet): return step(packet, bytes, [])
    case .assembled(let packet):
      let attachments = (0..<stream.attachmentCountKept).map { Array(stream.attachment(at: $0)) }
      return step(packet, stream.assembled, attachments)
    case .waiting, .attachment: return nil
    case .refused(let refusal, _): return .unreadable("\(refusal.reason)")
    case .brokenAttachments(_, let refusal, _): return .unreadable("\(refusal.reason)")
    case .customParser: return .unreadable("an encoding that Ackscope does not know")
    }
  }

  private func step(
    _ packet: SocketPacket, _ bytes: UnsafeRawBufferPointer, _ attachments: [[UInt8]]
  ) -> Arrival? {
    let namespace =
      packet.namespaceName.isEmpty ? "/" : String(decoding: bytes[packet.namespaceName], as: UTF8.self)
    let id = packet.idDigits.isEmpty ? nil : String(decoding: bytes[packet.idDigits], as: UTF8.self)
    func arguments() -> RecordedPayload {
      let inner = packet.arguments.map { Array(bytes[$0]) } ?? []
      return RecordedPayload(text: [0x5B] + inner + [0x5D], attachments: attachments)
    }
    func data() -> RecordedPayload? { packet.payload.map { RecordedPayload(text: Array(bytes[$0])) } }
    let kind: RecordedStep.Kind
    switch packet.type {
    case .connect: kind = .connect(data())
    case .connectError: kind = .connectError(data())
    case .disconnect: kind = .disconnect
    case .event, .binaryEvent:
      guard let name = packet.event else { return .unreadable("an event without a name") }
      let literal = UnsafeRawBufferPointer(rebasing: bytes[name])
      let isNumber = literal.first != 0x22
      var emit = RecordedEmit(
        event: isNumber ? String(decoding: literal, as: UTF8.self) : JSONString.decode(literal),
        payload: arguments(), id: id)
      emit.eventIsNumber = isNumber
      kind = .emit(emit)
    case .ack, .binaryAck: kind = .ack(RecordedAck(id: id ?? "", payload: arguments()))
    }
    return .step(ArrivedStep(namespace: namespace, kind: kind))
  }
}
