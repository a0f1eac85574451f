import CaptureFormat
import Foundation
import Testing

@testable import LiveView

/// What is read off a line without walking over its arguments is what a walk finds.
@Suite struct PacketFactsTests {
  @Test func everyPacketOfTheSamplesIsReadAsTheScannerReadsIt() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("captures")
    let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
    var understood = 0
    for file in files where file.pathExtension == "jsonl" {
      for line in try Data(contentsOf: file).split(separator: 0x0A) {
        understood += Array(line).withUnsafeBytes { Self.check($0, file.lastPathComponent) } ? 1 : 0
      }
    }
    #expect(understood > 300)
  }

  /// Returns whether the line was understood.
  private static func check(_ line: UnsafeRawBufferPointer, _ file: String) -> Bool {
    guard let facts = PacketFacts(line) else { return false }
    var scanner = CaptureRecordScanner()
    guard let record = try? scanner.record(in: line) else {
      Issue.record("understood, and no record: \(file)")
      return true
    }
    #expect(record.kind == .packet)
    #expect(facts.seq == record.seq && facts.conn == record.conn)
    #expect(facts.isFromServer == (record.from == .server))
    #expect(facts.bytes == record.integer(.bytes))
    switch facts.kind {
    case .event(let namespace, let event, let asksForAck):
      #expect(record.socketKind == .event || record.socketKind == .binaryEvent)
      #expect(record[.namespace].map(Array.init) == Array(namespace))
      #expect(record[.event].map(Array.init) == Array(event))
      #expect(asksForAck == (record[.id] != nil))
    case .ack(let emit, let latency):
      #expect(record.socketKind == .ack || record.socketKind == .binaryAck)
      #expect(record.integer(.ackOf) == emit && record.integer(.latency) == latency)
    }
    return true
  }

  @Test(arguments: [
    // A stray ack, another packet, another record, what is refused, what is cut.
    ScreenFixture.ack(3, of: 1).replacing(#","ack_of":1,"latency_us":1000"#, with: ""),
    ScreenFixture.emit(3).replacing(#""socket":"event""#, with: #""socket":"connect""#),
    ScreenFixture.verdict(3, of: 1, "late"),
    ScreenFixture.emit(3).replacing(#""bytes":10"#, with: #""bytes":10,"refused":{"reason":"x"}"#),
    ScreenFixture.emit(3).replacing(#""bytes":10"#, with: #""bytes":10,"truncated":true"#),
    ScreenFixture.emit(3).replacing(#""event":"send""#, with: #""event":7"#),
    "", "{}", "}", #"{"type":"packet","seq":"#, #"{"type":"packet","seq":1,"ts":""#,
  ])
  func whatIsOfAnotherShapeIsNotUnderstood(_ line: String) {
    let bytes = Array(line.utf8.last == 0x0A ? line.utf8.dropLast() : line.utf8[...])
    #expect(bytes.withUnsafeBytes { PacketFacts($0) == nil })
  }

  @Test(arguments: [
    #","eio":3"#, #","compressed":true"#, #","frames":3"#, #","parser":"msgpack""#,
    #","parser":"json","frames":2,"compressed":true,"eio":3"#,
  ])
  func howAPacketTravelledChangesNothing(_ members: String) throws {
    for line in [ScreenFixture.emit(3), ScreenFixture.ack(4, of: 3)] {
      let line = line.replacing(#""bytes":10"#, with: #""bytes":10"# + members)
      #expect(Array(line.utf8.dropLast()).withUnsafeBytes { PacketFacts($0)?.bytes } == 10)
    }
  }

  @Test func aLineCutAnywhereIsNotUnderstood() {
    let line = Array(ScreenFixture.ack(3, of: 1).utf8.dropLast())
    for length in 0..<line.count {
      #expect(line[..<length].withUnsafeBytes { PacketFacts($0) == nil }, "\(length) bytes")
    }
  }
}
