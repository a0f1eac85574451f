import JSONText

/// Which decoders would refuse an input. Ackscope itself goes on; the receiving peer may close the connection.
package struct ReferenceParsers: OptionSet, Hashable, Sendable {
  package let rawValue: UInt8

  package init(rawValue: UInt8) { self.rawValue = rawValue }

  /// The newest JavaScript parsers of the revision in use: socket.io-parser 4.2.4 and later for revision 5,
  /// 3.4.4 for revision 4, and the Engine.IO parsers beside them.
  package static let newestJavaScript = ReferenceParsers(rawValue: 1)
  /// Older JavaScript parsers of the same revision.
  package static let olderJavaScript = ReferenceParsers(rawValue: 2)
  /// python-socketio and python-engineio.
  package static let python = ReferenceParsers(rawValue: 4)

  /// Every JavaScript parser.
  package static let javaScript: ReferenceParsers = [.newestJavaScript, .olderJavaScript]
  /// Every reference parser.
  package static let all: ReferenceParsers = [.newestJavaScript, .olderJavaScript, .python]
}

/// Why an input is not a packet, or not one that every receiver takes, and at which byte.
///
/// The fault is always the sender's: nothing that Ackscope lacks is reported this way, save
/// `Reason.tooLarge`, `tooDeep` and `tooManyPackets`, which are its own limits.
package struct PacketRefusal: Error, Hashable, Sendable {
  /// The rule that was broken; `text` puts it into words.
  package var reason: Reason
  /// Bytes from the start of the input in which the fault was found.
  package var offset: Int {
    get { Int(storedOffset) }
    set { storedOffset = UInt32(clamping: newValue) }
  }
  // Kept small: each packet has room for two refusals, and a packet is copied where it goes.
  private var storedOffset: UInt32
  /// Who refuses such an input (PROTOCOL.md B.1, C.1, E).
  package var refusedBy: ReferenceParsers

  /// A refusal by the parsers that are known to refuse for this reason, unless told otherwise.
  package init(_ reason: Reason, at offset: Int, by parsers: ReferenceParsers? = nil) {
    self.reason = reason
    storedOffset = UInt32(clamping: offset)
    refusedBy = parsers ?? reason.refusedBy
  }

  /// A refusal of JSON text; Python's `NaN` and `Infinity` are told apart, for Python takes them.
  init(_ fault: JSONFault, in bytes: UnsafeRawBufferPointer) {
    guard fault.reason != .tooDeep else {
      self.init(.tooDeep, at: fault.offset)
      return
    }
    var offset = fault.offset
    if offset < bytes.count, bytes[offset] == 0x2D { offset += 1 }
    let isPythonNumber =
      (fault.reason == .unexpectedByte || fault.reason == .badNumber)
      && (Self.starts(bytes, at: offset, with: "NaN") || Self.starts(bytes, at: offset, with: "Infinity"))
    self.init(isPythonNumber ? .notFinite : .json(fault.reason), at: fault.offset)
  }

  private static func starts(_ bytes: UnsafeRawBufferPointer, at offset: Int, with word: StaticString) -> Bool
  {
    let length = word.utf8CodeUnitCount
    guard offset >= 0, bytes.count - offset >= length else { return false }
    for index in 0..<length where bytes[offset + index] != word.utf8Start[index] { return false }
    return true
  }
}

extension PacketRefusal {
  /// The rules of both layers, in the order in which the layers apply them.
  package enum Reason: Hashable, Sendable {
    // Engine.IO packets and polling bodies
    case emptyPacket, unknownEnginePacketType
    case emptyBody, lengthMissing, lengthNotTerminated, lengthNotANumber, lengthOverrunsBody
    case lengthSplitsCharacter, tooManyPackets
    case notJSONPResponse, notJSONPRequest
    // Socket.IO packets
    case emptyMessage, unknownPacketType
    case attachmentCountNotTerminated, attachmentCountNotANumber, tooManyAttachments
    case idNotANumber
    case json(JSONFault.Reason), notFinite
    case connectPayloadNotAnObject, payloadOnDisconnect, payloadNotAnArray, connectErrorPayload
    case eventNameMissing, eventNameNotStringOrNumber, eventNameReserved
    // Attachments
    case textWhileAttachmentsPending, binaryWithoutPacket
    case textAfterZeroAttachments, binaryAfterZeroAttachments
    case placeholderOutOfRange, placeholderNotANumber, attachmentsMissing
    // msgpack and JSON-only packets
    case notAPacketMap, notAPacketObject, unexpectedEndOfMap, reservedByte, bytesAfterMap
    case packetTypeOutOfRange, namespaceNotAString, idNotAnInteger
    case textForMsgpackParser, binaryForJSONParser
    // Ackscope's own limits
    case tooLarge, tooDeep

    /// The reason in words, as shown to people and written as `error` by `ackscope decode`.
    package var text: String {
      switch self {
      case .emptyPacket: "empty Engine.IO packet"
      case .unknownEnginePacketType: "unknown Engine.IO packet type"
      case .emptyBody: "empty polling body"
      case .lengthMissing: "length missing before the colon"
      case .lengthNotTerminated: "no length terminator"
      case .lengthNotANumber: "length is not a number"
      case .lengthOverrunsBody: "length overruns the body"
      case .lengthSplitsCharacter: "length ends inside a surrogate pair"
      case .tooManyPackets: "more packets in one body than are decoded"
      case .notJSONPResponse: "not a JSONP response"
      case .notJSONPRequest: "not a JSONP request body"
      case .emptyMessage: "message without data"
      case .unknownPacketType: "unknown Socket.IO packet type"
      case .attachmentCountNotTerminated: "attachment count not terminated by a dash"
      case .attachmentCountNotANumber: "attachment count is not a whole number"
      case .tooManyAttachments: "attachment count above the limit of 10"
      case .idNotANumber: "white space inside the ack id"
      case .json(let reason): reason.rawValue
      case .notFinite: "NaN and Infinity are not JSON"
      case .connectPayloadNotAnObject: "CONNECT payload must be an object"
      case .payloadOnDisconnect: "DISCONNECT must not carry a payload"
      case .payloadNotAnArray: "payload must be an array"
      case .connectErrorPayload: "CONNECT_ERROR payload must be a string or an object"
      case .eventNameMissing: "event name missing"
      case .eventNameNotStringOrNumber: "event name must be a string or a number"
      case .eventNameReserved: "reserved event name"
      case .textWhileAttachmentsPending: "text packet while attachments are pending"
      case .binaryWithoutPacket: "binary data when no packet waits for attachments"
      case .textAfterZeroAttachments: "text packet after a binary packet with zero attachments"
      case .binaryAfterZeroAttachments: "binary data after a binary packet with zero attachments"
      case .placeholderOutOfRange: "placeholder index out of range"
      case .placeholderNotANumber: "placeholder index is not a number"
      case .attachmentsMissing: "session ended before all attachments came"
      case .notAPacketMap: "not a msgpack packet map"
      case .notAPacketObject: "not a JSON packet object"
      case .unexpectedEndOfMap: "unexpected end of msgpack"
      case .reservedByte: "reserved byte in msgpack"
      case .bytesAfterMap: "bytes after the msgpack map"
      case .packetTypeOutOfRange: "packet type out of range 0 to 4"
      case .namespaceNotAString: "namespace is not a string"
      case .idNotAnInteger: "ack id is not an integer"
      case .textForMsgpackParser: "text message in a msgpack session"
      case .binaryForJSONParser: "binary message in a JSON-only session"
      case .tooLarge: "packet larger than is kept"
      case .tooDeep: "nested too deeply"
      }
    }

    /// Who refuses for this reason, as far as the reason alone tells.
    var refusedBy: ReferenceParsers {
      switch self {
      case .emptyBody, .connectErrorPayload, .connectPayloadNotAnObject, .payloadNotAnArray,
        .payloadOnDisconnect, .notFinite,
        .attachmentCountNotTerminated, .textAfterZeroAttachments, .eventNameMissing, .packetTypeOutOfRange,
        .idNotAnInteger:
        .javaScript
      case .eventNameNotStringOrNumber, .eventNameReserved, .tooManyAttachments: .newestJavaScript
      case .idNotANumber: .python
      case .tooLarge, .tooDeep, .tooManyPackets, .attachmentsMissing: []
      default: .all
      }
    }
  }
}
