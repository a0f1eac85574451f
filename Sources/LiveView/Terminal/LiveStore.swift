import CaptureFormat
import Synchronization

/// Records on their way from the traffic to the screen: bounded, and quick for the traffic whatever the screen does.
///
/// So many records are kept as the screen can take in at little cost: any burst, and in the long run a thousand or two a second.
/// Beyond that packets are counted one by one, so that the screen's counts stay exact, and emits that go without their ack for
/// a moment are told after all; records other than packets are few and tell what went wrong, and find room longer.
final class LiveStore: Sendable {
  /// What the screen is told beside records.
  struct News: Sendable {
    var skipped = SkippedRecords.News()
    var problems: [(line: String, kind: ScreenDiagnostic)] = []
    var notices: [String] = []
    var quitEnds: String?

    /// Whether packets came faster than they could be kept.
    var isFlood: Bool { skipped.counts.records > 0 }

    var isAny: Bool { !skipped.isEmpty || !problems.isEmpty || !notices.isEmpty || quitEnds != nil }
  }

  private struct State: ~Copyable {
    var records: [UInt8] = []
    var news = News()
    var skipped = SkippedRecords()
    /// Bytes that may still be kept.
    var allowance = LiveStore.burst
    var scanner = CaptureRecordScanner()
    var ackTimeout = 5_000_000
    var isWoken = false
    var isFinished = false
  }

  /// Bytes of packets that are kept at once at most, and then a second; taking in a record costs the screen's thread about
  /// a microsecond.
  private static let burst = 8 << 20
  private static let bytesPerSecond = 1 << 19
  /// Bytes of anything that wait at most.
  private static let hardLimit = 12 << 20
  /// Lines for people that wait at most.
  private static let problems = 100
  private let state = Mutex(State())
  private let pipe: NoticePipe

  init(pipe: NoticePipe) {
    self.pipe = pipe
  }

  // MARK: from the traffic

  /// Takes whole records in.
  ///
  /// - Parameter notes: of the events and acks among them, in their order.
  func recordsWritten(_ records: UnsafeRawBufferPointer, notes: [PacketNote]) {
    change { state in
      let isKept = records.count <= state.allowance
      if isKept {
        state.allowance -= records.count
        if !state.skipped.hasWaiting {
          state.records.append(contentsOf: records)
          return
        }
      }
      var start = 0
      for packet in notes {
        if start < packet.line.lowerBound {
          Self.readUnnoted(records[start..<packet.line.lowerBound], &state)
        }
        start = packet.line.upperBound &+ 1
        if !isKept || state.skipped.isOfSkipped(packet),
          state.skipped.packetSkipped(packet, in: records, ackTimeout: state.ackTimeout)
        {
          continue
        }
        Self.keep(UnsafeRawBufferPointer(rebasing: records[packet.line]), &state)
      }
      if start < records.count { Self.readUnnoted(records[start...], &state) }
    }
  }

  /// Takes in records that may be about an emit that was skipped.
  private static func readUnnoted(_ records: Slice<UnsafeRawBufferPointer>, _ state: inout State) {
    let records = UnsafeRawBufferPointer(rebasing: records)
    var start = 0
    while start < records.count {
      let end = CaptureLineReader.lineBreak(in: records, from: start) ?? records.count
      let line = UnsafeRawBufferPointer(rebasing: records[start..<end])
      start = end &+ 1
      if state.skipped.hasWaiting {
        state.skipped.recordKept(line, ackTimeout: state.ackTimeout, &state.scanner)
      }
      keep(line, &state)
    }
  }

  private static func keep(_ line: UnsafeRawBufferPointer, _ state: inout State) {
    if state.records.count + line.count < hardLimit {
      state.records.append(contentsOf: line)
      state.records.append(0x0A)
    } else if let record = try? state.scanner.record(in: line) {
      state.skipped.recordSkipped(record, ackTimeout: state.ackTimeout)
    }
  }

  /// Takes a line for people.
  func diagnosed(_ line: String, _ kind: ScreenDiagnostic) {
    if kind == .note { return }
    change { state in
      // Each refused connection says so; nobody reads more than the last ones.
      if state.news.problems.count >= Self.problems { state.news.problems.removeFirst() }
      state.news.problems.append((line, kind))
    }
  }

  /// Takes note that no more records will come, while the screen stays.
  func trafficEnded(_ notice: String, quitEnds: String) {
    change { state in
      state.news.notices.append(notice)
      state.news.quitEnds = quitEnds
    }
  }

  /// Takes note that the screen is to close.
  func finish() { change { $0.isFinished = true } }

  private func change(_ body: (inout State) -> Void) {
    let wakes = state.withLock { state in
      body(&state)
      defer { state.isWoken = true }
      return !state.isWoken
    }
    if wakes { pipe.wake() }
  }

  // MARK: to the screen

  /// Swaps what came in against an empty buffer, and hands over the rest of the news.
  ///
  /// - Parameters:
  ///   - ackTimeout: microseconds, for what will have to be counted only.
  ///   - elapsed: microseconds since the call before.
  func take(_ batch: inout [UInt8], ackTimeout: Int, elapsed: Int) -> News {
    batch.removeAll(keepingCapacity: true)
    return state.withLock { state in
      swap(&state.records, &batch)
      state.ackTimeout = ackTimeout
      let earned = min(max(elapsed, 0), 10_000_000) * Self.bytesPerSecond / 1_000_000
      state.allowance = min(Self.burst, state.allowance + earned)
      state.news.skipped = state.skipped.take(elapsed: elapsed)
      // In a flood the next frame comes without being called for.
      state.isWoken = state.news.isFlood
      defer { state.news = News() }
      return state.news
    }
  }

  /// Whether the screen is to close and everything was taken.
  var isFinished: Bool { state.withLock { $0.isFinished && $0.records.isEmpty } }
}
