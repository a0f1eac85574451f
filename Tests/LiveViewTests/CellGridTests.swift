import CaptureFormat
import Testing

@testable import LiveView

@Suite struct CellGridTests {
  static func put(_ text: String, columns: Int = 12, column: Int = 0, limit: Int = .max) -> CellGrid {
    var grid = CellGrid(size: ScreenSize(columns: columns, rows: 1))
    grid.put(text, row: 0, column: column, limit: limit)
    ScreenViewTests.expectWhole(grid)
    return grid
  }

  @Test(arguments: [
    ("plain", "plain"), ("wide 漢字", "wide 漢字"), ("more than fits here", "more than f…"),
    ("漢字漢字漢字", "漢字漢字漢字"), ("漢字漢字漢字漢", "漢字漢字漢…"), ("x漢字漢字漢字", "x漢字漢字漢…"),
    ("a\u{301}e", "a\u{301}e"), ("\u{1B}[31m", "\\u001b[31m"), ("a\nb\tc", "a\\nb\\tc"), ("👩‍👩‍👧", "👩👩👧"),
    ("🇩🇪", "DE"), ("👍🏽", "👍"), ("❤️", "❤"), ("\u{202E}x", "\\u202ex"), ("नमस्ते", "नमस्ते"),
  ])
  func textIsPutInItsColumns(_ text: String, _ shown: String) {
    #expect(Self.put(text).text == shown + "\n")
  }

  @Test func noRoomIsNoText() {
    #expect(Self.put("text", column: 12).text == "\n")
    #expect(Self.put("text", limit: 0).text == "\n")
    #expect(Self.put("text", column: 11).text == "           …\n")
    #expect(Self.put("漢", column: 11).text == "           …\n")
    var grid = CellGrid(size: ScreenSize(columns: 4, rows: 1))
    #expect(grid.put("x", row: 1, column: 0) == 0)
    #expect(grid.put("x", row: -1, column: 0) == 0)
    #expect(grid.put("x", row: 0, column: -1) == 0)
  }

  @Test func halfAWideCharacterIsNeverLeft() {
    var grid = CellGrid(size: ScreenSize(columns: 6, rows: 1))
    grid.put("漢字漢", row: 0, column: 0)
    grid.put("x", row: 0, column: 1)
    ScreenViewTests.expectWhole(grid)
    #expect(grid.text == " x字漢\n")
    grid.put("y", row: 0, column: 4)
    ScreenViewTests.expectWhole(grid)
    #expect(grid.text == " x字y\n")
    grid.put("宇", row: 0, column: 1)
    ScreenViewTests.expectWhole(grid)
    #expect(grid.text == " 宇 y\n")
  }

  @Test(arguments: 1...20)
  func whateverIsPutTheRowKeepsItsColumns(_ seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let alphabet = Array(
      "ab 漢é\u{301}👩\u{200D}\u{FE0F}🏽🇩\u{202E}\u{1B}\n\u{0}ש\u{E000}\u{FFFF}한\u{1160}…".unicodeScalars)
    var grid = CellGrid(size: ScreenSize(columns: 17, rows: 3))
    for _ in 0..<300 {
      var text = ""
      for _ in 0..<random.next() % 12 {
        text.unicodeScalars.append(alphabet[Int(random.next() % UInt64(alphabet.count))])
      }
      let used = grid.put(
        text, row: Int(random.next() % 3), column: Int(random.next() % 17), limit: Int(random.next() % 20))
      #expect(used <= 17)
      ScreenViewTests.expectWhole(grid)
    }
  }

  @Test func escapedLettersInArgumentsAreShownAsLetters() {
    let json = Array(#"["\u6f22\u5b57 \u001b[2J \u202e","a\\b"]"#.utf8)
    let text = json.withUnsafeBytes { WireText.arguments($0, columns: 80) }
    #expect(text == #"["漢字 \u001b[2J \u202e","a\\b"]"#)
  }

  @Test func aSizeIsBounded() {
    #expect(ScreenSize(columns: 0, rows: -5) == ScreenSize(columns: 1, rows: 1))
    #expect(ScreenSize(columns: .max, rows: .max).columns == 1000)
  }
}
