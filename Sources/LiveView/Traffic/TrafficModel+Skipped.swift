import CaptureFormat

// Records that came too fast to be kept.

extension TrafficModel {
  /// Takes in what was counted of records that no screen could show: events and connections they belong to.
  ///
  /// Before the records that were kept meanwhile, whose verdicts may be about them; `skippedEmitsSettled` comes after those.
  mutating func recordsSkipped(_ news: SkippedRecords.News, at time: CaptureTimestamp) {
    counts.add(news.counts)
    skippedPackets &+= news.counts.fromClient &+ news.counts.fromServer
    rates.messagesPassed(
      second: Int(time.microseconds / 1_000_000), fromClient: news.counts.fromClient,
      fromServer: news.counts.fromServer)
    for event in news.events {
      let place = event.namespace.withUnsafeBytes { namespace in
        event.event.withUnsafeBytes { events.place(namespace: namespace, event: $0, from: event.from) }
      }
      events.update(place) { row in
        row.emits &+= event.emits
        row.asked &+= event.asked
        row.acknowledged &+= event.acknowledged
        row.latencies.add(event.latencies)
      }
      latencies.add(event.latencies)
    }
    for (conn, counted) in news.connections {
      connections.update(conn, at: time) { row in
        row.fromClient &+= counted.fromClient
        row.fromServer &+= counted.fromServer
        row.bytes &+= counted.bytes
        row.emits &+= counted.emits
        row.pending = max(0, row.pending &+ counted.emits &- counted.settled)
      }
    }
    endedUnlisted += news.endedBadly
    for line in news.waiting { skippedEmitWaits(line) }
  }

  /// Gives an emit its row that was counted before.
  private mutating func skippedEmitWaits(_ line: [UInt8]) {
    var scanner = CaptureRecordScanner()
    let emit = line.withUnsafeBytes { bytes in
      (try? scanner.record(in: bytes)).map { boardEmit($0, seq: $0.seq, time: $0.time) }
    }
    guard var emit else { return }
    guard open.count < limits.open else { return waitsUnlisted(emit) }
    if keptLineBytes + line.count <= limits.lines {
      emit.line = line
      keptLineBytes += line.count
    }
    open[emit.seq] = emit
  }

  /// Takes the emits off the board whose acks or verdicts were skipped.
  mutating func skippedEmitsSettled(_ news: SkippedRecords.News) {
    for seq in news.settledTold {
      if let line = open.removeValue(forKey: seq)?.line { keptLineBytes -= line.count }
      _ = unlisted(seq)
    }
    for (seq, latency) in news.settled {
      let listed = open.removeValue(forKey: seq)
      if let latency { latencies.sampleTaken(latency) }
      guard let emit = listed ?? unlisted(seq) ?? emit(of: seq, nil) else { continue }
      if let line = emit.line { keptLineBytes -= line.count }
      leave(emit)
      guard let latency else { continue }
      events.update(emit.event) { row in
        row.acknowledged &+= 1
        row.latencies.sampleTaken(latency)
      }
    }
    if news.isIncomplete {
      // Which emits were settled is not known: none is shown as waiting that may not be.
      open.removeAll()
    }
  }
}
