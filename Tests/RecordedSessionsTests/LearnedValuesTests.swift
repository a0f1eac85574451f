import JSONText
import Testing

@testable import RecordedSessions

@Suite struct LearnedValuesTests {
  @Test func knownValuesAreReplacedWhereverTheyStand() throws {
    var learned = LearnedValues()
    learned.learn(.string("8f14e45f"), .string("NEW"))
    learned.learn(.number("123456"), .number("9"))
    let value = try JSONValue(
      parsing: #"["8f14e45f",{"n":123456,"path":"room:8f14e45f/2","other":"8f14e45f0"},123]"#)
    let replaced = try JSONValue(parsing: #"["NEW",{"n":9,"path":"room:NEW/2","other":"8f14e45f0"},123]"#)
    #expect(learned.substituted(value) == replaced)
  }

  @Test(arguments: ["8f14e45f", "room-17", "5b1d2f60-9c3e-4a53-8a5e-0d8f3b1f2c11", "YWJjZGVmZ2hpamtsbW5v"])
  func isUnusual(_ text: String) { #expect(ScalarKey.string(text).isUnusual) }

  @Test(arguments: ["lobby", "general", "hello world 12345", "a1", ""])
  func isUsual(_ text: String) { #expect(!ScalarKey.string(text).isUnusual) }
}

@Suite struct JSONPathTests {
  @Test(arguments: ["$", "$.a.b", "$[0]['a b']", "$..id", "$[*].x", "$['']"])
  func aPathIsWrittenAsItIsRead(_ text: String) throws {
    #expect(try JSONPath(parsing: text).description == text)
  }

  @Test(arguments: ["$.", "$[", "$[x]", "$a", "$..", "$.a..", "$]"])
  func thisIsNoPath(_ text: String) { #expect(throws: JSONPath.Fault.self) { try JSONPath(parsing: text) } }

  @Test func valuesAreFoundInOrder() throws {
    let value = try JSONValue(parsing: #"{"id":1,"list":[{"id":2},{"id":3}]}"#)
    #expect(try JSONPath(parsing: "$..id").values(in: value).map(\.text) == ["1", "2", "3"])
    #expect(try JSONPath(parsing: "list[1].id").values(in: value).map(\.text) == ["3"])
  }
}
