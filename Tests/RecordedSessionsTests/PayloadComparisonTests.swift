import Testing

@testable import RecordedSessions

@Suite struct PayloadComparisonTests {
  private func compare(
    _ expected: String, _ actual: String, rules: ComparisonRules = ComparisonRules(),
    clientSaid: [String] = [], subject: PacketSubject = .emit(event: "message"),
    known: LearnedValues = LearnedValues(), lastIsOffset: Bool = false
  ) throws -> PayloadComparison {
    var origins = ValueOrigins()
    for text in clientSaid { origins.stepTaken(by: .client, RecordedPayload(text: Array(text.utf8)).value) }
    origins.stepTaken(by: .server, RecordedPayload(text: Array(expected.utf8)).value)
    return PayloadComparison(
      expected: RecordedPayload(text: Array(expected.utf8)),
      actual: RecordedPayload(text: Array(actual.utf8)),
      subject: subject, rules: rules, origins: origins, known: known, lastIsOffset: lastIsOffset)
  }

  @Test(arguments: [
    (#"[{"a":1,"b":[2.0]}]"#, #"[{"b":[2],"a":1.0}]"#),
    (#"[{"ts":1732442400123}]"#, #"[{"ts":1732442999999}]"#),
    (#"[{"when":"2026-11-24T10:00:00Z"}]"#, #"[{"when":"2027-01-01T00:00:00.5Z"}]"#),
    (#"[{"id":7}]"#, #"[{"id":19}]"#),
    (#"[{"roomId":"3f2a9c4e"}]"#, #"[{"roomId":"77aa01bd"}]"#),
    (
      #"[{"key":"5b1d2f60-9c3e-4a53-8a5e-0d8f3b1f2c11"}]"#,
      #"[{"key":"0e7c8a52-1b44-4f0e-9a66-5f0b3c9d7e02"}]"#
    ),
    (#"[{"x":"[redacted:12ab34cd]"}]"#, #"[{"x":"anything"}]"#),
  ])
  func theseAreTheSame(_ expected: String, _ actual: String) throws {
    #expect(try compare(expected, actual).isEqual)
  }

  @Test(arguments: [
    (#"[{"ok":true}]"#, #"[{"ok":false}]"#, "$.ok"),
    (#"[{"text":"hi"}]"#, #"[{"text":"ho"}]"#, "$.text"),
    (#"[{"ts":1732442400123}]"#, #"[{"ts":null}]"#, "$.ts"),
    (#"[{"id":"3f2a9c4e"}]"#, #"[{}]"#, "$.id"),
    (#"[{"a":1}]"#, #"[{"a":1,"b":2}]"#, "$.b"),
    (#"[1,[2,3]]"#, #"[1,[2]]"#, "$[1][1]"),
    (#"[{"room":"lobby"}]"#, #"[{"room":"garden"}]"#, "$.room"),
    (#"[{"roomId":"lobby"}]"#, #"[{"roomId":"garden"}]"#, "$.roomId"),
    (#"[1]"#, #"[1,2]"#, "$[1]"),
  ])
  func theseDifferAt(_ expected: String, _ actual: String, _ path: String) throws {
    let comparison = try compare(expected, actual)
    #expect(comparison.differences.map(\.path.description) == [path])
  }

  @Test func whatAClientSaidMustComeBackAsItWas() throws {
    let said = #"[{"roomId":"3f2a9c4e"}]"#
    #expect(
      try !compare(#"[{"roomId":"3f2a9c4e"}]"#, #"[{"roomId":"77aa01bd"}]"#, clientSaid: [said]).isEqual)
  }

  @Test func anIdThatTheServerMadeMustRecurAsItDid() throws {
    var known = LearnedValues()
    known.learn(.string("3f2a9c4e"), .string("77aa01bd"))
    #expect(try compare(#"[{"roomId":"3f2a9c4e"}]"#, #"[{"roomId":"77aa01bd"}]"#, known: known).isEqual)
    let other = try compare(#"[{"roomId":"3f2a9c4e"}]"#, #"[{"roomId":"00000000"}]"#, known: known)
    #expect(other.differences.first?.note.contains("77aa01bd") == true)
  }

  @Test func withoutDefaultsEverythingCounts() throws {
    let rules = ComparisonRules(usesDefaults: false)
    #expect(try !compare(#"[{"id":7}]"#, #"[{"id":19}]"#, rules: rules).isEqual)
  }

  @Test func ignoredPlacesAreNotCompared() throws {
    func rules(_ text: String) throws -> ComparisonRules {
      ComparisonRules(ignored: [try IgnoredPlace(parsing: text)])
    }
    let pair = (#"[{"a":{"n":1}}]"#, #"[{"a":{"n":2}}]"#)
    #expect(try compare(pair.0, pair.1, rules: rules("$.a.n")).isEqual)
    #expect(try compare(pair.0, pair.1, rules: rules("$..n")).isEqual)
    #expect(try compare(pair.0, pair.1, rules: rules("$.*.n")).isEqual)
    #expect(try compare(pair.0, pair.1, rules: rules("message $.a")).isEqual)
    #expect(try !compare(pair.0, pair.1, rules: rules("other $.a")).isEqual)
    #expect(try !compare(pair.0, pair.1, rules: rules("ack of message $.a")).isEqual)
    #expect(try compare(pair.0, #"[{}]"#, rules: rules("$.a")).isEqual)
  }

  @Test func aRecoveryOffsetIsNotCompared() throws {
    #expect(try compare(#"[{"n":1},"MTIz"]"#, #"[{"n":1},"MTIx"]"#, lastIsOffset: true).isEqual)
    #expect(try !compare(#"[{"n":1},"MTIz"]"#, #"[{"n":1},"MTIx"]"#).isEqual)
  }

  @Test func attachmentsAreComparedByTheirBytes() {
    let text = Array(#"[{"_placeholder":true,"num":0}]"#.utf8)
    func compare(_ first: [UInt8]?, _ second: [UInt8]?) -> PayloadComparison {
      PayloadComparison(
        expected: RecordedPayload(text: text, attachments: [first]),
        actual: RecordedPayload(text: text, attachments: [second]), subject: nil, rules: ComparisonRules(),
        origins: ValueOrigins(), known: LearnedValues())
    }
    #expect(compare([1, 2, 3], [1, 2, 3]).isEqual)
    #expect(compare([1, 2, 3], [1, 9, 3]).differences.first?.note == "attachments differ from byte 1 on")
    #expect(compare(nil, [1]).isEqual)
  }
}
