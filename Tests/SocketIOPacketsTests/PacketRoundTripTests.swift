import JSONText
import SeededRandom
import Testing

@testable import SocketIOPackets

/// A packet as an application means it, and an encoder that does as the reference encoder does.
private struct PlainPacket {
  var type: Int
  var namespace: String
  var id: UInt64?
  var elements: [String]
  var attachments: [[UInt8]]

  init(_ random: inout SeededRandom) {
    type = [2, 3, 5, 6].randomElement(using: &random) ?? 2
    namespace = ["/", "/admin", "/a/b", "/é😀", "/x?y=z"].randomElement(using: &random) ?? "/"
    id =
      type == 3 || type == 6 || Bool.random(using: &random)
      ? UInt64.random(in: 0...UInt64.max, using: &random) >> UInt64.random(in: 0...63, using: &random) : nil
    elements = (0..<Int.random(in: 0..<4, using: &random)).map { _ in randomJSON(&random, depth: 3) }
    attachments = []
    if type >= 5 {
      for number in 0..<Int.random(in: 1...10, using: &random) {
        attachments.append(
          (0..<Int.random(in: 0..<20, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) })
        elements.append(#"{"_placeholder":true,"num":\#(number)}"#)
      }
    }
  }

  var isEvent: Bool { type == 2 || type == 5 }
  var list: String { (isEvent ? ["\"name\""] : []).appending(elements).joined(separator: ",") }

  var messages: [(isText: Bool, bytes: [UInt8])] {
    var text = "\(type)"
    if type >= 5 { text += "\(attachments.count)-" }
    if namespace != "/" { text += namespace + "," }
    if let id { text += String(id) }
    return [(true, Array((text + "[\(list)]").utf8))] + attachments.map { (false, $0) }
  }
}

extension [String] {
  fileprivate func appending(_ others: [String]) -> [String] { self + others }
}

@Suite struct PacketRoundTripTests {
  @Test(arguments: [1, 2, 3, 4] as [UInt64]) func whatANaiveEncoderWritesIsDecoded(_ seed: UInt64) throws {
    var random = SeededRandom(seed)
    let packets = (0..<250).map { _ in PlainPacket(&random) }
    let outcome = decode(packets.flatMap(\.messages))
    try #require(outcome.packets.count == packets.count, "seed \(seed)")
    #expect(!outcome.isRefused, "seed \(seed)")
    for (decoded, packet) in zip(outcome.packets, packets) {
      #expect(Int(decoded.packet.type.rawValue) == packet.type, "seed \(seed)")
      #expect(decoded.namespace == packet.namespace, "seed \(seed)")
      #expect(decoded.id == packet.id.map { String($0) }, "seed \(seed)")
      #expect(decoded.packet.id == packet.id.map { AckID($0) }, "seed \(seed)")
      #expect(decoded.event == (packet.isEvent ? "\"name\"" : nil), "seed \(seed)")
      #expect(decoded.attachments == packet.attachments, "seed \(seed)")
      let arguments = try JSONValue(parsing: "[\(decoded.arguments ?? "")]")
      #expect(
        try arguments == JSONValue(parsing: "[\(packet.elements.joined(separator: ","))]"), "seed \(seed)")
    }
  }
}
