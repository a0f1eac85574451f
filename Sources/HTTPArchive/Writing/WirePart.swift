import CaptureFormat
import JSONText
import SocketIOPackets

/// What an Engine.IO packet of a record looked like on the wire, apart from the transport.
enum WirePart: Equatable {
  /// A packet in text form, its digit included.
  case text([UInt8])
  /// The content of a binary message packet.
  case binary([UInt8])

  /// The packets of a `packet` record: one, and one for each attachment. Empty for what is none.
  ///
  /// Socket packets of other parsers are written in the form of the default one.
  static func parts(of record: CaptureRecord) -> [WirePart] {
    if record[.socket] != nil { return socketParts(record) }
    guard let digit = engineDigit(record) else {
      return decoded(record[.base64]).map { [.binary($0)] } ?? []
    }
    var text = [digit]
    if let data = record[.data] {
      text += data
    } else if let string = record.string(.text) {
      text += string.utf8
    } else if let bytes = decoded(record[.base64]) {
      return [.binary(bytes)]
    }
    return [.text(text)]
  }

  private static func engineDigit(_ record: CaptureRecord) -> UInt8? {
    guard let name = record.string(.engine),
      let place = ["open", "close", "ping", "pong", "message", "upgrade", "noop"].firstIndex(of: name)
    else { return nil }
    return 0x30 + UInt8(place)
  }

  private static func socketParts(_ record: CaptureRecord) -> [WirePart] {
    guard let kind = record.socketKind else { return [] }
    let digit: UInt8 =
      switch kind {
      case .connect: 0x30
      case .disconnect: 0x31
      case .event: 0x32
      case .ack: 0x33
      case .connectError: 0x34
      case .binaryEvent: 0x35
      case .binaryAck: 0x36
      }
    let attachments = attachments(of: record)
    var text: [UInt8] = [0x34, digit]
    if kind == .binaryEvent || kind == .binaryAck { text += "\(attachments.count)-".utf8 }
    if let namespace = record.string(.namespace), namespace != "/" { text += (namespace + ",").utf8 }
    if let id = record[.id] { text += id }
    if let string = record.string(.text) {
      text += string.utf8
    } else if kind == .event || kind == .binaryEvent {
      text += eventPayload(record)
    } else if let payload = record[.args] ?? record[.data] {
      text += payload
    }
    return [.text(text)] + attachments.map { .binary($0) }
  }

  /// `["event",…]`
  private static func eventPayload(_ record: CaptureRecord) -> [UInt8] {
    var payload: [UInt8] = [0x5B]
    payload += record[.event] ?? UnsafeRawBufferPointer(start: nil, count: 0)
    let arguments = record[.args].map { Array($0.dropFirst().dropLast()) } ?? []
    if !arguments.allSatisfy({ $0 <= 0x20 }) {
      if payload.count > 1 { payload.append(0x2C) }
      payload += arguments
    }
    payload.append(0x5D)
    return payload
  }

  private static func attachments(of record: CaptureRecord) -> [[UInt8]] {
    guard let literal = record[.attachments], let list = (try? JSONValue(parsing: literal))?.array else {
      return []
    }
    return list.map { element in
      let text = element.string ?? ""
      // What stands in the place of a secret is no base64, and goes as it is.
      return text.hasPrefix("[redacted:") ? Array(text.utf8) : bytes(ofBase64: text)
    }
  }

  private static func decoded(_ literal: UnsafeRawBufferPointer?) -> [UInt8]? {
    literal.map { bytes(ofBase64: JSONString.decode($0)) }
  }

  static func bytes(ofBase64 text: String) -> [UInt8] {
    var decoded = ByteSink(capacity: text.utf8.count / 4 * 3 + 3)
    text.withBytes { _ = Base64.decode($0, into: &decoded) }
    return Array(decoded.bytes)
  }
}
