import JSONText
import SocketIOPackets

/// Writes Socket.IO packets in the text form (PROTOCOL.md B.1).
package enum SocketPacketWriter {
  /// The Engine.IO packets that carry a Socket.IO packet with its attachments, in order.
  ///
  /// - Parameter payload: the JSON behind the id, or nil for none.
  package static func packets(
    _ type: SocketPacketType, namespace: String, id: Int? = nil, payload: JSONValue?,
    attachments: [[UInt8]] = []
  ) -> [OutgoingPacket] {
    var sink = ByteSink(capacity: 256)
    let digit =
      switch type {
      case .event where !attachments.isEmpty: SocketPacketType.binaryEvent.rawValue
      case .ack where !attachments.isEmpty: SocketPacketType.binaryAck.rawValue
      default: type.rawValue
      }
    sink.append(0x30 &+ digit)
    if !attachments.isEmpty {
      sink.append(decimal: attachments.count)
      sink.append(0x2D)
    }
    if namespace != "/" {
      sink.append(namespace)
      sink.append(0x2C)
    }
    if let id { sink.append(decimal: id) }
    payload?.write(to: &sink)
    let text = String(decoding: sink.bytes, as: UTF8.self)
    return [.text(.message, text)] + attachments.map { .binary($0) }
  }
}
