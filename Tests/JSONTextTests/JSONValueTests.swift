import SeededRandom
import Testing

@testable import JSONText

private func parsed(_ text: String) throws -> JSONValue { try JSONValue(parsing: text) }

@Suite struct JSONValueTests {
  @Test(arguments: [
    ("1", "1.0"), ("1", "10e-1"), ("100", "1e2"), ("0", "-0"), ("0", "0e99999999999999999999"),
    ("1.50", "1.5"),
    (#"{"a":1,"b":2}"#, #"{"b":2,"a":1}"#), (#"{"a":1,"a":2}"#, #"{"a":2}"#), (#""\u0041""#, #""A""#),
    ("[1, 2]", "[1,2]"), ("0.001e3", "1"), ("12e9223372036854775807", "12e9223372036854775807"),
  ])
  func meaningDecidesEquality(_ left: String, _ right: String) throws {
    #expect(try parsed(left) == parsed(right))
  }

  @Test(arguments: [
    ("1", "2"), ("1", "-1"), ("1", #""1""#), ("9007199254740993", "9007199254740992"), ("[1,2]", "[2,1]"),
    ("null", "false"),
    ("1e99999999999999999999", "1e-99999999999999999999"), ("0.1", "0.10000000000000001"),
    (#"{"a":1}"#, #"{"a":1,"b":2}"#), ("{}", "[]"),
    // One letter, composed and decomposed: two names and two strings.
    (#"{"\u00e9":1,"e\u0301":2}"#, #"{"e\u0301":1,"\u00e9":2}"#), (#""\u00e9""#, #""e\u0301""#),
  ])
  func differencesAreSeen(_ left: String, _ right: String) throws {
    #expect(try parsed(left) != parsed(right))
  }

  @Test(arguments: [
    "10e9223372036854775807", "0.1e-9223372036854775808", "1e9223372036854775808",
    "-100e-9223372036854775808",
    "0.000e9223372036854775807",
  ])
  func extremeExponentsDoNotTrap(_ literal: String) throws {
    #expect(try parsed(literal) == parsed(literal))
    #expect(try parsed("[\(literal)]") != parsed("[1]"))
  }

  @Test func membersAreFoundByTheirBytes() throws {
    let value = try parsed(#"{"e\u0301":1,"\u00e9":2,"k":3,"k":4}"#)
    #expect(value["\u{e9}"]?.integer == 2)
    #expect(value["e\u{301}"]?.integer == 1)
    #expect(value["k"]?.integer == 4)
    #expect(value["none"] == nil)
    #expect(value[0] == nil)
  }

  @Test func numbersKeepTheirDigitsAndObjectsTheirOrder() throws {
    let text = #"{"z":123456789012345678901234567890,"a":[1.10,-0,1e5],"m":{"y":null,"x":true}}"#
    #expect(try parsed(text).text == text)
  }

  @Test func treesAreNotBuiltBeyondTheirDepth() throws {
    let fine = String(repeating: "[", count: 512) + String(repeating: "]", count: 512)
    #expect(throws: Never.self) { try parsed(fine) }
    #expect(throws: JSONFault.self) { try parsed("[" + fine + "]") }
  }

  @Test(arguments: [5, 6, 7] as [UInt64]) func writingAndParsingAgain(_ seed: UInt64) throws {
    var random = SeededRandom(seed)
    for _ in 0..<500 {
      let value = try parsed(randomJSON(&random, depth: 5))
      #expect(try parsed(value.text) == value, "seed \(seed): \(value.text)")
    }
  }
}
