import CaptureFormat
import Testing

@testable import LiveView

/// Records on their way from the traffic to the screen.
@Suite struct LiveSourceTests {
  static func write(_ text: String, to store: LiveStore) {
    Array(text.utf8).withUnsafeBytes { store.recordsWritten($0) }
  }

  private static func begin() throws -> (LiveStore, LiveSource, ScreenModel) {
    let store = LiveStore(pipe: try #require(NoticePipe()))
    return (
      store, LiveSource(store: store) { $0 > 1 }, ScreenFixture.model(ScreenSize(columns: 130, rows: 24))
    )
  }

  @Test func recordsReachTheModel() throws {
    let (store, source, begun) = try Self.begin()
    var model = begun
    Self.write(ScreenFixture.emit(1) + ScreenFixture.emit(2), to: store)
    Self.write(ScreenFixture.ack(3, of: 1), to: store)
    #expect(source.deliver(to: &model, elapsed: 0, wall: ScreenFixture.now))
    #expect(model.keys(of: .board) == [2])
    #expect(model.now == ScreenFixture.now)
    #expect(source.pause(model) == 100, "an age ticks")
  }

  @Test func countsAreExactWhateverFindsNoRoom() throws {
    let (store, source, begun) = try Self.begin()
    var model = begun
    // More than the store holds, before the screen takes any of it.
    let filler = #"["\#(String(repeating: "x", count: 8000))"]"#
    var seq = 0
    for _ in 0..<1500 {
      seq += 2
      Self.write(ScreenFixture.emit(seq, args: filler) + ScreenFixture.ack(seq + 1, of: seq), to: store)
    }
    Self.write(
      ScreenFixture.emit(9001, args: filler) + ScreenFixture.verdict(9002, of: 2, "unanswered"), to: store)
    _ = source.deliver(to: &model, elapsed: 0, wall: ScreenFixture.now)
    #expect(model.traffic.counts.emits == 1501)
    #expect(model.traffic.counts.acks == 1500)
    #expect(model.traffic.counts.records == 3002)
    #expect(model.traffic.history.withLine(of: 9001) { _ in true } == nil, "it found no room")
    #expect(model.traffic.open.isEmpty, "what was answered is not shown as waiting")
  }

  @Test func theScreenClosesWhenAllIsTaken() throws {
    let (store, source, begun) = try Self.begin()
    var model = begun
    Self.write(ScreenFixture.emit(1), to: store)
    store.finish()
    #expect(!source.isFinished)
    _ = source.deliver(to: &model, elapsed: 0, wall: ScreenFixture.now)
    #expect(source.isFinished)
  }

  @Test func problemsAreAlertsAndNotesAreNot() throws {
    let (store, source, begun) = try Self.begin()
    var model = begun
    store.diagnosed("upstream 127.0.0.1:3000 refuses connections", .connectionProblem)
    store.diagnosed("forwarding", .note)
    _ = source.deliver(to: &model, elapsed: 0, wall: ScreenFixture.now)
    #expect(model.traffic.alerts.map(\.text) == ["upstream 127.0.0.1:3000 refuses connections"])
    #expect(model.notice == nil)
    #expect(ScreenFixture.text(model).contains("✗ upstream 127.0.0.1:3000 refuses connections"))
  }

  @Test func anUnreachableUpstreamIsForgottenWhenItIsReached() throws {
    let (store, source, begun) = try Self.begin()
    var model = begun
    store.diagnosed("upstream refuses connections", .connectionProblem)
    store.diagnosed("the capture cannot be written", .problem)
    _ = source.deliver(to: &model, elapsed: 0, wall: ScreenFixture.moment("2026-11-23T09:00:00Z"))
    #expect(model.traffic.alerts.count == 2)
    Self.write(
      #"{"type":"open","seq":1,"ts":"2026-11-23T10:00:00Z","conn":1,"client":"a","upstream":"b"}"# + "\n",
      to: store)
    _ = source.deliver(to: &model, elapsed: 0, wall: ScreenFixture.now)
    #expect(model.traffic.alerts.map(\.text) == ["the capture cannot be written"])
  }

  @Test func quittingTwiceDoesNotWait() throws {
    let (_, source, begun) = try Self.begin()
    var model = begun
    #expect(!source.quitAsked(&model))
    #expect(source.quitAsked(&model))
  }

  @Test func nothingIsPaintedWhenNothingChanged() throws {
    let (store, source, begun) = try Self.begin()
    var model = begun
    _ = source.deliver(to: &model, elapsed: 0, wall: ScreenFixture.now)
    #expect(!source.deliver(to: &model, elapsed: 1000, wall: ScreenFixture.now))
    Self.write(ScreenFixture.emit(1, id: nil), to: store)
    #expect(source.deliver(to: &model, elapsed: 1000, wall: ScreenFixture.now))
    #expect(!source.deliver(to: &model, elapsed: 1000, wall: ScreenFixture.now))
  }
}
