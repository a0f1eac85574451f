import AckCorrelation
import CaptureFormat
import CaptureStorage
import SessionDecoder
import Synchronization

/// The one place where what the loops saw becomes records: decodes, pairs, encodes, writes.
///
/// One lock guards all of it, taken once for each tick of a loop. Sockets are read and written outside it, and so
/// a session may span loops without any further care.
package final class TrafficRecorder: Sendable {
  /// Receives the records of a tick, after they were written; must be quick, since the loops wait for it.
  ///
  /// `notes` are those of the decoder: of the events and acks among the records, where its options ask for them.
  package typealias Observer =
    @Sendable (_ records: UnsafeRawBufferPointer, _ notes: [PacketNote]) -> Void

  private struct State: ~Copyable {
    var decoder: TrafficDecoder
    var files: CaptureFiles?
    /// Records that could not be written since the last one that could.
    var lost: UInt64 = 0
    var lossReason = ""
    var hasEnded = false
    var recordsBefore: UInt64 = 0
    var latest = LatestTime()
    /// Whether it was told that there is no next file.
    var isStuck = false
    /// When to look next whether the file is still there.
    var nextLook = Timestamp(microseconds: .min)
  }

  /// The time of the last input. Loops that waited for each other bring theirs out of order; the capture's time never
  /// goes back, so that a duration it tells is the difference of the times it tells.
  private struct LatestTime {
    private var time = Timestamp(microseconds: .min)

    mutating func advanced(to next: Timestamp) -> Timestamp {
      time = max(time, next)
      return time
    }
  }

  private let state: Mutex<State>
  private let clock: ProxyClock
  private let observer: Observer?
  private let captureFailed: @Sendable (_ trouble: CaptureTrouble) -> Void
  private let captureRecovered: @Sendable (_ lost: UInt64) -> Void

  /// - Parameters:
  ///   - files: nil with `--no-capture`.
  ///   - captureFailed: called once for each time that writing begins to fail.
  package init(
    decoder: consuming sending TrafficDecoder, files: consuming sending CaptureFiles?, clock: ProxyClock,
    observer: Observer?,
    captureFailed: @escaping @Sendable (_ trouble: CaptureTrouble) -> Void,
    captureRecovered: @escaping @Sendable (_ lost: UInt64) -> Void
  ) {
    state = Mutex(State(decoder: decoder, files: files))
    self.clock = clock
    self.observer = observer
    self.captureFailed = captureFailed
    self.captureRecovered = captureRecovered
  }

  package var now: Timestamp { clock.now }

  /// Records that could not be written, and of which the capture does not tell.
  package var lostRecords: UInt64 { state.withLock { $0.lost } }

  /// Writes the first line, which says where the proxy listens.
  ///
  /// - Parameter upstream: nil where clients say where they want to go.
  package func begin(listen: String, upstream: String?) {
    let isSet = state.withLock { $0.files?.isSet ?? false }
    change { decoder, latest in
      decoder.captureStarted(
        listen: listen, upstream: upstream, isSet: isSet, at: latest.advanced(to: clock.now))
    }
  }

  /// Decodes and writes what a loop saw in one tick. When this returns, the records are with the operating system
  /// or their loss is counted.
  func record(_ observed: [Observed]) {
    change { decoder, latest in
      for each in observed {
        let (connection, time) = (each.connection, latest.advanced(to: each.time))
        switch each.what {
        case .opened(let client, let upstream, let facts):
          decoder.connectionOpened(connection, client: client, upstream: upstream, facts: facts, at: time)
        case .tlsFailed(let peer, let address, let reason):
          decoder.tlsFailed(connection, with: peer, at: address, reason: reason, at: time)
        case .requestStarted(let head): decoder.requestStarted(connection, head, at: time)
        case .requestBody(let buffer):
          buffer.withUnsafeReadableBytes { decoder.requestBodyReceived(connection, $0, at: time) }
        case .requestEnded: decoder.requestEnded(connection, at: time)
        case .responseStarted(let head): decoder.responseStarted(connection, head, at: time)
        case .responseBody(let buffer):
          buffer.withUnsafeReadableBytes { decoder.responseBodyReceived(connection, $0, at: time) }
        case .responseEnded: decoder.responseEnded(connection, at: time)
        case .bytes(let buffer, let from):
          buffer.withUnsafeReadableBytes { decoder.bytesReceived(connection, from: from, $0, at: time) }
        case .legEnded(let peer, let how): decoder.legEnded(connection, peer, how, at: time)
        case .proxyEnded: decoder.proxyEnded(connection, at: time)
        case .undeliverable(let peer): decoder.deliveryFailed(connection, to: peer, at: time)
        case .stalled(let peer, let start): decoder.peerStalled(connection, peer, from: start, at: time)
        case .closed(let initiator, let code, let reason, let clientBytes, let serverBytes, let cutOff):
          decoder.connectionClosed(
            connection, by: initiator, code: code, reason: reason, clientBytes: clientBytes,
            serverBytes: serverBytes, cutOff: cutOff, at: time)
        }
      }
    }
  }

  /// Decodes and writes what a splice loop saw in one tick; otherwise as above.
  ///
  /// - Parameters:
  ///   - arena: where the steps' bytes stand.
  ///   - notes: what the steps point to.
  func record(_ steps: [SpliceStep], arena: UnsafeRawPointer, notes: [SpliceNote]) {
    change { decoder, latest in
      for step in steps {
        switch step {
        case .bytes(let connection, let from, let range, let time):
          decoder.bytesReceived(
            connection, from: from,
            UnsafeRawBufferPointer(start: arena + range.lowerBound, count: range.count),
            at: latest.advanced(to: time))
        case .legEnded(let connection, let peer, let how, let time):
          decoder.legEnded(connection, peer, how, at: latest.advanced(to: time))
        case .proxyEnded(let connection, let time):
          decoder.proxyEnded(connection, at: latest.advanced(to: time))
        case .undeliverable(let connection, let peer, let time):
          decoder.deliveryFailed(connection, to: peer, at: latest.advanced(to: time))
        case .stalled(let connection, let peer, let start, let time):
          decoder.peerStalled(connection, peer, from: start, at: latest.advanced(to: time))
        case .noted(let connection, let index, let time):
          Self.record(notes[index], of: connection, by: &decoder, at: latest.advanced(to: time))
        }
      }
    }
  }

  private static func record(
    _ note: SpliceNote, of connection: ConnectionNumber, by decoder: inout TrafficDecoder, at time: Timestamp
  ) {
    switch note {
    case .requested(let client, let upstream, let head):
      decoder.connectionOpened(connection, client: client, upstream: upstream, at: time)
      decoder.requestStarted(connection, head, at: time)
      decoder.requestEnded(connection, at: time)
    case .switched(let head):
      decoder.responseStarted(connection, head, at: time)
      decoder.responseEnded(connection, at: time)
    case .closed(let splice):
      decoder.connectionClosed(
        connection, by: splice.closing.by, code: splice.closing.code, reason: splice.closing.reason,
        clientBytes: splice.clientBytes, serverBytes: splice.serverBytes, cutOff: splice.cutOff, at: time)
    }
  }

  /// Lets time pass: emits become overdue, sessions time out.
  package func expire() {
    lookAfterFile()
    change { decoder, latest in decoder.expire(at: latest.advanced(to: clock.now)) }
  }

  /// Completes the capture with `end`. Whatever is recorded later is dropped.
  package func end() {
    lookAfterFile(isLast: true)
    change { decoder, latest in decoder.captureEnded(at: latest.advanced(to: clock.now)) }
    state.withLock { $0.hasEnded = true }
  }

  /// Whether both directions of a spliced connection stand between two frames, so that a frame of our own would
  /// not fall into one of theirs.
  func mayInject(_ connection: ConnectionNumber, toward peer: Peer) -> Bool {
    state.withLock { $0.decoder.standsBetweenFrames(connection, toward: peer) }
  }

  private func change(_ body: (inout TrafficDecoder, inout LatestTime) -> Void) {
    var trouble: CaptureTrouble?
    var recovered: UInt64?
    state.withLock { state in
      guard !state.hasEnded else { return }
      if state.lost > 0 { recovered = Self.writeGap(&state, at: clock.now) }
      body(&state.decoder, &state.latest)
      trouble = Self.write(&state)
      show(&state)
      if state.lost == 0, state.files?.isNextDue(at: clock.now) == true {
        trouble = goOn(&state, at: clock.now)
      }
    }
    if let recovered { captureRecovered(recovered) }
    if let trouble { captureFailed(trouble) }
  }

  /// Lets the observer see the records made last, and forgets them.
  private func show(_ state: inout State) {
    let records = state.decoder.records
    if records.count > 0 { observer?(records, state.decoder.notes) }
    state.decoder.removeRecords()
    state.recordsBefore = state.decoder.recordCount
  }

  /// Hands the new records to the operating system; tells where losing records begins with them.
  private static func write(_ state: inout State) -> CaptureTrouble? {
    let records = state.decoder.records
    guard records.count > 0, let path = state.files?.path else { return nil }
    let added = state.decoder.recordCount - state.recordsBefore
    if state.lost > 0 {
      state.lost += added
      return nil
    }
    guard let failure = state.files?.write(records, count: added) else { return nil }
    let kept = records[..<failure.written].count { $0 == 0x0A }
    state.lost = added - UInt64(kept)
    state.lossReason = failure.reason
    return .notWritten(path: path, reason: failure.reason)
  }

  /// Tries to write the record that says how many were lost; while that fails, nothing else would fit either.
  ///
  /// - Returns: the number of lost records, where the gap could be written.
  private static func writeGap(_ state: inout State, at time: Timestamp) -> UInt64? {
    let lost = state.lost
    let time = state.latest.advanced(to: time)
    state.decoder.recordsLost(lost, reason: state.lossReason, at: time)
    guard state.files?.write(state.decoder.records, count: 1) == nil else {
      state.decoder.withdrawRecords(to: state.recordsBefore)
      return nil
    }
    state.decoder.removeRecords()
    state.recordsBefore = state.decoder.recordCount
    state.lost = 0
    return lost
  }

  // MARK: further files

  /// Completes the present file and goes on in the next. What cannot be had leaves everything as it was.
  private func goOn(_ state: inout State, at time: Timestamp) -> CaptureTrouble? {
    guard let next = state.files?.nextPath, let part = state.files?.part else { return nil }
    let time = state.latest.advanced(to: time)
    state.decoder.fileCompleted(next: next.split(separator: "/").last.map(String.init) ?? next, at: time)
    let seam = state.decoder.records.count
    state.decoder.fileBegan(part: part + 1, at: time)
    let records = state.decoder.records
    let count = state.decoder.recordCount - state.recordsBefore - 1
    do throws(CaptureWriter.Unwritable) {
      let isClosed = try state.files?.goOn(
        head: UnsafeRawBufferPointer(rebasing: records[seam...]), count: count,
        last: UnsafeRawBufferPointer(rebasing: records[..<seam]), at: time)
      if isClosed == false {
        state.lost = 1
        state.lossReason = "the file before could not be completed"
      }
    } catch {
      state.decoder.withdrawRecords(to: state.recordsBefore)
      defer { state.isStuck = true }
      return state.isStuck ? nil : .notContinued(reason: error.explanation)
    }
    state.isStuck = false
    show(&state)
    return nil
  }

  /// Microseconds between looks at whether the file still has a name.
  private static let lookInterval: Int64 = 500_000

  /// Makes the file anew where somebody has removed it; what was in it counts as lost.
  private func lookAfterFile(isLast: Bool = false) {
    var trouble: CaptureTrouble?
    state.withLock { state in
      let now = clock.now
      guard !state.hasEnded, isLast || now >= state.nextLook else { return }
      state.nextLook = now.adding(Self.lookInterval)
      if state.files?.isRemoved == true { trouble = replaceRemoved(&state, at: now) }
    }
    if let trouble { captureFailed(trouble) }
  }

  private func replaceRemoved(_ state: inout State, at time: Timestamp) -> CaptureTrouble? {
    guard let path = state.files?.path, let part = state.files?.part, let gone = state.files?.records else {
      return nil
    }
    let time = state.latest.advanced(to: time)
    let lost = gone + state.lost
    state.decoder.fileBegan(part: part + 1, at: time)
    state.decoder.recordsLost(lost, reason: "the file was removed", at: time)
    do throws(CaptureWriter.Unwritable) {
      _ = try state.files?.goOn(
        head: state.decoder.records, count: state.decoder.recordCount - state.recordsBefore,
        last: UnsafeRawBufferPointer(start: nil, count: 0), at: time)
    } catch {
      state.decoder.withdrawRecords(to: state.recordsBefore)
      defer { state.isStuck = true }
      return state.isStuck ? nil : .notContinued(reason: error.explanation)
    }
    state.isStuck = false
    state.lost = 0
    show(&state)
    return .removed(path: path, next: state.files?.path ?? path, lost: lost)
  }
}
