import CaptureFormat
import Testing

@Suite struct CaptureSetNameTests {
  @Test(arguments: [
    ("chat.jsonl", 1, "chat.000001.jsonl"), ("a/b.c/chat.jsonl", 42, "a/b.c/chat.000042.jsonl"),
    ("a.b/chat", 3, "a.b/chat.000003"), (".hidden", 7, ".hidden.000007"),
    ("chat.jsonl", 1_234_567, "chat.1234567.jsonl"),
  ])
  func theNumberStandsBeforeTheSuffix(_ base: String, _ part: UInt64, _ path: String) {
    #expect(CaptureSetName.path(base, part: part) == path)
    let name = String(path.split(separator: "/").last ?? "")
    #expect(CaptureSetName.part(of: name, base: String(base.split(separator: "/").last ?? "")) == part)
  }

  @Test(arguments: [
    "chat.jsonl", "chat.00001.jsonl", "chat.00000a.jsonl", "chat.000001.json", "other.000001.jsonl",
    "chat.000001.jsonl.gz", "chat.99999999999999999999999.jsonl", "chat.+00001.jsonl", ".jsonl", "",
  ])
  func otherNamesAreNoneOfTheSet(_ name: String) {
    #expect(CaptureSetName.part(of: name, base: "chat.jsonl") == nil)
  }

  @Test func namesSortInTheOrderOfTime() {
    let paths = [1, 2, 9, 10, 99, 100, 999_999].map { CaptureSetName.path("chat.jsonl", part: $0) }
    #expect(paths == paths.sorted())
  }
}
