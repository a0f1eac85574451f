import CaptureFormat
import Foundation
import JSONText
import Testing

@testable import CaptureInspector

/// A directory that goes away with the test.
final class Workplace {
  let path: String

  init() throws {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("ackscope-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = url.path
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes a file and returns its path.
  func file(_ name: String, _ text: String) -> String {
    _ = FileManager.default.createFile(atPath: path + "/" + name, contents: Data(text.utf8))
    return path + "/" + name
  }
}

/// What an inspection said and decided.
struct Inspected {
  var decision: CaptureInspection.ExitDecision
  var output: String
  var diagnostics: [String]

  init(
    _ paths: [String], _ format: CaptureInspection.Format = .json, filter: String? = nil,
    failOn: String? = nil,
    limits: CaptureSummary.Limits = .init()
  ) throws {
    var output = ""
    var diagnostics: [String] = []
    decision = CaptureInspection.run(
      paths: paths, format: format, filter: try filter.map { try CaptureFilter(parsing: $0) },
      failOn: try failOn.map { try FailOnList(parsing: $0) }, limits: limits,
      advice: { verdict, cause in "advice for \(verdict)\(cause.map { "/" + $0 } ?? "")" },
      output: { output += String(decoding: $0, as: UTF8.self) }, diagnostics: { diagnostics.append($0) })
    self.output = output
    self.diagnostics = diagnostics
  }

  func json() throws -> JSONValue { try JSONValue(parsing: output) }
}

@Suite struct CaptureInspectionTests {
  static let chat = Snapshot.path("Resources", "chat.jsonl")

  /// The report without the place where the tests live.
  static func anonymous(_ text: String) -> String { text.replacing(chat, with: "chat.jsonl") }

  @Test func theReportForPeopleReadsAsItsSnapshot() throws {
    let inspected = try Inspected([Self.chat], .text)
    Snapshot.expect(Self.anonymous(inspected.output), matches: "chat.txt")
    #expect(inspected.decision == .fine && inspected.diagnostics.isEmpty)
    #expect(!inspected.output.utf8.contains(0x1B))
  }

  @Test func theJSONReportReadsAsItsSnapshot() throws {
    let inspected = try Inspected([Self.chat], .json)
    Snapshot.expect(Self.anonymous(inspected.output), matches: "chat.json")
    #expect(
      inspected.diagnostics.map(Self.anonymous) == [
        "chat.jsonl: gap at seq 44: 2 records could not be written (No space left on device)"
      ])
  }

  @Test func theCSVReportReadsAsItsSnapshot() throws {
    Snapshot.expect(try Inspected([Self.chat], .csv).output, matches: "chat.csv")
  }

  @Test func jsonMembersHaveTheNamesAndTheOrderOfTheContract() throws {
    guard case .object(let members) = try Inspected([Self.chat]).json() else {
      Issue.record("no object")
      return
    }
    #expect(
      members.map(\.name) == [
        "captures", "connections", "sessions", "packets", "emits", "acks", "verdicts", "causes", "events",
        "unresolved", "findings", "torn_tail",
      ])
    func names(_ value: JSONValue?) -> [String] {
      if case .object(let all)? = value { all.map(\.name) } else { [] }
    }
    let summary = JSONValue.object(members)
    #expect(
      names(summary["events"]?[0]) == [
        "namespace", "from", "event", "emits", "acknowledged", "p50_us", "p90_us", "p99_us", "max_us",
        "verdicts",
      ])
    #expect(
      names(summary["unresolved"]?[0]) == [
        "seq", "conn", "session", "sid", "from", "namespace", "id", "event", "verdict", "cause", "certainty",
        "age_us",
        "advice",
      ])
  }

  @Test func severalCapturesAreSummedAndTheirRowsNameThem() throws {
    let one = try Inspected([Self.chat]).json()
    let two = try Inspected([Self.chat, Self.chat]).json()
    for name in ["connections", "sessions", "packets", "emits", "acks"] {
      #expect(two[name]?.integer == (one[name]?.integer ?? 0) * 2, "\(name)")
    }
    #expect(two["unresolved"]?.array?.count == 6)
    #expect(two["unresolved"]?[0]?["capture"]?.string == Self.chat)
    #expect(one["unresolved"]?[0]?["capture"] == nil)
    #expect(two["events"]?.array?.count == one["events"]?.array?.count)
  }

  @Test func unreadableFilesAreNamedInOneLineAndTheOthersAreReported() throws {
    let place = try Workplace()
    let foreign = place.file("foreign.txt", "hello\n")
    let missing = place.path + "/missing.jsonl"
    let inspected = try Inspected([foreign, missing, place.path, Self.chat])
    #expect(inspected.decision == .unreadable)
    #expect(try inspected.json()["captures"]?.array?.count == 1)
    #expect(inspected.diagnostics.count == 4)
    #expect(inspected.diagnostics[0].hasPrefix(foreign + ": not an Ackscope capture"))
    #expect(inspected.diagnostics[1] == missing + ": cannot be opened: No such file or directory")
    #expect(inspected.diagnostics[2].hasPrefix(place.path + ": is a directory"))
    let nothing = try Inspected([missing])
    #expect(nothing.decision == .unreadable && nothing.output.isEmpty)
  }

  @Test(arguments: [
    ("unanswered", true), ("unanswered:no_handler_or_no_return", true), ("unanswered:ping_timeout", false),
    ("pending", false), ("overdue", false), ("late,superseded", true), ("superseded,retry_group", false),
    ("stray_ack", true), ("acknowledged", true), ("unanswered:disconnected_before_ack,late", true),
  ])
  func failOnMatchesWhatTheCaptureHolds(_ list: String, _ fails: Bool) throws {
    #expect(try Inspected([Self.chat], failOn: list).decision == (fails ? .checkFailed : .fine))
  }

  @Test func failOnLooksBehindTheFilterOnly() throws {
    #expect(try Inspected([Self.chat], filter: "~ev join_room", failOn: "unanswered").decision == .fine)
    #expect(try Inspected([Self.chat], filter: "~ev typing", failOn: "unanswered").decision == .checkFailed)
  }

  @Test(arguments: [
    "lost", "", "unanswered:", "unanswered:retried", "late:", "acknowledged:x", "stray_ack:x", "late,",
  ])
  func unknownNamesInFailOnAreRefused(_ list: String) {
    #expect(throws: FailOnList.Fault.self) { try FailOnList(parsing: list) }
  }

  @Test func aFilterNarrowsEverything() throws {
    let summary = try Inspected([Self.chat], filter: "~ev ^send_message$").json()
    #expect(summary["emits"]?.integer == 3)
    #expect(summary["acks"]?.integer == 2)
    #expect(summary["packets"]?.integer == 5)
    #expect(summary["connections"]?.integer == 1)
    #expect(summary["sessions"]?.integer == 1)
    #expect(summary["events"]?.array?.count == 1)
    #expect(summary["findings"]?.array?.isEmpty == true)
    #expect(summary["verdicts"] == (try JSONValue(parsing: "{\"acknowledged\":1,\"late\":1,\"rejected\":1}")))
    let none = try Inspected([Self.chat], filter: "~conn 77").json()
    #expect(none["packets"]?.integer == 0 && none["connections"]?.integer == 0)
    let everything = try Inspected([Self.chat], filter: "~conn 1 | !~conn 1").json()
    let plain = try Inspected([Self.chat]).json()
    #expect(everything == plain)
  }
}
