import CaptureFormat
import CaptureInspector
import Foundation
import JSONText
import Testing

/// The captures of `captures/`, which the README sends people to, say what their page says of them.
@Suite struct SampleCaptureTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("captures")

  /// The files of the folder; those that begin with a digit are a developer's own recordings.
  private static let files = ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [])
    .filter {
      $0.hasSuffix(".jsonl") && $0.first?.isNumber == false
    }.sorted()

  /// Those that tell a story and show many verdicts.
  private static let stories = ["chat-with-acks.jsonl", "chat-without-acks.jsonl", "demo.jsonl"]

  private func report(_ name: String, isComplete: Bool = true) throws -> JSONValue {
    var bytes: [UInt8] = []
    var lines: [String] = []
    let decision = CaptureInspection.run(
      paths: [Self.folder.appendingPathComponent(name).path], format: .json, advice: { _, _ in "" },
      output: { bytes += $0 }, diagnostics: { lines.append($0) })
    #expect(decision == .fine)
    #expect(lines.isEmpty == isComplete, "\(lines)")
    return try JSONValue(parsing: bytes)
  }

  @Test func withoutAcksNobodyCanSay() throws {
    let report = try report("chat-without-acks.jsonl")
    #expect(report["verdicts"] == .object([(name: "unconfirmed", value: .number("17"))]))
    #expect(report["unresolved"]?.array?.isEmpty == true)
  }

  @Test func withAcksTheLostMessageShows() throws {
    let report = try report("chat-with-acks.jsonl")
    let unresolved = try #require(report["unresolved"]?.array)
    #expect(unresolved.count == 1)
    #expect(unresolved.first?["event"]?.string == "send_message")
    #expect(unresolved.first?["verdict"]?.string == "unanswered")
    #expect(unresolved.first?["cause"]?.string == "conditional_path")
  }

  @Test(arguments: files) func everySampleIsDescribedAndSmall(_ file: String) throws {
    let page = try String(contentsOf: Self.folder.appendingPathComponent("README.md"), encoding: .utf8)
    #expect(page.contains("| `\(file)` |"))
    guard !Self.stories.contains(file) else { return }
    let text = try String(contentsOf: Self.folder.appendingPathComponent(file), encoding: .utf8)
    #expect(text.utf8.count <= 20_000)
    for place in ["/home/", "/root/", "/Users/", "/tmp/"] { #expect(!text.contains(place)) }
  }

  @Test(arguments: files.filter { !stories.contains($0) })
  func aSampleShowsWhatItIsNamedFor(_ file: String) throws {
    let name = file.dropLast(".jsonl".count).replacing("-", with: "_")
    let verdict = try #require(
      CaptureNames.verdicts.filter { name.hasPrefix($0) }.max { $0.count < $1.count })
    let cause = name.dropFirst(verdict.count + 1)
    let report = try report(file, isComplete: !["pending", "overdue"].contains(verdict))
    #expect((report["verdicts"]?[verdict]?.integer ?? 0) > 0, "\(report)")
    if !cause.isEmpty { #expect((report["causes"]?[String(cause)]?.integer ?? 0) > 0, "\(report)") }
  }

  @Test func everyVerdictAndCauseHasItsSample() {
    for verdict in CaptureNames.verdicts {
      let causes = CaptureNames.causes(of: verdict)
      for name in causes.isEmpty ? [verdict] : causes.map({ "\(verdict)-\($0)" }) {
        #expect(Self.files.contains(name.replacing("_", with: "-") + ".jsonl"), "\(name)")
      }
    }
  }
}
