import JSONText
import RecordedSessions
import SocketIOPackets

/// Writes Socket.IO packets in msgpack, as socket.io-msgpack-parser has them (PROTOCOL.md C.2): a map of `type`, `data`,
/// `nsp` and `id`, attachments in place.
package enum MsgpackPacketWriter {
  /// The one Engine.IO packet that carries a Socket.IO packet.
  package static func packet(
    _ type: SocketPacketType, namespace: String, id: Int? = nil, payload: JSONValue?,
    attachments: [[UInt8]] = []
  ) -> OutgoingPacket {
    var bytes: [UInt8] = []
    let members = 2 + (payload == nil ? 0 : 1) + (id == nil ? 0 : 1)
    bytes.append(0x80 | UInt8(members))
    write("type", to: &bytes)
    bytes.append(type.rawValue)
    if let payload {
      write("data", to: &bytes)
      write(payload, attachments, to: &bytes)
    }
    write("nsp", to: &bytes)
    write(namespace, to: &bytes)
    if let id {
      write("id", to: &bytes)
      write(integer: Int64(id), to: &bytes)
    }
    return .binary(bytes)
  }

  private static func write(_ value: JSONValue, _ attachments: [[UInt8]], to bytes: inout [UInt8]) {
    switch value {
    case .null: bytes.append(0xC0)
    case .boolean(let flag): bytes.append(flag ? 0xC3 : 0xC2)
    case .string(let text): write(text, to: &bytes)
    case .number(let literal):
      if let integer = Int64(literal) {
        write(integer: integer, to: &bytes)
      } else {
        bytes.append(0xCB)
        append((Double(literal) ?? .nan).bitPattern, size: 8, to: &bytes)
      }
    case .array(let elements):
      write(count: elements.count, short: 0x90, shortLimit: 16, long: 0xDC, to: &bytes)
      for element in elements { write(element, attachments, to: &bytes) }
    case .object(let members):
      if let number = PayloadComparison.placeholder(value), attachments.indices.contains(number) {
        return write(binary: attachments[number], to: &bytes)
      }
      write(count: members.count, short: 0x80, shortLimit: 16, long: 0xDE, to: &bytes)
      for member in members {
        write(member.name, to: &bytes)
        write(member.value, attachments, to: &bytes)
      }
    }
  }

  private static func write(integer: Int64, to bytes: inout [UInt8]) {
    switch integer {
    case 0...0x7F: bytes.append(UInt8(integer))
    case -32..<0: bytes.append(UInt8(truncatingIfNeeded: integer))
    default:
      bytes.append(0xD3)
      append(UInt64(bitPattern: integer), size: 8, to: &bytes)
    }
  }

  private static func write(_ text: String, to bytes: inout [UInt8]) {
    let count = text.utf8.count
    if count < 32 {
      bytes.append(0xA0 | UInt8(count))
    } else {
      bytes.append(0xDB)
      append(UInt64(count), size: 4, to: &bytes)
    }
    bytes += text.utf8
  }

  private static func write(binary: [UInt8], to bytes: inout [UInt8]) {
    bytes.append(0xC6)
    append(UInt64(binary.count), size: 4, to: &bytes)
    bytes += binary
  }

  /// The head of an array or map.
  private static func write(
    count: Int, short: UInt8, shortLimit: Int, long: UInt8, to bytes: inout [UInt8]
  ) {
    if count < shortLimit {
      bytes.append(short | UInt8(count))
    } else if count <= 0xFFFF {
      bytes.append(long)
      append(UInt64(count), size: 2, to: &bytes)
    } else {
      bytes.append(long + 1)
      append(UInt64(count), size: 4, to: &bytes)
    }
  }

  private static func append(_ number: UInt64, size: Int, to bytes: inout [UInt8]) {
    for shift in stride(from: (size - 1) * 8, through: 0, by: -8) {
      bytes.append(UInt8(truncatingIfNeeded: number >> UInt64(shift)))
    }
  }
}
