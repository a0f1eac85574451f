import JSONText

/// What the echo server answers to the packets of a load.
enum EchoPacket {
  /// Appends the ack of `42<id>["echo",…]`, which is `43<id>[…]`.
  ///
  /// - Returns: false, and nothing appended, for any other packet.
  static func appendAnswer(to packet: UnsafeRawBufferPointer, _ sink: inout ByteSink) -> Bool {
    guard packet.count > 4, packet[0] == 0x34, packet[1] == 0x32 else { return false }
    var index = 2
    while index < packet.count, (0x30...0x39).contains(packet[index]) { index += 1 }
    let opening = "[\"echo\"," as StaticString
    guard index > 2, packet.count - index > opening.utf8CodeUnitCount else { return false }
    for offset in 0..<opening.utf8CodeUnitCount where packet[index + offset] != opening.utf8Start[offset] {
      return false
    }
    sink.append("43" as StaticString)
    sink.append(UnsafeRawBufferPointer(rebasing: packet[2..<index]))
    sink.append(0x5B)
    sink.append(UnsafeRawBufferPointer(rebasing: packet[(index + opening.utf8CodeUnitCount)...]))
    return true
  }

  /// Whether a packet asks to join the main namespace.
  static func joins(_ packet: UnsafeRawBufferPointer) -> Bool {
    packet.count >= 2 && packet[0] == 0x34 && packet[1] == 0x30
  }

  /// The Engine.IO open packet (PROTOCOL.md A.2). No heartbeat within any measurement's time.
  static func open(sid: String) -> String {
    "0{\"sid\":\"\(sid)\",\"upgrades\":[],\"pingInterval\":3600000,\"pingTimeout\":3600000,\"maxPayload\":268435456}"
  }
}
