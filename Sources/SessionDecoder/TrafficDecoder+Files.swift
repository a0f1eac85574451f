import AckCorrelation
import CaptureFormat

// A capture that goes on in another file: how one ends, and what the next is told so that it can be read alone.

/// What the first line of every file of a capture says.
struct CapturePlace {
  var listen = ""
  /// Nil for a forward proxy.
  var upstream: String?
  var startedAt = Timestamp(microseconds: 0)
}

extension TrafficDecoder {
  /// Makes the `capture` record.
  ///
  /// - Parameter part: the number of the file in its set, from 1, or nil where the capture is one file.
  mutating func recordCapture(part: UInt64?, at time: Timestamp) {
    _ = encoder.begin("capture", at: time)
    encoder.member("schema", word: "ackscope.capture/1")
    encoder.member("tool", options.tool)
    encoder.member("mode", place.upstream == nil ? "forward" : "reverse")
    encoder.member("listen", place.listen)
    if let upstream = place.upstream { encoder.member("upstream", upstream) }
    encoder.member("redaction", word: encoder.redactor.isOn ? "default" : "off")
    encoder.member("ack_timeout_us", UInt64(max(options.ackTimeout, 0)))
    encoder.member("started", time: place.startedAt)
    if let part {
      encoder.member("set", options.captureSet)
      encoder.member("part", part)
    }
    encoder.end()
  }

  /// The present file is complete, and the capture goes on in another; makes the last line of this one.
  ///
  /// - Parameter next: the name of the other, which stands beside it.
  package mutating func fileCompleted(next: String, at time: Timestamp) {
    _ = encoder.begin("rotated", at: time)
    encoder.member("next", next)
    encoder.end()
  }

  /// The capture goes on in a new file; makes its first lines: the capture's own, and a `carried` record for everything
  /// that is still open, first connections, then sessions, then emits, each in the order in which they began.
  package mutating func fileBegan(part: UInt64, at time: Timestamp) {
    recordCapture(part: part, at: time)
    for connection in connections.values.sorted(by: { $0.number.number < $1.number.number })
    where connection.isOpen {
      _ = encoder.begin("carried", at: time)
      encoder.member("conn", UInt64(connection.number.number))
      if let session = connection.webSocket?.session ?? connection.session {
        encoder.member("session", UInt64(session.number.number))
      }
      encoder.member("client", connection.client)
      encoder.member("upstream", connection.upstream)
      encoder.end()
    }
    for session in sessions.values.sorted(by: { $0.number.number < $1.number.number }) where !session.hasEnded
    {
      _ = encoder.begin("carried", at: time)
      encoder.member("session", UInt64(session.number.number))
      encoder.member("sid", session.sid)
      encoder.member("eio", UInt64(session.version.rawValue))
      encoder.end()
    }
    for emit in correlator.openEmits {
      _ = encoder.begin("carried", at: time)
      encoder.member("conn", UInt64(emit.connection.number))
      encoder.member("session", UInt64(emit.session.number))
      encoder.member("from", word: emit.from == .client ? "client" : "server")
      encoder.member("emit", emit.emit.number)
      if !emit.event.isEmpty { emit.event.withBytes { encoder.member("event", verbatim: $0) } }
      encoder.member("namespace", target: emit.namespace)
      if !emit.id.isWide { encoder.member("id", emit.id.value) }
      encoder.member("age_us", UInt64(max(time.since(emit.at), 0)))
      if emit.isOverdue { encoder.member("overdue", true) }
      encoder.end()
    }
  }
}
