import JSONText
import SeededRandom
import Testing

@testable import CaptureFormat

/// Looking whether there is anything to replace, before it is, changes nothing.
@Suite struct RedactorTests {
  private static let redactor = Redactor(hash: KeyedHash(key: (1, 2)))

  private static func withoutSecrets(_ text: [UInt8]) -> [UInt8]? {
    text.withUnsafeBytes { redactor.withoutSecrets(text: $0) }
  }

  /// Pieces of JSON in no order, so that most of it is broken; none of it a query or in apostrophes.
  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func plainJSONIsChangedWhereAMemberIsASecretAndOnlyThere(_ seed: UInt64) {
    let pieces = [
      #""token""#, #""room""#, #""pass_word""#, #""a token in a text""#, ":", " : ", ",", "{", "}", "[", "]",
      "null", "12", #""x"#, "\n", "é", #""Secret":"s3"#, "\u{0}",
    ]
    var random = SeededRandom(seed)
    var changed = 0
    for count in 0..<600 {
      let text = Array(
        (0..<count % 60).compactMap { _ in pieces.randomElement(using: &random) }.joined().utf8)
      var sink = ByteSink()
      _ = text.withUnsafeBytes { Self.redactor.append(json: $0, lineBreaksToSpaces: false, to: &sink) }
      let wanted = Array(sink.bytes) == text ? nil : Array(sink.bytes)
      let found = Self.withoutSecrets(text)
      #expect(found == wanted, "seed \(seed), \(String(decoding: text, as: UTF8.self))")
      changed += wanted == nil ? 0 : 1
    }
    #expect((60...540).contains(changed))
  }

  @Test(arguments: ["=", "'", "\\"])
  func aSecretIsFoundWhateverElseIsInALargeText(_ sign: String) throws {
    let filler = String(repeating: "plain text, ", count: 4000)
    let text = #"42["send",{"a":"\#(filler)","token":"t0ps3cret","b":"\#(sign)\#(filler)"#
    let clean = try #require(Self.withoutSecrets(Array(text.utf8)))
    #expect(!String(decoding: clean, as: UTF8.self).contains("t0ps3cret"))
  }

  @Test func theBeginningOfALargeMessageKeepsWhatIsNoSecret() {
    let text = #"42["send",{"a":"\#(String(repeating: "token ", count: 10_000))"#
    #expect(Self.withoutSecrets(Array(text.utf8)) == nil)
  }
}
