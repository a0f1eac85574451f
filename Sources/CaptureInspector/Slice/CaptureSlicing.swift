import CaptureStorage
import CaptureFormat
import JSONText

/// `ackscope inspect --write`: writes what a filter lets through, of one or more captures, as one capture.
///
/// Captures are merged by time. Connections and sessions of the first keep their numbers, those of the others get numbers
/// behind them; captures that are parts of one run share theirs. The captures are read twice.
package struct CaptureSlicing {
  /// How far ahead evidence may point: a finding stands before the record that it is about where one read brings both.
  private static let lookAhead = 64

  /// The files of each capture, in the order of time.
  private let captures: [[String]]
  private let selections: [SliceSelection]
  private let heads: [[UInt8]]
  private let head: SliceHead
  /// For each capture, the first one of the same run.
  private let runs: [Int]

  /// What was written.
  package struct Written: Equatable, Sendable {
    package var records = 0
    package var connections = 0
    package var sessions = 0
    package var emits = 0
    package var acks = 0
  }

  /// Why no slice could be written, in one line that names the file.
  package struct Fault: Error, Equatable {
    package var message: String
  }

  /// Reads the captures for the first time.
  ///
  /// - Parameter filter: makes one for each capture, because filters are not shared.
  package init(
    paths: [String], filter: String?, makeFilter: () -> CaptureFilter?, takesWholeSessions: Bool,
    diagnostics: (String) -> Void
  ) throws(Fault) {
    if paths.contains("-") {
      throw Fault(message: "--write reads captures twice, and standard input only once: give a file, not '-'")
    }
    var selections: [SliceSelection] = []
    var heads: [[UInt8]] = []
    let captures = CaptureSetFiles.groups(paths)
    for files in captures {
      let selection = SliceSelection(filter: makeFilter(), takesWholeSessions: takesWholeSessions)
      try CaptureMerge.naming(files[0]) {
        var source = try CaptureSource(paths: files)
        var scanner = CaptureRecordScanner()
        var isFirst = true
        while try source.peek() != nil {
          let line = source.take()
          if isFirst { heads.append(line) }
          isFirst = false
          try line.withUnsafeBytes { selection.recordRead(try scanner.record(in: $0)) }
        }
        source.faults.forEach(diagnostics)
      }
      selection.captureEnded()
      selections.append(selection)
    }
    self.captures = captures
    self.selections = selections
    self.heads = heads
    head = SliceHead(lines: heads, filter: filter, takesWholeSessions: takesWholeSessions)
    let names = heads.map(SliceHead.run)
    runs = names.map { name in names.firstIndex(of: name) ?? 0 }
  }

  /// Reads the captures again and hands the slice's lines over, in order.
  ///
  /// The last line is `end`, with the slice's own totals, where every capture has one.
  ///
  /// - Parameter output: takes whole lines, valid during the call; returns false to stop.
  package func write(output: (UnsafeRawBufferPointer) -> Bool) throws(Fault) -> Written {
    var sink = ByteSink(capacity: 64 << 10)
    var written = Written()
    var account = CaptureSummary()
    account.captureOpened(path: "")
    var counting = CaptureRecordScanner()
    var last = CaptureTimestamp(microseconds: .min)
    do throws(JSONFault) {
      try head.write(to: &sink)
    } catch {
      throw Fault(message: "\(TerminalText.harmless(captures[0][0])): its first line cannot be read again")
    }
    var seq = 1
    if let record = try? counting.record(in: Self.line(sink.bytes)) {
      account.recordRead(record)
      last = record.time
    }

    let offsets = numberOffsets()
    var maps = captures.map { _ in SeqMap() }
    var merge = try CaptureMerge(captures)
    var scanner = CaptureRecordScanner()
    // Evidence may point a little ahead: records are numbered when they are chosen, and written some records later.
    var chosen: [(place: Int, line: [UInt8], seq: Int)] = []
    var next = 0
    func writeNext() {
      let (place, line, seq) = chosen[next]
      next += 1
      if next == Self.lookAhead * 16 {
        chosen.removeFirst(next)
        next = 0
      }
      let run = runs[place]
      let start = sink.count
      let numbers = RenumberedRecord.Numbers(
        seq: seq, connectionOffset: offsets[run].connection, sessionOffset: offsets[run].session)
      line.withUnsafeBytes { bytes in
        guard let record = try? scanner.record(in: bytes),
          RenumberedRecord.append(record, as: numbers, newSeq: { maps[run][$0] }, to: &sink)
        else { return }
        let newLine = UnsafeRawBufferPointer(rebasing: sink.bytes[start..<sink.count - 1])
        if let renumbered = try? counting.record(in: newLine) {
          account.recordRead(renumbered)
          last = max(last, renumbered.time)
        }
      }
    }
    while let (place, line) = try merge.next() {
      line.withUnsafeBytes { bytes in
        guard let record = try? scanner.record(in: bytes), selections[place].holds(record) else { return }
        // Without its emit, an ack or a verdict would say something else.
        let about = record.integer(.ackOf) ?? (record.kind == .verdict ? record.integer(.emit) : nil)
        if let about, maps[runs[place]][about] == nil { return }
        seq += 1
        maps[runs[place]].set(seq, for: record.seq)
        chosen.append((place, line, seq))
      }
      if chosen.count - next > Self.lookAhead { writeNext() }
      if sink.count >= 48 << 10 {
        guard output(sink.bytes) else { return written }
        sink.removeAll()
      }
    }
    while next < chosen.count { writeNext() }
    if selections.allSatisfy(\.hasEnd) {
      seq += 1
      account.account.appendEnd(seq: seq, time: last, to: &sink)
    }
    _ = output(sink.bytes)
    written.records = seq
    written.connections = account.account.connections
    written.sessions = account.account.sessions
    written.emits = account.account.emits
    written.acks = account.account.acks
    return written
  }

  private func numberOffsets() -> [(connection: Int, session: Int)] {
    var next = (connection: 0, session: 0)
    return captures.indices.map { place in
      let offset = next
      guard runs[place] == place else { return offset }
      let parts = captures.indices.filter { runs[$0] == place }.map { selections[$0] }
      next.connection += parts.map(\.highestConnection).max() ?? 0
      next.session += parts.map(\.highestSession).max() ?? 0
      return offset
    }
  }

  private static func line(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: bytes[..<max(0, bytes.count - 1)])
  }
}
