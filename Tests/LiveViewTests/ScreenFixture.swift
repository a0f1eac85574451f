import CaptureFormat
import Foundation
import Testing

@testable import LiveView

/// Models of the live view for tests: fed from a capture beside the tests, at a moment that stands still.
enum ScreenFixture {
  static let sizes = [
    ScreenSize(columns: 40, rows: 10), ScreenSize(columns: 80, rows: 24), ScreenSize(columns: 120, rows: 40),
    ScreenSize(columns: 200, rows: 60),
  ]

  /// 10:00:12 of the capture's day: some emits wait, one of them for longer than the ack timeout.
  static let now = moment("2026-11-23T10:00:12.000000Z")

  static func moment(_ text: String) -> CaptureTimestamp {
    Array(text.utf8).withUnsafeBytes { CaptureTimestamp(parsing: $0) } ?? CaptureTimestamp(microseconds: 0)
  }

  static func advice(_ name: String, _ cause: String?) -> String {
    "What to do about \(name)\(cause.map { " because of \($0)" } ?? ""): look at the handler of this event first, then at the rest."
  }

  static func model(
    _ size: ScreenSize, playback: Playback? = nil, limits: TrafficModel.Limits = TrafficModel.Limits(),
    captureName: String? = "captures/20261123-100000.jsonl"
  ) -> ScreenModel {
    ScreenModel(
      size: size, limits: limits, captureName: captureName, playback: playback, quitEnds: "stops the proxy",
      advice: advice)
  }

  /// A model that has seen the whole of `screen.jsonl`.
  static func filled(_ size: ScreenSize, playback: Playback? = nil) throws -> ScreenModel {
    var model = model(size, playback: playback)
    let bytes = try #require(FileManager.default.contents(atPath: Snapshot.path("Resources", "screen.jsonl")))
    feed(String(decoding: bytes, as: UTF8.self), to: &model)
    model.now = now
    _ = ScreenUpdate.apply(.ticked, to: &model)
    return model
  }

  static func feed(_ lines: String, to model: inout ScreenModel, isSampled: Bool = true) {
    var scanner = CaptureRecordScanner()
    for line in lines.split(separator: "\n") {
      Array(line.utf8).withUnsafeBytes { bytes in
        do {
          model.traffic.recordRead(try scanner.record(in: bytes), isSampled: isSampled)
        } catch {
          Issue.record("not a record: \(line)")
        }
      }
    }
  }

  /// Presses keys one after another; returns the effects of all.
  @discardableResult
  static func press(_ keys: ScreenKey..., on model: inout ScreenModel) -> [ScreenEffect] {
    keys.flatMap { ScreenUpdate.apply(.key($0), to: &model) }
  }

  /// Types text.
  static func type(_ text: String, on model: inout ScreenModel) {
    for character in text { _ = ScreenUpdate.apply(.key(.character(character)), to: &model) }
  }

  static func text(_ model: ScreenModel) -> String { ScreenView.grid(model, palette: .extended).text }

  // MARK: records

  static func emit(
    _ seq: Int, at seconds: Int = 0, id: Int? = 1, event: String = "send", conn: Int = 1, args: String = "[]",
    from: String = "client"
  ) -> String {
    #"{"type":"packet","seq":\#(seq),"ts":"\#(time(seconds))","conn":\#(conn),"session":\#(conn),"from":"\#(from)","transport":"websocket","socket":"event","namespace":"/",\#(id.map { "\"id\":\($0)," } ?? "")"event":"\#(event)","args":\#(args),"bytes":10}"#
      + "\n"
  }

  static func ack(_ seq: Int, of emit: Int, at seconds: Int = 0, latency: Int = 1000) -> String {
    #"{"type":"packet","seq":\#(seq),"ts":"\#(time(seconds))","conn":1,"session":1,"from":"server","transport":"websocket","socket":"ack","namespace":"/","id":1,"args":[],"bytes":10,"ack_of":\#(emit),"latency_us":\#(latency)}"#
      + "\n"
  }

  static func verdict(
    _ seq: Int, of emit: Int, _ verdict: String, _ cause: String? = nil, at seconds: Int = 0, age: Int = 1000,
    isFinal: Bool = true, event: String = "send", conn: Int = 1
  ) -> String {
    #"{"type":"verdict","seq":\#(seq),"ts":"\#(time(seconds))","conn":\#(conn),"session":\#(conn),"emit":\#(emit),"event":"\#(event)","namespace":"/","id":1,"verdict":"\#(verdict)",\#(cause.map { "\"cause\":\"\($0)\"," } ?? "")"certainty":"proved","evidence":[],"age_us":\#(age),"final":\#(isFinal)}"#
      + "\n"
  }

  /// Any other record.
  static func line(_ type: String, _ seq: Int, at seconds: Int, _ members: String) -> String {
    #"{"type":"\#(type)","seq":\#(seq),"ts":"\#(time(seconds))",\#(members)}"# + "\n"
  }

  /// What the decoder notes of these lines: of whole events and of paired acks, with which nothing is wrong.
  static func notes(_ lines: UnsafeRawBufferPointer) -> [PacketNote] {
    var scanner = CaptureRecordScanner()
    var notes: [PacketNote] = []
    var start = 0
    while start < lines.count {
      let end = lines[start...].firstIndex(of: 0x0A) ?? lines.count
      defer { start = end + 1 }
      guard let record = try? scanner.record(in: UnsafeRawBufferPointer(rebasing: lines[start..<end])),
        record.kind == .packet, record[.truncated] == nil,
        let conn = record.conn, let bytes = record.integer(.bytes)
      else { continue }
      func place(_ member: UnsafeRawBufferPointer) -> Range<Int> {
        guard let first = member.baseAddress, let base = lines.baseAddress else { return 0..<0 }
        return first - base..<first - base + member.count
      }
      let kind: PacketNote.Kind
      if let namespace = record[.namespace], let event = record[.event] {
        kind = .event(namespace: place(namespace), event: place(event), asksForAck: record[.id] != nil)
      } else if let emit = record.integer(.ackOf), let latency = record.integer(.latency) {
        kind = .ack(of: emit, latency: latency)
      } else {
        continue
      }
      notes.append(
        PacketNote(
          line: start..<end, seq: record.seq, conn: conn, isFromServer: record.from == .server, kind: kind,
          bytes: bytes))
    }
    return notes
  }

  /// Counts a line that is not kept; false where it has to be.
  static func skip(_ line: String, _ skipped: inout SkippedRecords) -> Bool {
    Array(line.utf8).withUnsafeBytes { bytes in
      notes(bytes).allSatisfy { skipped.packetSkipped($0, in: bytes, ackTimeout: 5_000_000) }
    }
  }

  private static func time(_ seconds: Int) -> String {
    "2026-11-23T10:\(seconds / 60 < 10 ? "0" : "")\(seconds / 60):\(seconds % 60 < 10 ? "0" : "")\(seconds % 60).000000Z"
  }
}
