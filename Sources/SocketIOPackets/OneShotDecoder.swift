import JSONText

/// Decodes single inputs with everything copied out of the slices: for people who paste something, not for traffic.
package enum OneShotDecoder {
  /// What an input is taken for.
  package enum Layer: String, Sendable, CaseIterable {
    /// One WebSocket message.
    case ws
    /// One polling body.
    case polling
    /// The payload of an Engine.IO text message: a Socket.IO packet.
    case socket
    /// The payload of an Engine.IO binary message: a msgpack packet.
    case msgpack
  }

  /// One Engine.IO packet, and the Socket.IO packet that it held or completed.
  package struct Packet: Sendable {
    /// The Engine.IO type; `message` where the layer is below Engine.IO, nil for an undefined type (PROTOCOL.md A.5).
    package var engine: EnginePacketType?
    /// The Socket.IO packet of a message.
    package var socket: SocketPacket?
    /// What the ranges of `socket` are slices of; without `socket`, the payload of the Engine.IO packet.
    package var bytes: [UInt8]
    /// Whether `bytes` is binary data, where there is no `socket`.
    package var isBinary: Bool
    /// The attachments that came.
    package var attachments: [[UInt8]]
    /// Bytes on the wire, attachments included.
    package var wireBytes: Int
  }

  /// The packets of an input, and why decoding stopped, if it did.
  package struct Outcome: Sendable {
    /// The packets before the refusal.
    package var packets: [Packet] = []
    /// What the newest reference parser refuses; the offset counts from the start of the input, and is the start of
    /// the packet where that is in base64.
    package var refusal: PacketRefusal?
  }

  /// Decodes one input.
  ///
  /// A binary packet whose attachments are not all given comes last, with those that are.
  ///
  /// - Parameters:
  ///   - isText: false where the input is binary: a binary WebSocket message, or a polling body that has the binary
  ///     form of Engine.IO 3 if it begins like one.
  ///   - attachments: the binary messages that follow the input.
  package static func decode(
    _ input: UnsafeRawBufferPointer, layer: Layer, version: EngineIOVersion, isText: Bool,
    attachments: [[UInt8]] = []
  ) -> Outcome {
    var run = Run(version: version)
    switch layer {
    case .ws:
      do throws(PacketRefusal) {
        run.take(try EngineIO.packet(ofMessage: input, isText: isText, version: version), of: input)
      } catch {
        run.outcome.refusal = error
      }
    case .polling:
      let isBinaryForm = !isText && PollingPayload.isBinaryForm(contentType: nil, body: input)
      let payload = PollingPayload(body: input, version: version, isBinary: isBinaryForm)
      for packet in payload.packets { run.take(packet, of: input) }
      if run.outcome.refusal == nil { run.outcome.refusal = payload.refusal }
    case .socket:
      run.wireBytes = input.count
      run.take(run.stream.receiveText(input), input, offset: 0)
    case .msgpack:
      run.wireBytes = input.count
      run.stream.adopt(.msgpack)
      run.take(run.stream.receiveBinary(input), input, offset: 0)
    }
    for attachment in attachments {
      run.wireBytes += attachment.count
      attachment.withUnsafeBytes { run.take(run.stream.receiveBinary($0), $0, offset: input.count) }
    }
    run.end()
    return run.outcome
  }

  /// The state of one decoding.
  private struct Run: ~Copyable {
    var stream: SocketPacketStream
    var outcome = Outcome()
    /// Bytes on the wire since the last packet that was complete.
    var wireBytes = 0
    /// Where the text of the packet that waits for attachments stands in the input.
    private var waitingOffset: Int?
    private let version: EngineIOVersion

    init(version: EngineIOVersion) {
      self.version = version
      stream = SocketPacketStream(revision: SocketIORevision(version))
    }

    mutating func take(_ packet: EnginePacket, of input: UnsafeRawBufferPointer) {
      guard outcome.refusal == nil else { return }
      var payload = UnsafeRawBufferPointer(rebasing: input[packet.payload])
      var decoded = ByteSink(capacity: 16)
      if packet.isBase64 {
        Base64.decode(payload, into: &decoded)
        payload = decoded.bytes
      }
      wireBytes += packet.wireBytes(version)
      guard packet.type == .message else { return append(packet, payload) }
      let received = packet.isBinary ? stream.receiveBinary(payload) : stream.receiveText(payload)
      if isForeign(received, packet, payload) {
        stream = SocketPacketStream(revision: SocketIORevision(version))
        return append(packet, payload)
      }
      take(received, payload, offset: packet.payload.lowerBound, isBase64: packet.isBase64)
    }

    /// Whether a message is none of Socket.IO's: text that begins with no digit, or binary data that nobody waits for.
    /// Engine.IO alone carries such messages too.
    private func isForeign(
      _ received: SocketInput, _ packet: EnginePacket, _ payload: UnsafeRawBufferPointer
    ) -> Bool {
      switch received {
      case .customParser: true
      case .refused(let refusal, _):
        packet.isBinary
          ? refusal.reason == .binaryWithoutPacket : payload.first.map { $0 &- 0x30 > 9 } ?? true
      default: false
      }
    }

    private mutating func append(_ packet: EnginePacket, _ payload: UnsafeRawBufferPointer) {
      outcome.packets.append(
        Packet(
          engine: packet.type, bytes: Array(payload), isBinary: packet.isBinary, attachments: [],
          wireBytes: wireBytes))
      wireBytes = 0
    }

    mutating func take(
      _ received: SocketInput, _ bytes: UnsafeRawBufferPointer, offset: Int, isBase64: Bool = false
    ) {
      guard outcome.refusal == nil else { return }
      switch received {
      case .packet(let packet): append(packet, in: Array(bytes), offset: offset)
      case .assembled(let packet):
        append(
          packet, in: Array(stream.assembled), attachments: keptAttachments(),
          offset: waitingOffset ?? offset, isBase64: isBase64 && waitingOffset == nil)
        waitingOffset = nil
      case .waiting(let packet):
        waitingOffset = offset
        refuse(packet.refusal, offset: offset)
      case .attachment: waitingOffset = waitingOffset ?? offset
      case .refused(let refusal, _): refuse(refusal, offset: offset, isBase64: isBase64)
      case .brokenAttachments(_, let refusal, _): refuse(refusal, offset: offset)
      case .customParser: refuse(PacketRefusal(.unknownPacketType, at: 0), offset: offset)
      }
    }

    mutating func end() {
      guard outcome.refusal == nil, case .assembled(var packet)? = stream.sessionEnded() else { return }
      packet.refusal = nil
      append(packet, in: Array(stream.assembled), attachments: keptAttachments(), offset: 0)
    }

    private func keptAttachments() -> [[UInt8]] {
      (0..<stream.attachmentCountKept).map { Array(stream.attachment(at: $0)) }
    }

    private mutating func append(
      _ packet: SocketPacket, in bytes: [UInt8], attachments: [[UInt8]] = [], offset: Int,
      isBase64: Bool = false
    ) {
      if let refusal = packet.refusal { return refuse(refusal, offset: offset, isBase64: isBase64) }
      outcome.packets.append(
        Packet(
          engine: .message, socket: packet, bytes: bytes, isBinary: false, attachments: attachments,
          wireBytes: wireBytes))
      wireBytes = 0
    }

    private mutating func refuse(_ refusal: PacketRefusal?, offset: Int, isBase64: Bool = false) {
      guard var refusal else { return }
      refusal.offset = isBase64 ? offset : refusal.offset + offset
      outcome.refusal = refusal
    }
  }
}
