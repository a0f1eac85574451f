import CaptureFormat
import Testing

@testable import RecordedSessions

@Suite struct RecordingDiffTests {
  /// What differs, as `kind event`.
  private func differences(
    _ first: [String], _ second: [String], ignoring ignored: [String] = []
  ) throws -> [String] {
    let rules = ComparisonRules(ignored: try ignored.map { text in try IgnoredPlace(parsing: text) })
    let diff = RecordingDiff(
      RecordedText.recording(first), RecordedText.recording(second), rules: rules)
    return diff.differences.map { $0.kind.rawValue + ($0.event.map { " " + $0 } ?? "") }
  }

  /// Another client's session with its namespace joined, so many lines behind.
  private static func opening(_ number: Int) -> [String] {
    RecordedText.opening.map {
      $0.replacing(#""conn":1"#, with: #""conn":\#(number)"#)
        .replacing(#""session":1"#, with: #""session":\#(number)"#)
        .replacing(#""sid":"abc""#, with: #""sid":"abc\#(number)""#)
    }
  }

  private static let chat =
    RecordedText.opening + [
      RecordedText.emit("client", "say", #"["hi"]"#, id: 0),
      RecordedText.ack("server", of: 6, id: 0, #"[{"ok":true,"at":"2026-11-24T10:00:00Z"}]"#),
      RecordedText.emit("server", "said", #"["hi"]"#),
      RecordedText.emit("server", "ask", #"["?"]"#, id: 4),
      RecordedText.ack("client", of: 9, id: 4, #"["yes"]"#),
      RecordedText.emit("client", "bye", "[]", id: 1),
      RecordedText.ack("server", of: 11, id: 1, "[]"),
    ]

  private func changed(_ place: Int, _ line: String) -> [String] {
    var lines = Self.chat
    lines[place] = line
    return lines
  }

  @Test func aRecordingEqualsItself() throws {
    #expect(try differences(Self.chat, Self.chat) == [])
  }

  @Test func timesIdsAndOrderBetweenStepsAreNoDifference() throws {
    var lines = changed(
      5, RecordedText.ack("server", of: 6, id: 0, #"[{"ok":true,"at":"2027-01-01T00:00:00Z"}]"#))
    lines[4] = RecordedText.emit("client", "say", #"["hi"]"#, id: 0)
    // The event comes behind the next question.
    lines.swapAt(6, 7)
    lines[8] = RecordedText.ack("client", of: 8, id: 4, #"["yes"]"#)
    #expect(try differences(Self.chat, lines) == [])
  }

  @Test func whatAServerSaysOtherwiseIsFound() throws {
    #expect(
      try differences(Self.chat, changed(5, RecordedText.ack("server", of: 6, id: 0, #"[{"ok":false}]"#)))
        == ["ack_changed say"])
    #expect(
      try differences(Self.chat, changed(6, RecordedText.emit("server", "said", #"["ho"]"#)))
        == ["event_changed said"])
    #expect(
      try differences(Self.chat, changed(6, RecordedText.emit("server", "shouted", #"["hi"]"#)))
        == ["event_missing said", "event_unexpected shouted"])
  }

  @Test func whatAClientDoesOtherwiseIsFound() throws {
    #expect(
      try differences(Self.chat, changed(8, RecordedText.ack("client", of: 9, id: 4, #"["no"]"#)))
        == ["ack_changed ask"])
    #expect(
      try differences(Self.chat, changed(4, RecordedText.emit("client", "say", #"["ho"]"#, id: 0)))
        == ["emit_changed say"])
    #expect(
      try differences(Self.chat, Array(Self.chat.dropLast(2))) == ["emit_missing bye"],
      "that its ack is missing too goes without saying")
    #expect(
      try differences(Array(Self.chat.dropLast(2)), Self.chat) == ["emit_unexpected bye"])
    #expect(
      try differences(Self.chat, Array(Self.chat.dropLast(2)) + [RecordedText.emit("client", "bye", "[]")])
        == ["emit_changed bye"])
  }

  @Test func ignoredPlacesMayDiffer() throws {
    let other = changed(6, RecordedText.emit("server", "said", #"[{"n":2,"x":"hi"}]"#))
    let base = changed(6, RecordedText.emit("server", "said", #"[{"n":1,"x":"hi"}]"#))
    #expect(try differences(base, other) == ["event_changed said"])
    #expect(try differences(base, other, ignoring: ["said $.n"]) == [])
    #expect(try differences(base, other, ignoring: ["said $.x"]) == ["event_changed said"])
  }

  @Test func sessionsArePairedByWhatTheirClientsDid() throws {
    let one = RecordedText.opening + [RecordedText.emit("client", "a", "[]")]
    let two = Self.opening(2) + [RecordedText.emit("client", "b", "[]", session: 2)]
    let swapped =
      RecordedText.opening + [RecordedText.emit("client", "b", "[]")] + Self.opening(2)
      + [RecordedText.emit("client", "a", "[]", session: 2)]
    #expect(try differences(one + two, swapped) == [])
    #expect(try differences(one + two, one) == ["session_missing"])
    #expect(try differences(one, one + two) == ["session_unexpected"])
  }

  @Test func aServersCloseIsFound() throws {
    let frame =
      #""type":"control","conn":1,"session":1,"from":"server","transport":"websocket","opcode":"close","code":1011,"reason":"""#
    #expect(try differences(Self.chat, Self.chat + [frame]) == ["close_unexpected"])
    #expect(try differences(Self.chat + [frame], Self.chat) == ["close_missing"])
    #expect(
      try differences(Self.chat + [frame], Self.chat + [frame.replacing("1011", with: "1000")])
        == ["close_changed"])
  }

  @Test(arguments: [0, 1050, 2099])
  func longSessionsAreAlignedToo(_ dropped: Int) throws {
    let many = (0..<2100).map { RecordedText.emit("client", "n", "[\($0)]") }
    var less = many
    less.remove(at: dropped)
    #expect(
      try differences(RecordedText.opening + many, RecordedText.opening + less) == ["emit_missing n"])
  }
}
