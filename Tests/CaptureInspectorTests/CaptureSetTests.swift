import JSONText
import Testing

@testable import CaptureInspector

/// A capture in several files: read as one, alone, and with files missing.
@Suite struct CaptureSetTests {
  /// Four emits: the first is answered in its own file, the second and third in the next one, the fourth in the last.
  private static func files(_ place: Workplace) -> [String] {
    func line(_ type: String, _ seq: Int, _ second: Int, _ members: String) -> String {
      #"{"type":"\#(type)","seq":\#(seq),"ts":"2026-11-23T10:00:0\#(second)Z",\#(members)}"# + "\n"
    }
    func capture(_ seq: Int, _ second: Int, _ part: Int) -> String {
      line(
        "capture", seq, second,
        #""schema":"ackscope.capture/1","ack_timeout_us":5000000,"set":"ab12","part":\#(part)"#)
    }
    func emit(_ seq: Int, _ second: Int, _ name: String) -> String {
      line(
        "packet", seq, second,
        #""conn":1,"session":1,"from":"client","socket":"event","namespace":"/","id":\#(seq),"event":"\#(name)","args":[]"#
      )
    }
    func ack(_ seq: Int, _ second: Int, of emit: Int) -> String {
      line(
        "packet", seq, second,
        #""conn":1,"session":1,"from":"server","socket":"ack","namespace":"/","id":\#(emit),"args":[],"ack_of":\#(emit),"latency_us":1000000"#
      )
    }
    func carried(_ seq: Int, _ second: Int, emit: Int, _ name: String) -> String {
      line(
        "carried", seq, second,
        #""conn":1,"session":1,"from":"client","emit":\#(emit),"event":"\#(name)","namespace":"/","id":\#(emit),"age_us":1000000"#
      )
    }
    let place1 = #""conn":1,"client":"c:1","upstream":"u:1""#
    let session = #""session":1,"sid":"abc","eio":4"#
    return [
      place.file(
        "chat.000001.jsonl",
        capture(1, 0, 1) + line("open", 2, 0, place1) + line("session", 3, 0, #""conn":1,"# + session)
          + emit(4, 1, "a") + ack(5, 2, of: 4) + emit(6, 2, "b") + emit(7, 2, "c") + emit(8, 2, "d")
          + line("rotated", 9, 3, #""next":"chat.000002.jsonl""#)),
      place.file(
        "chat.000002.jsonl",
        capture(10, 3, 2) + line("carried", 11, 3, place1) + line("carried", 12, 3, session)
          + carried(13, 3, emit: 6, "b") + carried(14, 3, emit: 7, "c") + carried(15, 3, emit: 8, "d")
          + ack(16, 3, of: 6) + ack(17, 3, of: 7) + line("rotated", 18, 4, #""next":"chat.000003.jsonl""#)),
      place.file(
        "chat.000003.jsonl",
        capture(19, 4, 3) + line("carried", 20, 4, place1) + line("carried", 21, 4, session)
          + carried(22, 4, emit: 8, "d")
          + line(
            "verdict", 23, 5,
            #""conn":1,"session":1,"emit":8,"event":"d","namespace":"/","id":8,"verdict":"unanswered","cause":"disconnected_before_ack","certainty":"proved","evidence":[],"age_us":3000000,"final":true"#
          )
          + line(
            "end", 24, 5,
            #""connections":1,"sessions":1,"packets":7,"emits":4,"acks":3,"verdicts":{"acknowledged":3,"unanswered":1}"#
          )
      ),
    ]
  }

  private static func expectWhole(_ inspected: Inspected) throws {
    let json = try inspected.json()
    #expect(inspected.diagnostics == [])
    #expect(json["emits"]?.integer == 4 && json["acks"]?.integer == 3 && json["packets"]?.integer == 7)
    #expect(json["connections"]?.integer == 1 && json["sessions"]?.integer == 1)
    #expect(json["verdicts"]?["acknowledged"]?.integer == 3 && json["verdicts"]?["unanswered"]?.integer == 1)
    #expect(json["verdicts"]?["pending"] == nil)
  }

  @Test func theFilesOfASetAreReadAsOneInAnyOrder() throws {
    let place = try Workplace()
    let files = Self.files(place)
    try Self.expectWhole(Inspected(files))
    try Self.expectWhole(Inspected([files[2], files[0], files[1]]))
    try Self.expectWhole(Inspected([files[0], files[0], files[1], files[2]]))
  }

  @Test func theNameOfASetStandsForItsFiles() throws {
    let place = try Workplace()
    _ = Self.files(place)
    try Self.expectWhole(Inspected([place.path + "/chat.jsonl"]))
    // A file of that name is what is meant where there is one.
    _ = place.file("chat.jsonl", "not a capture\n")
    #expect(try Inspected([place.path + "/chat.jsonl"]).decision == .unreadable)
  }

  /// A kill between two files leaves the next one behind without a whole line.
  @Test(arguments: ["", #"{"type":"capture","seq":2"#])
  func aFileThatWasOnlyBegunEndsItsSet(_ beginning: String) throws {
    let place = try Workplace()
    let files = Self.files(place)
    let begun = place.file("chat.000004.jsonl", beginning)
    for paths in [[place.path + "/chat.jsonl"], files + [begun]] {
      let inspected = try Inspected(paths)
      #expect(inspected.decision == .fine)
      #expect(try inspected.json()["emits"]?.integer == 4)
      #expect(try inspected.json()["torn_tail"]?.boolean == !beginning.isEmpty)
    }
    // Alone, or where another part should stand, it is no capture.
    #expect(try Inspected([begun]).decision == .unreadable)
    #expect(try Inspected([files[0], place.file("chat.000007.jsonl", beginning)]).decision == .unreadable)
  }

  @Test func theUnresolvedNameTheirFile() throws {
    let place = try Workplace()
    let files = Self.files(place)
    let json = try Inspected(files).json()
    guard case .array(let unresolved)? = json["unresolved"] else {
      Issue.record("no list")
      return
    }
    #expect(unresolved.count == 1)
    #expect(unresolved.first?["capture"] == .string(files[0]))
    #expect(unresolved.first?["sid"] == .string("abc"))
  }

  @Test func aFileAloneKnowsWhatWasStillOpen() throws {
    let place = try Workplace()
    let files = Self.files(place)
    let first = try Inspected([files[0]])
    #expect(try first.json()["verdicts"]?["pending"]?.integer == 3)
    #expect(first.diagnostics.contains { $0.contains("goes on in chat.000002.jsonl") })
    let second = try Inspected([files[1]])
    let json = try second.json()
    #expect(json["verdicts"]?["acknowledged"]?.integer == 2 && json["verdicts"]?["pending"]?.integer == 1)
    #expect(second.diagnostics.contains { $0.contains("3 emits of that one were still open") })
    // The end's totals are those of the set: they are no fault of this file.
    let third = try Inspected([files[2]])
    #expect(try third.json()["verdicts"]?["unanswered"]?.integer == 1)
    #expect(!third.diagnostics.contains { $0.contains("end record says") }, "\(third.diagnostics)")
  }

  @Test func aMissingFileIsToldAndNothingCountsTwice() throws {
    let place = try Workplace()
    let files = Self.files(place)
    let inspected = try Inspected([files[0], files[2]])
    let json = try inspected.json()
    #expect(json["emits"]?.integer == 4)
    // What became of the second and the third stands in the missing file.
    #expect(json["verdicts"]?["acknowledged"]?.integer == 1 && json["verdicts"]?["unanswered"]?.integer == 1)
    #expect(json["verdicts"]?["pending"]?.integer == 2)
    #expect(inspected.diagnostics.contains { $0.contains("file 2 of the set is missing") })
  }

  @Test func twoSetsStayTwoCaptures() throws {
    let place = try Workplace()
    let files = Self.files(place)
    let script = CaptureScript()
    let other = place.file("other.jsonl", script.text)
    let json = try Inspected([files[0], other, files[1], files[2]], .text).output
    #expect(json.contains("(3 files)") && json.contains("other.jsonl"))
  }
}
