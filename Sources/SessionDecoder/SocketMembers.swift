import CaptureFormat
import JSONText
import SocketIOPackets

// The members that a Socket.IO packet has in a record, in the order of CAPTURE-FORMAT.md.

/// What became of a packet's members.
struct SocketMembers {
  /// The numbers of attachments that are secrets.
  var secrets: [Int] = []
  /// Where the names stand among the encoder's bytes.
  var namespace = 0..<0
  var event = 0..<0
}

extension RecordEncoder {
  /// `socket`, `namespace`, `id`, `event`, `args` or `text`, `data`; ranges of the packet are slices of `bytes`.
  ///
  /// - Parameters:
  ///   - isReadable: false where the payload is not the JSON that it should be.
  ///   - isCut: whether that is only because the end of the payload is not at hand.
  @inline(__always)
  mutating func socketMembers(
    _ packet: SocketPacket, _ bytes: UnsafeRawBufferPointer, isReadable: Bool = true, isCut: Bool = false
  ) -> SocketMembers {
    var members = SocketMembers()
    member("socket", word: packet.type.name)
    member("namespace")
    let namespaceStart = length
    if packet.namespaceName.isEmpty {
      raw("\"/\"")
    } else {
      appendNamespace(UnsafeRawBufferPointer(rebasing: bytes[packet.namespaceName]))
    }
    members.namespace = namespaceStart..<length
    if !packet.idDigits.isEmpty {
      member("id", verbatim: UnsafeRawBufferPointer(rebasing: bytes[packet.idDigits]))
    }
    guard packet.type.isEvent || packet.type.isAck else {
      if let payload = packet.payload { dataMember(UnsafeRawBufferPointer(rebasing: bytes[payload])) }
      return members
    }
    if let event = packet.event, isReadable || isCut {
      member("event", verbatim: UnsafeRawBufferPointer(rebasing: bytes[event]))
      members.event = (length - event.count)..<length
    }
    if isReadable, let arguments = packet.arguments {
      members.secrets = member(
        "args", json: UnsafeRawBufferPointer(rebasing: bytes[arguments]), inBrackets: true,
        mayHoldSecrets: packet.hasMembers, hasLineBreaks: packet.hasLineBreaks)
    } else if let payload = packet.payload {
      member("text", brokenJSON: UnsafeRawBufferPointer(rebasing: bytes[payload]))
    }
    return members
  }

  /// The namespace's name; one that has a query, as a CONNECT over Engine.IO 3 may (PROTOCOL.md B.3), without its secrets.
  private mutating func appendNamespace(_ name: UnsafeRawBufferPointer) {
    if name.contains(0x3F) {
      element(target: String(decoding: name, as: UTF8.self))
    } else {
      element(text: name)
    }
  }

  /// `data` where the payload is JSON, else `text`.
  mutating func dataMember(_ payload: UnsafeRawBufferPointer) {
    var scanner = JSONScanner(payload)
    do throws(JSONFault) {
      try scanner.skipValue()
      try scanner.expectEnd()
      _ = member(
        "data", json: payload, inBrackets: false, mayHoldSecrets: scanner.metMembers,
        hasLineBreaks: scanner.metLineBreaks)
    } catch {
      member("text", brokenJSON: payload)
    }
  }

  /// `parser`, for one that is not the default.
  mutating func parserMember(_ parser: SocketPacketParser) {
    member("parser", word: parser == .msgpack ? "msgpack" : "json")
  }
}
