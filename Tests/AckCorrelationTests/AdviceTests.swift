import AckCorrelation
import Testing

/// The lines for people.
@Suite struct AdviceTests {
  private static var all: [String] {
    Cause.allCases.map { "\(Advice.line($0))" } + FindingKind.allCases.map { "\(Advice.line($0))" }
  }

  @Test func everyCauseAndFindingHasItsOwnLine() {
    #expect(Set(Self.all).count == Cause.allCases.count + FindingKind.allCases.count)
  }

  @Test func linesAreSentencesOnOneLine() {
    for line in Self.all {
      #expect(line.hasSuffix(".") && !line.contains("\n") && line.count > 20, "\(line)")
    }
  }

  @Test func nothingIsCalledLost() {
    for line in Self.all { #expect(!line.lowercased().contains("lost"), "\(line)") }
  }

  @Test func verdictsWithoutACauseHaveLinesToo() {
    let lines = [Verdict.pending, .overdue, .acknowledged].map { "\(Advice.line($0, nil))" }
    #expect(Set(lines).count == 3)
  }
}
