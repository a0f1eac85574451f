import Foundation
import Testing

extension RealPeers {
  /// `ackscope inspect` on the capture of a chat that went wrong in known ways.
  @Suite struct Inspect {
    /// A capture on disk, made once, and what the client counted.
    private static let made = Task {
      let folder = try TemporaryFolder()
      let run = try await ChatRun.play(
        .client("--failures", "--clients", "2", "--namespaces", "/,/chat"), to: .server(),
        proxy: ["--ack-timeout", "100ms"])
      let lines = run.capture.records.map(\.line).joined(separator: "\n") + "\n"
      return (folder, run, lines, try folder.file("chat.jsonl", holding: lines))
    }

    private func inspect(_ arguments: String..., file: URL) async throws -> FinishedCommand {
      try await ProxyProcess.finish(["inspect", file.path] + arguments)
    }

    @Test func theJSONHasThePeersCounts() async throws {
      let (_, run, _, file) = try await Self.made.value
      let command = try await inspect("--format", "json", file: file)
      #expect(command.ending == .exited(0))
      #expect(command.errors.isEmpty)
      let report = try JSON(parsing: command.output.joined())
      let end = try #require(run.capture.records.last)
      for name in ["connections", "sessions", "packets", "emits", "acks"] {
        #expect(report[name] == end[name], "\(name)")
      }
      #expect(report["verdicts"]?.counts == end["verdicts"]?.counts)
      #expect(report["causes"]?.counts["no_handler_or_no_return"] == 12)
      #expect(report["causes"]?.counts["after_ack_timeout"] == 4)
      #expect(report["torn_tail"] == .bool(false))
      let rows = report["events"]?.array ?? []
      func counts(_ from: String, _ member: String) -> [String: Int] {
        let own = rows.filter { $0["from"]?.string == from }
        let pairs = own.map { row in
          ("\(row["namespace"]?.string ?? "?") \(row["event"]?.string ?? "?")", row[member]?.int ?? -1)
        }
        return Dictionary(pairs, uniquingKeysWith: +).filter { $0.value != 0 }
      }
      #expect(counts("client", "emits") == run.client["emitted"]?.counts)
      #expect(counts("server", "emits") == run.client["received"]?.counts)
      let acknowledged = run.client["acks_received"]?.counts.filter { !$0.key.hasSuffix(" slow") }
      #expect(counts("client", "acknowledged") == acknowledged)
      let unresolved = report["unresolved"]?.array ?? []
      #expect(unresolved.count == 12)
      #expect(unresolved.allSatisfy { $0["advice"]?.string?.isEmpty == false })
    }

    @Test func theTextNamesWhatNobodyAcknowledged() async throws {
      let (_, _, _, file) = try await Self.made.value
      let command = try await inspect(file: file)
      #expect(command.ending == .exited(0))
      let text = command.output.joined(separator: "\n")
      #expect(text.contains("Emits without an ack: 12"))
      for event in ["forgets", "raises", "no_such_event"] { #expect(text.contains("/chat \(event) id")) }
      #expect(text.contains("unanswered: no_handler_or_no_return, 12 emits"))
      #expect(text.contains("late: after_ack_timeout, 4 emits"))
    }

    @Test func theCSVHasARowForEachEvent() async throws {
      let (_, run, _, file) = try await Self.made.value
      let command = try await inspect("--format", "csv", file: file)
      #expect(command.ending == .exited(0))
      let rows = command.output.map { $0.split(separator: ",", omittingEmptySubsequences: false) }
      #expect(rows.first?.prefix(5) == ["namespace", "from", "event", "emits", "acknowledged"])
      #expect(rows.allSatisfy { $0.count == rows[0].count })
      let counted = Dictionary(
        rows.dropFirst().filter { $0[1] == "client" }.map { ("\($0[0]) \($0[2])", Int($0[3]) ?? -1) },
        uniquingKeysWith: +)
      #expect(counted == run.client["emitted"]?.counts)
    }

    @Test func aFilterNarrowsEverything() async throws {
      let (_, _, _, file) = try await Self.made.value
      let command = try await inspect("--format", "json", "--filter", "~ev forgets & ~ns /chat", file: file)
      let report = try JSON(parsing: command.output.joined())
      #expect(report["verdicts"]?.counts == ["unanswered": 2])
      #expect(report["unresolved"]?.array?.count == 2)
      let refused = try await inspect("--filter", "~nonsense x", file: file)
      #expect(refused.ending == .exited(2) && refused.errors.count == 1)
    }

    @Test(
      arguments: [
        ("unanswered", 1), ("unanswered:no_handler_or_no_return", 1), ("late", 1), ("rejected,late", 1),
        ("upgrade_completed", 1), ("rejected", 0), ("unanswered:session_unknown", 0),
        ("namespace_refused", 0),
        ("nonsense", 2), ("late:retried", 2),
      ] as [(String, Int32)])
    func failOnSetsTheExitStatus(_ list: String, _ status: Int32) async throws {
      let (_, _, _, file) = try await Self.made.value
      let command = try await inspect("--fail-on", list, file: file)
      #expect(command.ending == .exited(status), "\(command.errors)")
      #expect(command.errors.count == (status == 2 ? 1 : 0))
    }

    @Test func aTornLastLineIsSaidAndTheRestCounts() async throws {
      let (folder, run, lines, _) = try await Self.made.value
      let whole = run.capture.records.dropLast()
      let torn = try folder.file("torn.jsonl", holding: String(lines.dropLast(20)))
      let command = try await inspect("--format", "json", file: torn)
      #expect(command.ending == .exited(0))
      let report = try JSON(parsing: command.output.joined())
      #expect(report["torn_tail"] == .bool(true))
      #expect(report["packets"]?.int == whole.filter { $0.type == "packet" }.count)
      #expect(command.errors.allSatisfy { $0.contains(torn.path) })
      #expect(command.errors.filter { $0.contains("is torn") }.count == 1, "\(command.errors)")
    }

    @Test(arguments: [
      "", "hello\n", "{\"type\":\"capture\",\"schema\":\"ackscope.capture/9\"}\n", "\u{0}\u{1}\u{2}",
    ])
    func aForeignFileIsRefusedInOneLine(_ text: String) async throws {
      let folder = try TemporaryFolder()
      let file = try folder.file("foreign.jsonl", holding: text)
      let command = try await inspect(file: file)
      #expect(command.ending == .exited(2))
      #expect(command.errors.count == 1, "\(command.errors)")
      #expect(command.errors.allSatisfy { $0.contains(file.path) }, "\(command.errors)")
      #expect(command.output.isEmpty)
    }

    @Test func aFileThatIsNotThereLeavesTheOthers() async throws {
      let (folder, _, _, file) = try await Self.made.value
      let missing = folder.file("missing.jsonl")
      let command = try await ProxyProcess.finish(["inspect", file.path, missing.path, "--format", "json"])
      #expect(command.ending == .exited(2))
      #expect(command.errors.count == 1)
      #expect(command.errors.allSatisfy { $0.contains(missing.path) }, "\(command.errors)")
      #expect(try JSON(parsing: command.output.joined())["captures"]?.array?.count == 1)
    }

    @Test func standardInputIsACaptureToo() async throws {
      let (_, run, _, _) = try await Self.made.value
      let command = try await ProxyProcess.finish(
        ["inspect", "-", "--format", "json"], input: run.capture.records.map(\.line))
      #expect(command.ending == .exited(0))
      #expect(try JSON(parsing: command.output.joined())["acks"] == run.capture.records.last?["acks"])
    }
  }
}
