import JSONText
import Testing

@testable import RecordedSessions

@Suite struct RedactedTextTests {
  private static let link = "https://a.example/?token=[redacted:1f2e3d4c]&room=7"

  @Test func whatStandsAroundAMarkMustBeTheSame() {
    let text = RedactedText(Self.link)
    #expect(text.stands(for: "https://a.example/?token=open-sesame&room=7"))
    #expect(text.stands(for: "https://a.example/?token=[redacted:99999999]&room=7"))
    #expect(!text.stands(for: "https://a.example/?token=open-sesame&room=8"))
    #expect(!text.stands(for: "https://b.example/?token=open-sesame&room=7"))
    #expect(!text.stands(for: "https://a.example/?token="))
  }

  @Test func severalMarksKeepTheirOrder() {
    let text = RedactedText("[redacted:00000000] and [redacted:00000001] or [redacted:00000002]")
    #expect(text.stands(for: "a and b or c"))
    #expect(!text.stands(for: "a or b and c"))
  }

  @Test func aTextWithoutMarksStandsForNothing() {
    #expect(!RedactedText("hello").stands(for: "hello"))
    #expect(!RedactedText("").stands(for: ""))
    #expect(!RedactedText("[redacted:1").stands(for: "[redacted:1"))
  }

  @Test func aSecretWithinATextIsNoDifferenceAndIsSaidWhenSent() {
    let recorded = RecordedPayload(.array([.string(Self.link)]))
    let actual = RecordedPayload(.array([.string("https://a.example/?token=x&room=7")]))
    let comparison = PayloadComparison(
      expected: recorded, actual: actual, subject: nil, rules: ComparisonRules(), origins: ValueOrigins(),
      known: LearnedValues())
    #expect(comparison.isEqual)
    var substitution = Substitution()
    _ = substitution.payload(for: recorded)
    #expect(substitution.unknownSecrets == ["an argument"])
  }
}
