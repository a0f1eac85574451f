import CaptureFormat
import Foundation
import Testing

@testable import LiveView

/// Playing a capture, with the clock as an argument.
@Suite struct CapturePlayerTests {
  static let wall = ScreenFixture.moment("2026-11-24T00:00:00.000000Z")
  static let first =
    #"{"type":"capture","seq":0,"ts":"2026-11-23T10:00:00Z","schema":"ackscope.capture/1","listen":"http://127.0.0.1:8090","upstream":"u","ack_timeout_us":5000000}"#
    + "\n"
  static let lines = [
    ScreenFixture.emit(1, at: 1), ScreenFixture.ack(2, of: 1, at: 2), ScreenFixture.emit(3, at: 3),
    ScreenFixture.verdict(4, of: 3, "unanswered", "conditional_path", at: 7), ScreenFixture.emit(5, at: 8),
    ScreenFixture.verdict(6, of: 5, "rejected", "exception_event", at: 9),
    ScreenFixture.ack(7, of: 9, at: 10),
  ]

  /// A file that goes when the test is over.
  final class File {
    let path: String

    init(_ text: String) {
      path = NSTemporaryDirectory() + "ackscope-\(UUID().uuidString).jsonl"
      #expect(FileManager.default.createFile(atPath: path, contents: Data(text.utf8)))
    }

    func append(_ text: String) throws {
      let handle = try #require(FileHandle(forWritingAtPath: path))
      try handle.seekToEnd()
      try handle.write(contentsOf: Data(text.utf8))
      try handle.close()
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
  }

  static func model(_ playback: Playback) -> ScreenModel {
    ScreenFixture.model(ScreenSize(columns: 80, rows: 24), playback: playback)
  }

  private static func turn(_ player: CapturePlayer, _ model: inout ScreenModel, seconds: Double = 0) -> Bool {
    player.deliver(to: &model, elapsed: Int(seconds * 1e6), wall: wall)
  }

  @Test func recordsComeWhenTheirTimeHasCome() throws {
    let file = File(Self.first + Self.lines.joined())
    let player = try CapturePlayer(path: file.path, catchesUp: false)
    var model = Self.model(Playback())
    _ = Self.turn(player, &model)
    #expect(model.traffic.counts.records == 1)
    #expect(model.playback?.length == 10_000_000)
    _ = Self.turn(player, &model, seconds: 1)
    #expect(model.keys(of: .board) == [1])
    _ = Self.turn(player, &model, seconds: 0.5)
    #expect(model.boardRows.first?.age(at: model.now) == 500_000)
    _ = Self.turn(player, &model, seconds: 0.5)
    #expect(model.keys(of: .board) == [])
    model.playback?.speed = 4
    _ = Self.turn(player, &model, seconds: 1)
    #expect(model.keys(of: .board) == [3])
    #expect(model.boardRows.first?.age(at: model.now) == 3_000_000)
    _ = Self.turn(player, &model, seconds: 10)
    #expect(model.playback?.isAtEnd == true)
    #expect(model.now == ScreenFixture.moment("2026-11-23T10:00:10.000000Z"))
    #expect(!Self.turn(player, &model, seconds: 10), "nothing changes any more")
    #expect(player.pause(model) == nil)
  }

  @Test func whatIsPausedStandsStill() throws {
    let file = File(Self.first + Self.lines.joined())
    let player = try CapturePlayer(path: file.path, catchesUp: false)
    var model = Self.model(Playback())
    _ = Self.turn(player, &model, seconds: 3)
    model.playback?.isPaused = true
    let (now, records) = (model.now, model.traffic.counts.records)
    #expect(!Self.turn(player, &model, seconds: 60))
    #expect(model.now == now && model.traffic.counts.records == records)
  }

  @Test func aStepGoesToTheNextBadVerdictAndPauses() throws {
    let file = File(Self.first + Self.lines.joined())
    let player = try CapturePlayer(path: file.path, catchesUp: false)
    var model = Self.model(Playback())
    for (rows, seconds) in [([3], 7), ([5, 3], 9)] {
      ScreenFixture.press(.character("v"), on: &model)
      _ = Self.turn(player, &model)
      #expect(model.keys(of: .board) == rows)
      #expect(model.selectedKey(in: .board) == rows[0], "what it stopped for is selected")
      #expect(model.notice?.contains("stopped where an emit ended without an ack") == true)
      #expect(model.playback?.isPaused == true && model.playback?.isSteppingToVerdict == false)
      #expect(model.now == ScreenFixture.moment("2026-11-23T10:00:0\(seconds).000000Z"))
    }
    ScreenFixture.press(.character("v"), on: &model)
    _ = Self.turn(player, &model)
    #expect(model.playback?.isAtEnd == true && model.playback?.isSteppingToVerdict == false)
    #expect(model.notice?.contains("no more emit ended") == true)
  }

  @Test func aStepTakesAnOpenStoryToWhatItStopsFor() throws {
    let file = File(Self.first + Self.lines.joined())
    let player = try CapturePlayer(path: file.path, catchesUp: false)
    var model = Self.model(Playback())
    ScreenFixture.press(.character("v"), on: &model)
    _ = Self.turn(player, &model)
    ScreenFixture.press(.enter, .character("v"), on: &model)
    _ = Self.turn(player, &model)
    #expect(model.detail == .emit(5))
  }

  @Test func aGrowingFileIsFollowed() throws {
    let file = File(Self.first + Self.lines[0])
    let player = try CapturePlayer(path: file.path, catchesUp: true)
    var model = Self.model(Playback(isFollowing: true))
    _ = Self.turn(player, &model)
    #expect(model.keys(of: .board) == [1])
    #expect(model.now == Self.wall, "ages of what waits go on with the wall clock")
    let half = Self.lines[1].prefix(40)
    try file.append(String(half))
    _ = Self.turn(player, &model)
    #expect(model.keys(of: .board) == [1])
    try file.append(String(Self.lines[1].dropFirst(40)))
    _ = Self.turn(player, &model)
    #expect(model.keys(of: .board) == [])
    #expect(player.pause(model) == 100)
  }

  @Test func damageIsSaidAndPlayedOver() throws {
    let file = File(Self.first + "{\"type\":\"pack\n" + Self.lines[0] + "{torn")
    let player = try CapturePlayer(path: file.path, catchesUp: false)
    var model = Self.model(Playback(speed: .infinity))
    _ = Self.turn(player, &model)
    #expect(model.keys(of: .board) == [1])
    #expect(model.traffic.alerts.count == 1)
  }

  @Test func whatIsNoCaptureIsRefusedInPlainWords() throws {
    for (text, words) in [
      ("", "empty"), ("hello\n", "not a JSON object"), (Self.lines[0], "another kind"), ("{", "unfinished"),
    ] {
      let file = File(text)
      let fault = #expect(throws: CaptureWatch.Fault.self) {
        try CapturePlayer(path: file.path, catchesUp: false)
      }
      #expect(fault?.explanation.contains(words) == true, "\(fault?.explanation ?? "")")
    }
    let missing = #expect(throws: CaptureWatch.Fault.self) {
      try CapturePlayer(path: "/nowhere/x", catchesUp: false)
    }
    #expect(missing?.explanation.contains("No such file") == true)
    let folder = #expect(throws: CaptureWatch.Fault.self) { try CapturePlayer(path: "/", catchesUp: false) }
    #expect(folder?.explanation.contains("directory") == true)
  }

  @Test func aCaptureGoesOnInTheFileThatItNames() throws {
    let next = File(
      Self.first.replacingOccurrences(of: "\"seq\":0", with: "\"seq\":6").replacingOccurrences(
        of: "\"schema\"", with: "\"set\":\"a\",\"part\":2,\"schema\"")
        + ScreenFixture.line(
          "carried", 7, at: 4, "\"conn\":3,\"from\":\"client\",\"emit\":5,\"namespace\":\"/\",\"id\":5")
        + ScreenFixture.ack(8, of: 5, at: 5))
    let name = next.path.split(separator: "/").last.map(String.init) ?? ""
    let file = File(
      Self.first.replacingOccurrences(of: "\"schema\"", with: "\"set\":\"a\",\"part\":1,\"schema\"")
        + ScreenFixture.emit(5, at: 1) + ScreenFixture.line("rotated", 6, at: 2, "\"next\":\"\(name)\""))
    let player = try CapturePlayer(path: file.path, catchesUp: true)
    var model = Self.model(Playback(speed: .infinity))
    while Self.turn(player, &model) {}
    // Nothing was counted twice, and the header names the present file.
    #expect(model.traffic.counts.emits == 1 && model.traffic.counts.acknowledged == 1)
    #expect(model.keys(of: .board) == [])
    #expect(model.presentFile?.hasSuffix(name) == true)
    #expect(model.traffic.alerts.isEmpty)
  }

  @Test func aLaterFileAloneShowsWhatWasCarriedIntoIt() throws {
    let file = File(
      Self.first.replacingOccurrences(of: "\"schema\"", with: "\"set\":\"a\",\"part\":2,\"schema\"")
        + ScreenFixture.line(
          "carried", 7, at: 4,
          "\"conn\":3,\"session\":1,\"from\":\"client\",\"emit\":5,\"event\":\"e\",\"namespace\":\"/\",\"id\":5,\"age_us\":1000000"
        ))
    let player = try CapturePlayer(path: file.path, catchesUp: true)
    var model = Self.model(Playback(speed: .infinity))
    while Self.turn(player, &model) {}
    #expect(model.keys(of: .board) == [5])
    #expect(model.traffic.counts.pending == 1)
    #expect(model.boardRows.first?.age(at: model.now) == 1_000_000)
  }
}
