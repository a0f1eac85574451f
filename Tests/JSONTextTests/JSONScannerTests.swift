import SeededRandom
import Testing

@testable import JSONText

/// Scans a whole text as one value.
private func scan(_ bytes: [UInt8]) -> Result<JSONScanner, JSONFault> {
  bytes.withUnsafeBytes { raw in
    var scanner = JSONScanner(raw)
    do throws(JSONFault) {
      try scanner.skipValue()
      try scanner.expectEnd()
      return .success(scanner)
    } catch {
      return .failure(error)
    }
  }
}

private func fault(_ text: String) -> JSONFault? {
  if case .failure(let fault) = scan(Array(text.utf8)) { fault } else { nil }
}

@Suite struct JSONScannerTests {
  static let valid = [
    "0", "-0", "10", "1.5", "-1.25e+10", "1E-3", "1e5", "true", "false", "null", #""""#, #""a""#, "[]", "{}",
    "[ ]",
    "{ }", "[1,2,3]", #"{"a":1}"#, #"{"a":{"b":[1,{"c":null}]},"d":"e"}"#, " \t\r\n[ 1 , 2 ]\n",
    #""\"\\\/\b\f\n\r\t\u0000\uD83D\ude00""#, #""é😀\#u{2028}""#, "[[[[[[]]]]]]", #"{"":""}"#,
    #"["\u005C",""]"#,
    #""12345678""#, #""1234567\\""#, #""eight by\u0020te""#, "[\"\u{7f}\u{80}\"]", "[-0.0e-0]",
  ]

  @Test(arguments: valid) func validTextIsAccepted(_ text: String) {
    #expect(fault(text) == nil)
  }

  /// Numbers apart, no valid text can be cut anywhere and stay valid.
  @Test(arguments: valid) func everyTruncationIsRefusedAtItsEnd(_ text: String) {
    let bytes = Array(text.utf8)
    let isNumber = bytes.allSatisfy { "-+.eE0123456789".utf8.contains($0) }
    let end = bytes.lastIndex { ![0x20, 0x09, 0x0A, 0x0D].contains($0) } ?? 0
    for length in 0..<(isNumber ? 0 : end) {
      guard case .failure(let fault) = scan(Array(bytes[..<length])) else {
        Issue.record("accepted the first \(length) bytes of \(text)")
        continue
      }
      #expect(fault.offset <= length)
      #expect([.unexpectedEnd, .badNumber].contains(fault.reason), "\(fault)")
    }
  }

  @Test(arguments: [
    ("", JSONFault.Reason.unexpectedEnd, 0), (" ", .unexpectedEnd, 1), ("[1,]", .unexpectedByte, 3),
    ("{,}", .unexpectedByte, 1), (#"{"a":1,}"#, .unexpectedByte, 7), ("[1 2]", .unexpectedByte, 3),
    ("[1}", .unexpectedByte, 2), (#"{"a":1]"#, .unexpectedByte, 6), ("{a:1}", .unexpectedByte, 1),
    (#"{"a" 1}"#, .unexpectedByte, 5), ("01", .trailingBytes, 1), ("1.", .badNumber, 0),
    ("-", .unexpectedEnd, 1),
    ("-a", .badNumber, 1), ("1e", .badNumber, 0), ("1e+", .badNumber, 0), (".5", .unexpectedByte, 0),
    ("+1", .unexpectedByte, 0), ("NaN", .unexpectedByte, 0), ("Infinity", .unexpectedByte, 0),
    ("nul", .unexpectedEnd, 3), ("nulL", .unexpectedByte, 3), ("True", .unexpectedByte, 0),
    ("\"a\u{1}\"", .controlCharacter, 2), ("\"a\nb\"", .controlCharacter, 2),
    ("\"12345678\u{1F}\"", .controlCharacter, 9),
    (#""\x""#, .badEscape, 2), (#""\u12g4""#, .badEscape, 5), ("'a'", .unexpectedByte, 0),
    ("[]]", .trailingBytes, 2),
    ("\u{FEFF}1", .unexpectedByte, 0), ("\u{A0}1", .unexpectedByte, 0), ("[1\u{B}]", .unexpectedByte, 2),
    ("]", .unexpectedByte, 0), ("\"a", .unexpectedEnd, 2), ("[1,,2]", .unexpectedByte, 3),
    ("/**/1", .unexpectedByte, 0),
  ])
  func faultsNameTheRuleAndTheByte(_ text: String, _ reason: JSONFault.Reason, _ offset: Int) {
    #expect(fault(text) == JSONFault(reason, at: offset))
  }

  @Test func nestingIsFollowedToItsLimitAndNotBeyond() {
    let limit = JSONScanner.maximumDepth
    for depth in [1, 62, 63, 64, 65, 126, 127, 128, 129, 1000, limit] {
      let mixed = (0..<depth).map { $0 % 3 == 0 ? "{\"a\":" : "[" }.joined()
      let closing = (0..<depth).reversed().map { $0 % 3 == 0 ? "}" : "]" }.joined()
      #expect(fault(mixed + "1" + closing) == nil, "depth \(depth)")
      // The wrong bracket at any one level is found.
      for level in [0, depth / 2, depth - 1] {
        var wrong = Array(closing.utf8)
        wrong[level] = wrong[level] == 0x5D ? 0x7D : 0x5D
        #expect(fault(mixed + "1" + String(decoding: wrong, as: UTF8.self))?.reason == .unexpectedByte)
      }
    }
    let tooDeep = String(repeating: "[", count: limit + 1) + "1" + String(repeating: "]", count: limit + 1)
    #expect(fault(tooDeep)?.reason == .tooDeep)
    #expect(fault(String(repeating: "[", count: 1_000_000))?.reason == .tooDeep)
  }

  @Test func lineBreaksAreNotedOnlyBetweenTokens() throws {
    for (text, expected) in [
      ("[1,2]", false), ("[1,\n2]", true), ("[1\r]", true), ("{\"a\":\n1}", true), ("[1]\n", true),
      (#"["\n"]"#, false), ("[ \t1]", false),
    ] {
      #expect(try scan(Array(text.utf8)).get().metLineBreaks == expected, "\(text)")
    }
  }

  @Test func membersAreNotedOnlyWhereThereAreAny() throws {
    for (text, expected) in [("[{},[]]", false), ("[{\"a\":1}]", true), ("\"{a:1}\"", false)] {
      #expect(try scan(Array(text.utf8)).get().metMembers == expected, "\(text)")
    }
  }

  @Test func aStringIsFoundToItsEndWhereverItStands() throws {
    // Every length around the eight bytes that are looked at together, with every kind of character at its end.
    for length in 0..<40 {
      for tail in ["", "\\\"", "\\\\", "é", "\\u0041", "😀"] {
        let literal = "\"" + String(repeating: "x", count: length) + tail + "\""
        let bytes = Array((literal + " \"next").utf8)
        try bytes.withUnsafeBytes { raw in
          var scanner = JSONScanner(raw)
          let range = try scanner.skipString()
          #expect(range == 0..<literal.utf8.count)
        }
      }
    }
  }

  @Test func membersAndElementsAreWalkedOneByOne() throws {
    let bytes = Array(#" { "a" : [ 1 , "x" ] , "b" : {} } "#.utf8)
    try bytes.withUnsafeBytes { raw in
      func text(_ range: Range<Int>) -> String { String(decoding: raw[range], as: UTF8.self) }
      var scanner = JSONScanner(raw)
      var names: [String] = []
      var elements: [String] = []
      try scanner.enterObject()
      var isFirst = true
      while let name = try scanner.nextMember(&isFirst) {
        names.append(text(name))
        guard try scanner.peekKind() == .array else {
          let value = try scanner.skipValue()
          #expect(text(value) == "{}")
          continue
        }
        try scanner.enterArray()
        var isFirstElement = true
        while try scanner.nextElement(&isFirstElement) { elements.append(text(try scanner.skipValue())) }
      }
      try scanner.expectEnd()
      #expect(names == [#""a""#, #""b""#])
      #expect(elements == ["1", #""x""#])
    }
  }

  /// The scanner against a recursive reader written for nothing but being plain.
  @Test(arguments: [1, 2, 3, 4] as [UInt64]) func scannerAgreesWithANaiveReader(_ seed: UInt64) {
    var random = SeededRandom(seed)
    for _ in 0..<3000 {
      var text = Array(randomJSON(&random, depth: 4).utf8)
      for _ in 0..<Int.random(in: 0...2, using: &random) where !text.isEmpty {
        let index = Int.random(in: 0..<text.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: text.remove(at: index)
        case 1:
          text.insert(Array("[]{},:\"\\01-+.eE tfn\n".utf8).randomElement(using: &random) ?? 0, at: index)
        default: text[index] = UInt8.random(in: 0...127, using: &random)
        }
      }
      let isValid: Bool
      if case .success = scan(text) { isValid = true } else { isValid = false }
      #expect(
        isValid == NaiveJSON.isValid(text), "seed \(seed): \(String(decoding: text, as: UTF8.self))")
      #expect(isValid == ((try? JSONValue(parsing: text)) != nil), "seed \(seed): tree and scanner differ")
    }
  }
}

/// RFC 8259 by recursive descent, straight from its grammar.
private enum NaiveJSON {
  static func isValid(_ text: [UInt8]) -> Bool {
    var rest = text[...]
    space(&rest)
    guard value(&rest) else { return false }
    space(&rest)
    return rest.isEmpty
  }

  private static func space(_ rest: inout ArraySlice<UInt8>) {
    rest = rest.drop { [0x20, 0x09, 0x0A, 0x0D].contains($0) }
  }

  private static func take(_ word: String, _ rest: inout ArraySlice<UInt8>) -> Bool {
    guard rest.starts(with: word.utf8) else { return false }
    rest = rest.dropFirst(word.utf8.count)
    return true
  }

  private static func list(
    _ open: String, _ close: String, _ rest: inout ArraySlice<UInt8>,
    _ item: (inout ArraySlice<UInt8>) -> Bool
  ) -> Bool {
    guard take(open, &rest) else { return false }
    space(&rest)
    if take(close, &rest) { return true }
    repeat {
      space(&rest)
      guard item(&rest) else { return false }
      space(&rest)
    } while take(",", &rest)
    return take(close, &rest)
  }

  private static func value(_ rest: inout ArraySlice<UInt8>) -> Bool {
    switch rest.first {
    case 0x22: string(&rest)
    case 0x5B: list("[", "]", &rest, value)
    case 0x7B:
      list("{", "}", &rest) { rest in
        guard string(&rest) else { return false }
        space(&rest)
        guard take(":", &rest) else { return false }
        space(&rest)
        return value(&rest)
      }
    default: take("true", &rest) || take("false", &rest) || take("null", &rest) || number(&rest)
    }
  }

  private static func string(_ rest: inout ArraySlice<UInt8>) -> Bool {
    guard take("\"", &rest) else { return false }
    while let byte = rest.popFirst() {
      if byte == 0x22 { return true }
      if byte < 0x20 { return false }
      guard byte == 0x5C else { continue }
      guard let escape = rest.popFirst() else { return false }
      if escape == 0x75 {
        let digits = rest.prefix(4)
        guard digits.count == 4, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit && $0 < 128 })
        else {
          return false
        }
        rest = rest.dropFirst(4)
      } else if !"\"\\/bfnrt".utf8.contains(escape) {
        return false
      }
    }
    return false
  }

  private static func digits(_ rest: inout ArraySlice<UInt8>) -> Int {
    let run = rest.prefix { (0x30...0x39).contains($0) }
    rest = rest.dropFirst(run.count)
    return run.count
  }

  private static func number(_ rest: inout ArraySlice<UInt8>) -> Bool {
    _ = take("-", &rest)
    if !take("0", &rest) { guard digits(&rest) > 0 else { return false } }
    if take(".", &rest) { guard digits(&rest) > 0 else { return false } }
    if take("e", &rest) || take("E", &rest) {
      if !take("+", &rest) { _ = take("-", &rest) }
      guard digits(&rest) > 0 else { return false }
    }
    return true
  }
}
