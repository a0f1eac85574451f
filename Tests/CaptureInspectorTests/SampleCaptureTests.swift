import CaptureFormat
import CaptureInspector
import Foundation
import JSONText
import Testing

/// The captures of `captures/`, which the README sends people to, say what their page says of them.
@Suite struct SampleCaptureTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("captures")

  private func report(_ name: String) throws -> JSONValue {
    var bytes: [UInt8] = []
    var lines: [String] = []
    let decision = CaptureInspection.run(
      paths: [Self.folder.appendingPathComponent(name).path], format: .json, advice: { _, _ in "" },
      output: { bytes += $0 }, diagnostics: { lines.append($0) })
    #expect(decision == .fine)
    #expect(lines.isEmpty, "a sample is complete and undamaged")
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

  @Test func everySampleIsDescribed() throws {
    let page = try String(contentsOf: Self.folder.appendingPathComponent("README.md"), encoding: .utf8)
    let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path).filter { file in
      file.hasSuffix(".jsonl") && file.first?.isNumber == false
    }
    #expect(!files.isEmpty)
    for file in files { #expect(page.contains("`\(file)`"), "\(file)") }
  }
}
