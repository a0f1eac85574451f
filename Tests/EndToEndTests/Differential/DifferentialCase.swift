import Foundation
import JSONText
import SocketIOPackets

/// One input for both decoders, what Ackscope makes of it, and how the reference parsers are asked.
struct DifferentialCase: Sendable {
  /// What the input is.
  enum Kind: String, Sendable {
    case socket, msgpack, message, body
  }

  var kind: Kind
  var version: EngineIOVersion
  var input: [UInt8]
  /// The binary messages that follow a Socket.IO text packet.
  var attachments: [[UInt8]] = []
  /// Whether an Engine.IO message has opcode text, or a body of Engine.IO 3 the text form.
  var isText = true

  /// What Ackscope says of it, member by member as `reference_parsers.py` compares them.
  struct Claim: Sendable {
    /// Whether the python parsers take the input.
    var isAccepted = true
    /// The rules that the input breaks by Ackscope's judgement.
    var refusals: [PacketRefusal] = []
    /// The other members of `ours`, as JSON.
    var members: [String] = []
  }

  /// The line for the reference parsers.
  func request(_ claim: Claim) -> String {
    let attachments = attachments.map { "\"\(base64($0))\"" }.joined(separator: ",")
    let ours = (["\"accepted\":\(claim.isAccepted)"] + claim.members).joined(separator: ",")
    return "{\"kind\":\"\(kind.rawValue)\",\"input\":\"\(base64(input))\",\"text\":\(isText),"
      + "\"attachments\":[\(attachments)],\"ours\":{\(ours)}}"
  }

  /// The input for people: text as it is, the rest in hexadecimal.
  var shown: String {
    let text =
      String(validating: input, as: UTF8.self) ?? input.map { String($0, radix: 16) }.joined(separator: " ")
    return
      "\(kind) Engine.IO \(version.rawValue) \(text.debugDescription) and \(attachments.count) attachments"
  }

  // MARK: Ackscope

  /// Decodes the input with Ackscope.
  func claim() -> Claim {
    switch kind {
    case .socket, .msgpack: socketClaim()
    case .message, .body: engineClaim()
    }
  }

  private func socketClaim() -> Claim {
    var stream = SocketPacketStream(revision: SocketIORevision(version))
    stream.adopt(kind == .msgpack ? .msgpack : .text)
    var claim = Claim()
    var packet: SocketPacket?
    var text: [UInt8] = []
    for (index, message) in ([input] + attachments).enumerated() {
      let received = message.withUnsafeBytes { bytes in
        index == 0 && kind == .socket ? stream.receiveText(bytes) : stream.receiveBinary(bytes)
      }
      switch received {
      case .packet(let whole): (packet, text) = (whole, message)
      case .assembled(let whole): (packet, text) = (whole, Array(stream.assembled))
      case .refused(let refusal, let partial):
        claim.refusals.append(refusal)
        if !refusal.refusedBy.contains(.python), let partial { (packet, text) = (partial, message) }
      case .waiting, .attachment, .brokenAttachments, .customParser: break
      }
    }
    if packet == nil, claim.refusals.isEmpty, case .assembled(let partial)? = stream.sessionEnded() {
      // Not complete: there is nothing to compare yet.
      let refusal = partial.refusal?.reason == .attachmentsMissing ? nil : partial.refusal
      claim.refusals = [refusal, partial.refusalElsewhere].compactMap { $0 }
      claim.isAccepted = !claim.refusals.contains { $0.refusedBy.contains(.python) }
      return claim
    }
    if let packet { claim.refusals += [packet.refusal, packet.refusalElsewhere].compactMap { $0 } }
    claim.isAccepted = !claim.refusals.contains { $0.refusedBy.contains(.python) }
    guard let packet, claim.isAccepted else { return claim }
    let kept = (0..<stream.attachmentCountKept).map { "\"\(base64(Array(stream.attachment(at: $0))))\"" }
    let namespace = packet.namespaceName.isEmpty ? Array("/".utf8) : Array(text[packet.namespaceName])
    claim.members = [
      "\"type\":\(packet.type.rawValue)",
      "\"namespace\":\"\(base64(namespace))\"",
      "\"id\":\(packet.idDigits.isEmpty ? "null" : "\"\(String(decoding: text[packet.idDigits], as: UTF8.self))\"")",
      "\"data\":\(packet.payload.map { "\"\(base64(Array(text[$0])))\"" } ?? "null")",
      "\"attachments\":[\(packet.type.hasAttachments || kind == .msgpack ? kept.joined(separator: ",") : "")]",
    ]
    if kind == .socket { claim.members.append("\"count\":\(packet.attachmentCount)") }
    return claim
  }

  private func engineClaim() -> Claim {
    var claim = Claim()
    var packets: [EnginePacket] = []
    input.withUnsafeBytes { bytes in
      if kind == .body {
        let payload = PollingPayload(body: bytes, version: version, isBinary: !isText)
        packets = payload.packets
        if let refusal = payload.refusal { claim.refusals.append(refusal) }
      } else {
        do throws(PacketRefusal) {
          packets = [try EngineIO.packet(ofMessage: bytes, isText: isText, version: version)]
        } catch {
          claim.refusals.append(error)
        }
      }
    }
    claim.isAccepted = !claim.refusals.contains { $0.refusedBy.contains(.python) }
    let shown = packets.map { packet in
      var payload = Array(input[packet.payload])
      if packet.isBase64 {
        var decoded = ByteSink()
        _ = payload.withUnsafeBytes { Base64.decode($0, into: &decoded) }
        payload = Array(decoded.bytes)
      }
      return "[\(packet.type.map { "\($0.rawValue)" } ?? "null"),\(packet.isBinary),\"\(base64(payload))\"]"
    }
    claim.members = ["\"packets\":[\(shown.joined(separator: ","))]"]
    return claim
  }

  private func base64(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }
}
