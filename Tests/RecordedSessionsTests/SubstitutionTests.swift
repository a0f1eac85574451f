import JSONText
import Testing

@testable import RecordedSessions

@Suite struct SubstitutionTests {
  private func payload(_ text: String) -> RecordedPayload { RecordedPayload(text: Array(text.utf8)) }

  @Test func aBoundValueGoesWhereTheRuleSays() throws {
    let rule = try BindRule(parsing: "room = send ack of create_room $.id")
    var substitution = Substitution(binds: [rule])
    substitution.packetCame(
      .ack(event: "create_room"), recorded: payload(#"[{"id":1}]"#), actual: payload(#"[{"id":41}]"#))
    let sent = substitution.payload(for: payload(#"[{"room":1,"count":1,"deep":{"room":1}},{"room":2}]"#))
    #expect(try sent == JSONValue(parsing: #"[{"room":41,"count":1,"deep":{"room":41}},{"room":2}]"#))
  }

  @Test func aSetValueMayCarryTheCopysNumber() throws {
    let rule = SetRule(target: try ValueTarget(parsing: "room"), value: .string("load-{n}"))
    var substitution = Substitution(sets: [rule], copy: 7)
    #expect(substitution.payload(for: payload(#"[{"room":"lobby"}]"#)).text == #"[{"room":"load-7"}]"#)
    // And it may come back as that.
    #expect(substitution.learned.stands(.string("load-7"), for: .string("lobby")))
  }

  @Test func aSecretThatIsSentRedactedIsRemembered() throws {
    var substitution = Substitution(sets: [
      SetRule(target: try ValueTarget(parsing: "[redacted:11112222]"), value: .string("tea"))
    ])
    let sent = substitution.payload(
      for: payload(#"[{"token":"[redacted:11112222]","password":"[redacted:33334444]"}]"#))
    #expect(sent.text == #"[{"token":"tea","password":"[redacted:33334444]"}]"#)
    #expect(substitution.unknownSecrets == ["password"])
  }

  @Test(arguments: ["room", "= ack of x $", "room = ack x $.id", "room = x", "room = ack of x $.", " = x $"])
  func thisIsNoRule(_ text: String) {
    #expect(throws: JSONPath.Fault.self) { try BindRule(parsing: text) }
  }
}
