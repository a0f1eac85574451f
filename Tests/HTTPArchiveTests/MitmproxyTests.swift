import Foundation
import JSONText
import Testing

/// A HAR that mitmproxy 11.0.2 wrote (`mitmdump --set hardump=…`) of two people in a room of a python-socketio server, who poll
/// first and then move to WebSockets; one of them leaves and comes back.
@Suite struct MitmproxyTests {
  private static func converted() throws -> Converted {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Resources/mitmproxy.har")
    return try Converted(har: try String(contentsOf: file, encoding: .utf8))
  }

  @Test func everySessionMovesToItsWebSocket() throws {
    let converted = try Self.converted()
    #expect(converted.account.withoutEnd == 3)
    #expect(converted.records.count { $0["type"]?.string == "session" } == 3)
    let upgrades = converted.records.filter { $0["finding"]?.string == "upgrade_completed" }
    #expect(Set(upgrades.compactMap { $0["session"]?.integer }) == [1, 2, 3])
  }

  @Test func everyEmitOfAClientHasItsAck() throws {
    let converted = try Self.converted()
    let asked = converted.packets("event") + converted.packets("binary_event")
    #expect(
      asked.count { $0["id"] != nil } == converted.packets("ack").count
        + converted.packets("binary_ack").count)
    #expect(converted.packets("ack").count == 16)
    // Of what went well there is no record.
    #expect(converted.verdicts == [])
  }

  @Test func attachmentsAreBytes() throws {
    let upload = try #require(
      try Self.converted().packets("binary_event").first { $0["event"]?.string == "upload" })
    let data = try #require(upload["attachments"]?[0]?.string.flatMap { Data(base64Encoded: $0) })
    #expect(Array(data) == (0..<4).flatMap { _ in (0...255).map { UInt8($0) } })
  }
}
