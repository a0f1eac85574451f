import CaptureFormat
import JSONText
import Testing

@testable import CaptureInspector

@Suite struct EventCSVTests {
  private func rows(_ path: String) throws -> [String] {
    var lines: [[UInt8]] = []
    var source = try CaptureSource(paths: [path])
    while try source.peek() != nil { lines.append(source.take()) }
    let csv = EventCSV()
    var scanner = CaptureRecordScanner()
    for line in lines { try line.withUnsafeBytes { csv.recordRead(try scanner.record(in: $0)) } }
    csv.captureEnded()
    var sink = ByteSink()
    csv.writeHeader(to: &sink)
    for line in lines { try line.withUnsafeBytes { csv.write(try scanner.record(in: $0), to: &sink) } }
    let rows = String(decoding: sink.bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    #expect(csv.rows == rows.count - 1)
    return rows
  }

  @Test func everyEventAndAckIsARow() throws {
    let rows = try rows(CaptureInspectionTests.chat)
    // Ten emits, five acks, and a named message.
    #expect(rows.count == 17)
    #expect(rows[0].hasPrefix("seq,ts,conn,session,sid,transport,from,kind,namespace,event,id,args,"))
    #expect(
      rows[1]
        == #"8,2026-11-23T10:00:00.100000Z,1,1,lv_VI97HAXpY6yYWAAAC,polling,client,event,/,join_room,0,"[{""roomId"":1}]",,34,,,acknowledged,"#
    )
    #expect(
      rows[2]
        == #"9,2026-11-23T10:00:00.101100Z,1,1,lv_VI97HAXpY6yYWAAAC,polling,server,ack,/,join_room,0,"[{""ok"":true}]",,15,8,1100,,"#
    )
  }

  @Test func verdictsStandBesideTheirEmits() throws {
    let rows = try rows(CaptureInspectionTests.chat)
    func ending(_ seq: Int) -> String? {
      rows.first { $0.hasPrefix("\(seq),") }.map {
        $0.split(separator: ",", omittingEmptySubsequences: false).suffix(2).joined(separator: ",")
      }
    }
    #expect(ending(19) == "late,after_ack_timeout")
    #expect(ending(20) == "rejected,exception_event")
    #expect(ending(23) == "unanswered,no_handler_or_no_return")
    #expect(ending(18) == "unconfirmed,no_ack_requested")
  }

  @Test func nothingFromTheWireBreaksALine() throws {
    let rows = try rows(CaptureInspectionTests.chat)
    #expect(rows.allSatisfy { row in !row.utf8.contains { $0 < 0x20 } && !row.contains("\u{202E}") })
    #expect(rows.contains { $0.contains(#"evil\u001b[31m\nname\u202e"#) })
  }
}
