import JSONText
import SocketIOPackets

/// The body of a polling request or answer, written anew from its packets (PROTOCOL.md A.4, A.6).
enum PollingBodyText {
  /// The body as text; Engine.IO 3 has it with lengths and without its binary form.
  static func body(_ parts: [WirePart], version: EngineIOVersion) -> String {
    let packets = parts.map { text(of: $0, version: version) }
    switch version {
    case .v4: return packets.joined(separator: "\u{1E}")
    case .v3: return packets.map { "\($0.utf16.count):\($0)" }.joined()
    }
  }

  /// JSONP's answer, `___eio[0]("…");`.
  static func padded(_ body: String, callback: String) -> String {
    var literal = ByteSink(capacity: body.utf8.count + 16)
    literal.append(jsonString: body)
    return "___eio[\(callback)](" + String(decoding: literal.bytes, as: UTF8.self) + ");"
  }

  /// JSONP's request, `d=…`.
  static func form(_ body: String) -> String {
    var form = "d="
    for byte in body.replacing("\\n", with: "\\\\n").utf8 {
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
        form.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        form += "%"
        form.unicodeScalars.append(Unicode.Scalar(hexadecimalCharacter(byte >> 4)))
        form.unicodeScalars.append(Unicode.Scalar(hexadecimalCharacter(byte & 15)))
      }
    }
    return form
  }

  private static func text(of part: WirePart, version: EngineIOVersion) -> String {
    switch part {
    case .text(let bytes): return String(decoding: bytes, as: UTF8.self)
    case .binary(let bytes):
      var sink = ByteSink(capacity: bytes.count / 3 * 4 + 8)
      sink.append(version == .v4 ? "b" as StaticString : "b4")
      bytes.withUnsafeBytes { sink.append(base64: $0) }
      return String(decoding: sink.bytes, as: UTF8.self)
    }
  }
}
