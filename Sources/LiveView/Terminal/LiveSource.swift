import CaptureFormat

/// Live traffic as the screen's source. Used by the screen's thread alone.
final class LiveSource: RecordSource {
  /// Bytes of a batch above which only its end is shown in the stream.
  private static let sampled = 1 << 20

  private let store: LiveStore
  private let quitWasAsked: @Sendable (_ times: Int) -> Bool
  private var batch: [UInt8] = []
  private var scanner = CaptureRecordScanner()
  private(set) var isFlooded = false
  private var quits = 0
  private var lastSecond: Int64 = 0

  /// - Parameter quitAsked: called when a person asks to quit, with how often; returns whether the screen closes at once.
  init(store: LiveStore, quitAsked: @escaping @Sendable (_ times: Int) -> Bool) {
    self.store = store
    quitWasAsked = quitAsked
  }

  var isFinished: Bool { store.isFinished }

  func deliver(to model: inout ScreenModel, elapsed: Int, wall: CaptureTimestamp) -> Bool {
    let news = store.take(&batch, ackTimeout: model.traffic.ackTimeout, elapsed: elapsed)
    model.now = max(model.now, wall)
    isFlooded = news.isFlood
    if !news.skipped.isEmpty { model.traffic.recordsSkipped(news.skipped, at: wall) }
    feed(&model.traffic)
    if !news.skipped.isEmpty { model.traffic.skippedEmitsSettled(news.skipped) }
    for problem in news.problems {
      model.traffic.alert(
        problem.line, wall, endsWithConnection: problem.kind == .connectionProblem,
        lasts: problem.kind == .captureProblem)
    }
    for notice in news.notices { model.say(notice) }
    if let quitEnds = news.quitEnds { model.quitEnds = quitEnds }
    let second = wall.microseconds / 1_000_000
    defer { lastSecond = second }
    let isTicking = !model.traffic.hasEnded && (model.traffic.counts.pending > 0 || second != lastSecond)
    return !batch.isEmpty || news.isAny || isTicking
  }

  private func feed(_ traffic: inout TrafficModel) {
    batch.withUnsafeBytes { bytes in
      let sampledFrom = bytes.count - Self.sampled
      var start = 0
      while start < bytes.count {
        let end = CaptureLineReader.lineBreak(in: bytes, from: start) ?? bytes.count
        // The proxy's own records are well-formed; one that is not would only be missing here.
        if let record = try? scanner.record(in: UnsafeRawBufferPointer(rebasing: bytes[start..<end])) {
          traffic.recordRead(record, isSampled: start >= sampledFrom)
        }
        start = end &+ 1
      }
    }
  }

  func pause(_ model: ScreenModel) -> Int? {
    // Ages tick in tenths of a second while anything waits, and the clock in seconds.
    if model.traffic.hasEnded { return nil }
    return model.traffic.counts.pending > 0 ? 100 : 1000 - Int(model.now.microseconds / 1000 % 1000)
  }

  func quitAsked(_ model: inout ScreenModel) -> Bool {
    quits += 1
    model.say("stopping in order; once more ends it at once")
    return quitWasAsked(quits)
  }
}
