import CaptureFormat
import Foundation
import JSONText
import Testing

@testable import CaptureInspector

/// A slice that was written to a file, and what an inspection says of it.
private struct Slice {
  let records: [JSONValue]
  let text: String
  let written: CaptureSlicing.Written
  let diagnostics: [String]

  init(_ paths: [String], filter: String? = nil, wholeSessions: Bool = false) throws {
    var diagnostics: [String] = []
    let slicing = try CaptureSlicing(
      paths: paths, filter: filter, makeFilter: { filter.flatMap { try? CaptureFilter(parsing: $0) } },
      takesWholeSessions: wholeSessions, diagnostics: { diagnostics.append($0) })
    var text = ""
    written = try slicing.write { bytes in
      text += String(decoding: bytes, as: UTF8.self)
      return true
    }
    self.text = text
    self.diagnostics = diagnostics
    records = try text.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
  }

  /// Counts of each type of record.
  var types: [String: Int] {
    Dictionary(records.map { ($0["type"]?.string ?? "", 1) }, uniquingKeysWith: +)
  }

  func record(_ seq: Int?) -> JSONValue? { records.first { $0["seq"]?.integer == seq } }

  /// What must hold of every slice: numbers without gaps, and references to records that are what they should be.
  func expectValid(sourceLocation: SourceLocation = #_sourceLocation) throws {
    #expect(records.first?["type"]?.string == "capture", sourceLocation: sourceLocation)
    #expect(
      records.compactMap { $0["seq"]?.integer } == Array(1...records.count), sourceLocation: sourceLocation)
    for record in records {
      if let emit = self.record(record["ack_of"]?.integer) {
        #expect(emit["id"] == record["id"] && emit["event"] != nil, sourceLocation: sourceLocation)
      }
      if record["type"]?.string == "verdict" {
        let emit = self.record(record["emit"]?.integer)
        #expect(emit?["event"] == record["event"], sourceLocation: sourceLocation)
      }
    }
    let place = try Workplace()
    let inspected = try Inspected([place.file("slice.jsonl", text)])
    #expect(inspected.decision == .fine, sourceLocation: sourceLocation)
    // A slice says of itself that it is a whole capture, save for what its source says of itself.
    #expect(
      inspected.diagnostics.filter { !$0.contains("gap at seq") }.isEmpty, "\(inspected.diagnostics)",
      sourceLocation: sourceLocation)
  }
}

@Suite struct CaptureSlicingTests {
  private static let chat = CaptureInspectionTests.chat

  @Test func withoutAFilterNothingIsLost() throws {
    let slice = try Slice([Self.chat])
    try slice.expectValid()
    let before = try Inspected([Self.chat]).json()
    let place = try Workplace()
    let after = try Inspected([place.file("slice.jsonl", slice.text)]).json()
    for name in ["connections", "sessions", "packets", "emits", "acks", "verdicts", "causes", "events"] {
      #expect(before[name] == after[name], "\(name)")
    }
  }

  @Test func aWholeCaptureIsWrittenAsItStands() throws {
    let path = Snapshot.path("../../captures", "demo.jsonl")
    let text = try String(contentsOfFile: path, encoding: .utf8)
    // In the first line, a value may be spelled otherwise.
    #expect(try Slice([path]).text.drop { $0 != "\n" } == text.drop { $0 != "\n" })
  }

  @Test func evidenceThatPointsAheadStaysEvidence() throws {
    let place = try Workplace()
    let text = try Slice([Self.chat]).text.replacing(#""evidence":[12,13,14]"#, with: #""evidence":[14,16]"#)
    let slice = try Slice([place.file("ahead.jsonl", text)], filter: "!~ev join_room")
    let finding = try #require(slice.records.first { $0["finding"]?.string == "upgrade_completed" })
    #expect(finding["evidence"]?.text == "[12,14]", "an emit and its ack before it are left out")
  }

  @Test func anEmitBringsItsAckItsVerdictAndItsSession() throws {
    let slice = try Slice([Self.chat], filter: "~v late")
    try slice.expectValid()
    #expect(slice.written.emits == 1 && slice.written.acks == 1)
    #expect(slice.types["verdict"] == 2, "overdue, then late")
    #expect(slice.types["session"] == 1 && slice.types["open"] == 2 && slice.types["handshake"] == 1)
    #expect(slice.records.filter { $0["socket"]?.string == "connect" }.count >= 2)
    #expect(slice.records.first?["filter"]?.string == "~v late")
    #expect(slice.records.last?["verdicts"]?.text == #"{"late":1}"#)
  }

  @Test func evidenceComesAlong() throws {
    let slice = try Slice([Self.chat], filter: "~v rejected")
    try slice.expectValid()
    let verdict = try #require(slice.records.first { $0["verdict"]?.string == "rejected" })
    let evidence = try #require(verdict["evidence"]?.array?.first?.integer)
    #expect(slice.record(evidence)?["event"]?.string == "exception")
  }

  @Test func wholeSessionsHaveEverythingOfThem() throws {
    let slice = try Slice([Self.chat], filter: "~v late", wholeSessions: true)
    try slice.expectValid()
    #expect(slice.written.emits == 10 && slice.written.acks == 5)
    #expect(slice.types["message"] == nil, "another connection's")
  }

  @Test func whatNothingMatchesIsStillACapture() throws {
    let slice = try Slice([Self.chat], filter: "~ev no_such_event")
    try slice.expectValid()
    #expect(slice.written.emits == 0 && slice.types["open"] == nil)
  }

  @Test func severalCapturesBecomeOneInTheOrderOfTime() throws {
    let place = try Workplace()
    let one = try Slice([Self.chat]).text
    // Another proxy's run, half a second later.
    let other = one.replacing(#""listen":"127.0.0.1:8090""#, with: #""listen":"127.0.0.1:8091""#)
      .replacing(#"Z","conn""#, with: #"Z","late":true,"conn""#)
    let merged = try Slice([Self.chat, place.file("other.jsonl", other)])
    try merged.expectValid()
    let times = merged.records.compactMap { $0["ts"]?.string }
    #expect(times == times.sorted())
    #expect(merged.written.connections == 6 && merged.written.sessions == 2 && merged.written.emits == 20)
    let conns = Set(merged.records.compactMap { $0["conn"]?.integer })
    #expect(conns == [1, 2, 3, 4, 5, 6])
    #expect(Set(merged.records.filter { $0["late"] != nil }.compactMap { $0["conn"]?.integer }) == [4, 5, 6])
    #expect(merged.records.first?["merged"]?.array?.count == 2)
    #expect(merged.records.last?["verdicts"]?["acknowledged"]?.integer == 6)
  }

  @Test func partsOfOneRunShareTheirNumbers() throws {
    let place = try Workplace()
    let lines = try Slice([Self.chat]).text.split(separator: "\n").map(String.init)
    let first = lines[..<19].joined(separator: "\n") + "\n"
    let second = ([lines[0]] + lines[19...]).joined(separator: "\n") + "\n"
    let merged = try Slice([place.file("1.jsonl", first), place.file("2.jsonl", second)])
    // The first part has no `end`, and so neither has the whole.
    #expect(merged.types["end"] == nil)
    #expect(merged.written.emits == 10 && merged.written.acks == 5 && merged.written.sessions == 1)
    let late = try #require(merged.records.first { $0["verdict"]?.string == "late" })
    #expect(merged.record(late["emit"]?.integer)?["id"]?.integer == 2, "its emit is in the first part")
  }

  @Test func theFilesOfASetBecomeOne() throws {
    let place = try Workplace()
    let lines = try Slice([Self.chat]).text.split(separator: "\n").map(String.init)
    func head(_ part: Int) -> String { lines[0].dropLast() + #","set":"s","part":\#(part)}"# }
    let rotated = #"{"type":"rotated","seq":20,"ts":"2026-11-23T10:00:02.000000Z","next":"2.jsonl"}"#
    let carried =
      #"{"type":"carried","seq":22,"ts":"2026-11-23T10:00:02.000000Z","conn":2,"session":1,"from":"client","emit":19,"event":"send_message","namespace":"/","id":2,"age_us":0}"#
    let first = ([head(1)] + lines[1..<19] + [rotated]).joined(separator: "\n") + "\n"
    let second = ([head(2), carried] + lines[19...]).joined(separator: "\n") + "\n"
    let slice = try Slice([place.file("2.jsonl", second), place.file("1.jsonl", first)])
    #expect(slice.types["rotated"] == nil && slice.types["carried"] == nil && slice.types["end"] == 1)
    #expect(slice.records.first?["set"] == nil && slice.records.first?["merged"] == nil)
    #expect(slice.written.emits == 10 && slice.written.acks == 5 && slice.written.sessions == 1)
    let late = try Slice([place.file("1.jsonl", first), place.file("2.jsonl", second)], filter: "~v late")
    #expect(late.written.emits == 1 && late.written.acks == 1 && late.types["verdict"] == 2)
  }

  @Test func aFileThatIsNoCaptureIsNamed() throws {
    let place = try Workplace()
    let foreign = place.file("foreign.jsonl", "hello\n")
    #expect { try Slice([Self.chat, foreign]) } throws: { error in
      (error as? CaptureSlicing.Fault)?.message.contains(foreign) == true
    }
    #expect(throws: CaptureSlicing.Fault.self) { try Slice(["-"]) }
  }

  @Test func damagedAndTornLinesAreSaidAndLeftOut() throws {
    let place = try Workplace()
    let text = try Slice([Self.chat]).text
    let damaged = text.replacing(#"{"type":"session""#, with: #"{"type":"session"#).dropLast(20)
    let slice = try Slice([place.file("damaged.jsonl", String(damaged))])
    #expect(slice.diagnostics.count == 2)
    #expect(slice.types["end"] == nil && slice.types["session"] == nil)
  }
}
