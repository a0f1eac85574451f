import CaptureFormat
import JSONText
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Plays a capture: hands its records over as its own clock says, as fast as the model's playback wants it.
///
/// Reads the file as it goes, a little ahead. Used by one thread.
final class CapturePlayer: RecordSource {
  /// Bytes read ahead, and played in one turn, at most.
  private static let ahead = 256 << 10
  private static let turn = 4 << 20

  private var descriptor: CInt
  private var path: String
  /// The file beside this one that the capture goes on in, once this one says so.
  private var nextFile: String?
  private var firstTime: CaptureTimestamp?
  private var reader = CaptureReader()
  private var scanner = CaptureRecordScanner()
  /// Whole lines that are not due yet.
  private var waiting: [UInt8] = []
  private var times: [(end: Int, time: CaptureTimestamp)] = []
  private var next = 0
  private var isFileRead = false
  private var damages: [CaptureDamage] = []
  private var playTime: CaptureTimestamp?
  private var wasAtEnd = false
  private var isCatchingUp: Bool
  let isFlooded = false
  private(set) var isFinished = false
  private var buffer = [UInt8](repeating: 0, count: 128 << 10)
  /// How long the capture is, in microseconds, as far as it is written.
  private(set) var length: Int?
  private var size: Int?
  /// Whether more of the file was read since it was measured.
  private var hasRead = false

  /// Opens a capture and reads its beginning.
  ///
  /// - Parameter catchesUp: whether what is in the file already is played at once.
  /// - Throws: `CaptureWatch.Fault`, in words for people.
  init(path: String, catchesUp: Bool) throws(CaptureWatch.Fault) {
    self.path = path
    isCatchingUp = catchesUp
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw CaptureWatch.Fault(
        explanation: "cannot read \(TerminalText.harmless(path)): \(String(cString: strerror(errno)))")
    }
    var status = stat()
    if fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
      throw CaptureWatch.Fault(
        explanation: "\(TerminalText.harmless(path)) is a directory; give the path of a capture")
    }
    do throws(CaptureRefusal) {
      try readAhead()
      if isFileRead, times.isEmpty { _ = try reader.ended() }
    } catch {
      throw CaptureWatch.Fault(explanation: error.message(for: path))
    }
    firstTime = times.first?.time
    measure()
  }

  /// Finds out how long the capture is, as far as its present file knows.
  private func measure() {
    var status = stat()
    guard fstat(descriptor, &status) == 0, let firstTime else { return }
    size = Int(status.st_size)
    length = lastTime(size: Int(status.st_size)).map { Int($0.since(firstTime)) } ?? length
  }

  /// Goes on in the next file, where this one named one that is there.
  private func openNext() -> Bool {
    guard let name = nextFile else { return false }
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    let opened = open(folder + name, O_RDONLY | O_CLOEXEC)
    guard opened >= 0 else { return false }
    _ = Self.closeFile(descriptor)
    descriptor = opened
    path = folder + name
    nextFile = nil
    reader = CaptureReader()
    measure()
    return true
  }

  deinit { _ = Self.closeFile(descriptor) }

  private static func closeFile(_ descriptor: CInt) -> CInt { close(descriptor) }

  // MARK: reading

  private func readAhead() throws(CaptureRefusal) {
    if next > 0, next == times.count {
      waiting.removeAll(keepingCapacity: true)
      times.removeAll(keepingCapacity: true)
      next = 0
    }
    while waiting.count < Self.ahead {
      let count = read(descriptor, &buffer, buffer.count)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else {
        if openNext() { continue }
        isFileRead = true
        return
      }
      isFileRead = false
      hasRead = true
      var (lines, ends, faults): ([UInt8], [(Int, CaptureTimestamp)], [CaptureDamage]) = ([], [], [])
      let base = waiting.count
      let piece = buffer.prefix(count)
      var failure: CaptureRefusal?
      var next: String?
      piece.withUnsafeBytes { bytes in
        do throws(CaptureRefusal) {
          try reader.bytesArrived(bytes) { item in
            switch item {
            case .record(let record):
              lines.append(contentsOf: record.line)
              ends.append((base + lines.count, record.time))
              if record.kind == .rotated { next = record.value(named: "next").map(JSONString.decode) }
            case .damage(let damage): faults.append(damage)
            }
          }
        } catch {
          failure = error
        }
      }
      if let failure { throw failure }
      // A name, not a path: the capture may come from anybody.
      if let next, !next.contains("/") { nextFile = next }
      waiting += lines
      times += ends.map { (end: $0.0, time: $0.1) }
      damages += faults
    }
  }

  /// When the last whole record of the file happened.
  private func lastTime(size: Int) -> CaptureTimestamp? {
    var tail = [UInt8](repeating: 0, count: min(size, 256 << 10))
    guard !tail.isEmpty else { return nil }
    let count = pread(descriptor, &tail, tail.count, off_t(size - tail.count))
    guard count > 0 else { return nil }
    for line in tail.prefix(count).split(separator: 0x0A).reversed().prefix(8) {
      var scanner = CaptureRecordScanner()
      let time = line.withUnsafeBytes { bytes in (try? scanner.record(in: bytes))?.time }
      if let time { return time }
    }
    return nil
  }

  // MARK: playing

  func deliver(to model: inout ScreenModel, elapsed: Int, wall: CaptureTimestamp) -> Bool {
    guard var playback = model.playback else { return false }
    let before = playback
    let beforeTime = playTime
    if playTime == nil { playTime = times.first?.time }
    let isAtOnce = playback.speed.isInfinite || isCatchingUp || playback.isSteppingToVerdict
    if !playback.isPaused, !isAtOnce, !playback.isAtEnd, let time = playTime {
      playTime?.microseconds = time.microseconds &+ Int64(min(Double(elapsed) * playback.speed, 1e15))
    }
    var played = 0
    while !playback.isPaused, played < Self.turn {
      if next == times.count {
        guard advance(&model) else { break }
      }
      let (end, time) = times[next]
      if !isAtOnce, let playTime, time > playTime { break }
      let start = next == 0 ? 0 : times[next - 1].end
      next += 1
      played += end - start
      playTime = max(playTime ?? time, time)
      let ended = play(start..<end, &model)
      if let ended, playback.isSteppingToVerdict, model.showsEnded(ended) {
        playback.isSteppingToVerdict = false
        playback.isPaused = true
        model.steppedTo(ended)
      }
    }
    playback.isAtEnd = next == times.count && isFileRead
    if playback.isAtEnd {
      isCatchingUp = false
      if playback.isSteppingToVerdict {
        playback.isSteppingToVerdict = false
        model.say("no more emit ended without an ack, as far as the capture goes")
      }
      if playback.isFollowing, !model.traffic.hasEnded, !playback.isPaused {
        playTime = max(playTime ?? wall, wall)
      }
      if !playback.isFollowing { playTime = model.traffic.lastTime }
    }
    for damage in damages { model.traffic.alert(damage.message(for: path), model.traffic.lastTime) }
    let hasDamage = !damages.isEmpty
    damages = []
    if hasRead, playback.isFollowing { measure() }
    hasRead = false
    playback.length = length
    playback.size = size
    if let playTime { model.now = playTime }
    model.playback = playback
    return played > 0 || hasDamage || playback != before || playTime != beforeTime
  }

  /// Reads on where everything read was played; returns whether there is more.
  private func advance(_ model: inout ScreenModel) -> Bool {
    do throws(CaptureRefusal) {
      try readAhead()
    } catch {
      model.traffic.alert(error.message(for: path), model.traffic.lastTime)
    }
    return next < times.count
  }

  /// Plays one line; returns the emit that ended without an ack with it.
  private func play(_ range: Range<Int>, _ model: inout ScreenModel) -> Int? {
    waiting.withUnsafeBytes { bytes in
      guard let record = try? scanner.record(in: UnsafeRawBufferPointer(rebasing: bytes[range])) else {
        return nil
      }
      let endedBadly = model.traffic.counts.endedBadly
      model.traffic.recordRead(record)
      return model.traffic.counts.endedBadly > endedBadly ? record.integer(.emit) : nil
    }
  }

  func pause(_ model: ScreenModel) -> Int? {
    guard let playback = model.playback else { return nil }
    if playback.isPaused { return nil }
    if playback.isAtEnd { return playback.isFollowing && !model.traffic.hasEnded ? 100 : nil }
    return 0
  }

  func quitAsked(_ model: inout ScreenModel) -> Bool { true }
}
