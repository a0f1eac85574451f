import AckCorrelation
import CaptureFormat
import JSONText
import Testing

@testable import SessionDecoder

/// Reads the notes off finished records, as slowly as it likes. Every record that the other tests of the decoder make is
/// checked against it.
enum PacketNoteModel {
  static func check(_ notes: [PacketNote], of records: UnsafeRawBufferPointer) {
    var wanted: [PacketNote] = []
    var start = 0
    for line in records.split(separator: 0x0A) {
      let range = start..<start + line.count
      start = range.upperBound + 1
      let bytes = UnsafeRawBufferPointer(rebasing: line)
      guard let record = try? JSONValue(parsing: bytes), record["type"]?.string == "packet",
        record["refused"] == nil, record["truncated"] == nil, let conn = record["conn"]?.integer,
        let seq = record["seq"]?.integer, let count = record["bytes"]?.integer
      else { continue }
      var scanner = CaptureRecordScanner()
      guard let read = try? scanner.record(in: bytes) else { continue }
      func place(_ member: UnsafeRawBufferPointer) -> Range<Int> {
        guard let first = member.baseAddress, let base = records.baseAddress else { return 0..<0 }
        return first - base..<first - base + member.count
      }
      let kind: PacketNote.Kind
      if let namespace = read[.namespace], let event = read[.event] {
        kind = .event(namespace: place(namespace), event: place(event), asksForAck: record["id"] != nil)
      } else if let emit = record["ack_of"]?.integer, let latency = record["latency_us"]?.integer {
        kind = .ack(of: emit, latency: latency)
      } else {
        continue
      }
      wanted.append(
        PacketNote(
          line: range, seq: seq, conn: conn, isFromServer: record["from"]?.string == "server", kind: kind,
          bytes: count))
    }
    #expect(notes == wanted, "\(String(decoding: records, as: UTF8.self))")
  }
}

/// Notes are there for whoever asks for them, as long as their records are.
@Suite struct PacketNoteTests {
  private static func decoder(notes: Bool) -> TrafficDecoder {
    var options = DecoderOptions(tool: "ackscope/test")
    options.notesPackets = notes
    return TrafficDecoder(options: options, redactor: Redactor(hash: KeyedHash(key: (1, 2))))
  }

  private static func feed(_ decoder: inout TrafficDecoder) {
    let (connection, time) = (ConnectionNumber(1), Timestamp(microseconds: 1_790_000_000_000_000))
    decoder.connectionOpened(connection, client: "127.0.0.1:50001", upstream: "127.0.0.1:2", at: time)
    decoder.requestStarted(
      connection,
      RequestHead(
        method: "GET", target: "/socket.io/?EIO=4&transport=websocket",
        headers: [("Upgrade", "websocket"), ("Connection", "Upgrade")]), at: time)
    decoder.requestEnded(connection, at: time)
    decoder.responseStarted(
      connection, ResponseHead(status: 101, headers: [("Upgrade", "websocket")]), at: time)
    decoder.responseEnded(connection, at: time)
    // Text frames, as a server sends them.
    for text in [
      #"0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#,
      #"42["hi"]"#,
    ] {
      let frame = [0x81, UInt8(text.utf8.count)] + Array(text.utf8)
      frame.withUnsafeBytes { decoder.bytesReceived(connection, from: .server, $0, at: time) }
    }
  }

  @Test func nobodyIsMadeToTakeNotes() {
    var decoder = Self.decoder(notes: false)
    Self.feed(&decoder)
    #expect(decoder.records.contains(0x0A) && decoder.notes.isEmpty)
  }

  @Test func aNoteGoesWithItsRecord() {
    var decoder = Self.decoder(notes: true)
    Self.feed(&decoder)
    #expect(decoder.notes.map(\.bytes) == [8])
    PacketNoteModel.check(decoder.notes, of: decoder.records)
    decoder.withdrawRecords(to: 0)
    #expect(decoder.notes.isEmpty && decoder.records.isEmpty)
    Self.feed(&decoder)
    decoder.removeRecords()
    #expect(decoder.notes.isEmpty)
  }
}
