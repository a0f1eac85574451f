import Foundation
import Testing

extension RealPeers {
  /// Slices, HARs, CSV and differences of a chat that really took place.
  @Suite struct Convert {
    /// A capture on disk of three clients in two namespaces, made once.
    private static let made = Task {
      let folder = try TemporaryFolder()
      let run = try await ChatRun.play(
        .client(
          "--clients", "3", "--namespaces", "/,/chat", "--transports", "both", "--failures", "--slow", "0.2"),
        to: .server(), proxy: ["--ack-timeout", "100ms"])
      let lines = run.capture.records.map(\.line).joined(separator: "\n") + "\n"
      return (folder, run, try folder.file("chat.jsonl", holding: lines))
    }

    @Test func aSliceIsAWholeCapture() async throws {
      let (folder, run, file) = try await Self.made.value
      let slice = folder.file("slice-\(UUID().uuidString).jsonl")
      let command = try await ProxyProcess.finish([
        "inspect", file.path, "--write", slice.path, "--filter", "~ev forgets & ~ns /chat",
      ])
      #expect(command.ending == .exited(0), "\(command.errors)")
      let written = try CaptureFile(contentsOf: slice)
      written.expectConsistency()
      #expect(written.events().count == 3)
      #expect(
        written.outcomes(namespace: "/chat", event: "forgets")
          == run.capture.outcomes(namespace: "/chat", event: "forgets"))
    }

    @Test func aWholeSessionHasEverythingOfIt() async throws {
      let (folder, run, file) = try await Self.made.value
      let sid = try #require(run.capture.records("session").last?["sid"]?.string)
      let slice = folder.file("session-\(UUID().uuidString).jsonl")
      let command = try await ProxyProcess.finish([
        "inspect", file.path, "--write", slice.path, "--filter", "~sid \(sid)", "--whole-sessions",
      ])
      #expect(command.ending == .exited(0), "\(command.errors)")
      let written = try CaptureFile(contentsOf: slice)
      written.expectConsistency()
      let session = run.capture.records("session").last?["session"]
      #expect(
        written.records("packet").count
          == run.capture.records("packet").filter { $0["session"] == session }.count)
    }

    @Test func twoCapturesBecomeOne() async throws {
      let (folder, run, file) = try await Self.made.value
      let other = try await ChatRun.play(.client("--only-messages"), to: .server())
      let second = try folder.file(
        "other-\(UUID().uuidString).jsonl",
        holding: other.capture.records.map(\.line).joined(separator: "\n") + "\n")
      let merged = folder.file("merged-\(UUID().uuidString).jsonl")
      let command = try await ProxyProcess.finish([
        "inspect", second.path, file.path, "--write", merged.path,
      ])
      #expect(command.ending == .exited(0), "\(command.errors)")
      let written = try CaptureFile(contentsOf: merged)
      written.expectConsistency()
      #expect(written.events().count == run.capture.events().count + other.capture.events().count)
      #expect(written.records("session").count == 4)
    }

    @Test func aHARThereAndBackSaysTheSame() async throws {
      let (folder, _, file) = try await Self.made.value
      let har = folder.file("chat-\(UUID().uuidString).har")
      let back = folder.file("back-\(UUID().uuidString).jsonl")
      let there = try await ProxyProcess.finish(["convert", file.path, har.path])
      #expect(there.ending == .exited(0), "\(there.errors)")
      #expect(there.errors.contains { $0.contains("not in a HAR") })
      let again = try await ProxyProcess.finish(["convert", har.path, back.path])
      #expect(again.ending == .exited(0), "\(again.errors)")
      let difference = try await ProxyProcess.finish(["diff", file.path, back.path])
      #expect(difference.ending == .exited(0), "\(difference.output)")
      for name in [file, back] { try CaptureFile(contentsOf: name).expectConsistency() }
      let verdicts = try CaptureFile(contentsOf: file).records.last?["verdicts"]
      #expect(try CaptureFile(contentsOf: back).records.last?["verdicts"] == verdicts)
    }

    @Test func aCSVHasARowForEachEventAndAck() async throws {
      let (_, run, file) = try await Self.made.value
      let command = try await ProxyProcess.finish(["convert", file.path, "-", "--to", "csv"])
      #expect(command.ending == .exited(0))
      #expect(command.output.count == 1 + run.capture.events().count + run.capture.acks().count)
      #expect(command.output.filter { $0.hasSuffix(",unanswered,no_handler_or_no_return") }.count == 18)
    }

    @Test func differencesSetTheExitStatus() async throws {
      let (folder, run, file) = try await Self.made.value
      let changed = try folder.file(
        "changed-\(UUID().uuidString).jsonl",
        holding: run.capture.records.map(\.line).joined(separator: "\n")
          .replacing(#""three":[3]"#, with: #""three":[4]"#) + "\n")
      let command = try await ProxyProcess.finish(["diff", file.path, changed.path, "--format", "json"])
      #expect(command.ending == .exited(1))
      let report = try JSON(parsing: command.output.joined())
      #expect(report["differences"]?.array?.count == 6)
      #expect(report["differences"]?[0]?["kind"]?.string == "ack_changed")
      let ignored = try await ProxyProcess.finish([
        "diff", file.path, changed.path, "--ignore", "ack of several $[2].three",
      ])
      #expect(ignored.ending == .exited(0), "\(ignored.output)")
    }

    @Test(arguments: [["diff"], ["convert"], ["inspect", "--write"]])
    func aForeignFileIsRefusedInOneLine(_ words: [String]) async throws {
      let (folder, _, file) = try await Self.made.value
      let foreign = try folder.file("foreign-\(UUID().uuidString).jsonl", holding: "hello\n")
      let output = folder.file("out-\(UUID().uuidString).har").path
      let arguments =
        switch words[0] {
        case "diff": ["diff", file.path, foreign.path]
        case "convert": ["convert", foreign.path, output]
        default: ["inspect", file.path, foreign.path, "--write", output]
        }
      let command = try await ProxyProcess.finish(arguments)
      #expect(command.ending == .exited(2))
      #expect(command.errors.count == 1 && command.errors[0].contains(foreign.path), "\(command.errors)")
      #expect(!FileManager.default.fileExists(atPath: output))
    }

    @Test(arguments: [
      "hello", "{}", #"{"log":{"version":"1.2","entries":[]}}"#, #"{"log":{"entries":[{}]}}"#, "",
    ])
    func aHARWithNothingToPlayIsRefusedInOneLineAndLeavesNoFile(_ text: String) async throws {
      let folder = try TemporaryFolder()
      let file = try folder.file("page.har", holding: text)
      for name in ["out.jsonl", "out.csv"] {
        let output = folder.file(name).path
        let command = try await ProxyProcess.finish(["convert", file.path, output])
        #expect(command.ending == .exited(2))
        #expect(command.errors.count == 1 && command.errors[0].contains(file.path), "\(command.errors)")
        #expect(!FileManager.default.fileExists(atPath: output))
      }
    }
  }
}
