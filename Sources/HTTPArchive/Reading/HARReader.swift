import AckCorrelation
import CaptureFormat
import SessionDecoder

/// Makes a capture of a HAR: what the browser saw is fed to the decoder as if a tap had seen it, so that packets are
/// decoded, emits paired and judged as live traffic is.
///
/// A HAR says nothing about the ends of WebSockets, frames, pings, compression and bytes on the wire (Ackscope's own
/// say how connections ended). Nothing is made up for it: an emit that is open at the end of the HAR is `capture_ended`.
/// Memory: the whole HAR, as trees.
package struct HARReader {
  /// What a HAR held, and what it could not say.
  package struct Account: Equatable, Sendable {
    package var webSockets = 0
    package var polls = 0
    /// Entries that are neither.
    package var others = 0
    /// WebSockets whose end is not told.
    package var withoutEnd = 0
    /// Answers whose bodies the HAR does not hold.
    package var withoutBody = 0
    package var creator = ""

    package init() {}
  }

  private let document: HARDocument

  /// Reads a HAR.
  package init(_ bytes: UnsafeRawBufferPointer) throws(HARRefusal) {
    document = try HARDocument(bytes)
  }

  /// What the HAR says of itself.
  package var creator: String { document.creator }
  /// The ack timeout of the capture that the HAR was made from, in microseconds; nil where it was made by others.
  package var ackTimeout: Int64? { document.ackTimeout }

  /// Hands over the records of the capture, in pieces of whole lines.
  ///
  /// - Parameters:
  ///   - decoder: a fresh one, which redacts and judges.
  ///   - output: takes whole lines, valid during the call; returns false to stop.
  package func write(
    through decoder: inout TrafficDecoder, output: (UnsafeRawBufferPointer) -> Bool
  ) -> Account {
    var account = Account()
    account.creator = document.creator
    account.others = document.otherEntries
    for entry in document.entries {
      if entry.isWebSocket {
        account.webSockets += 1
        let isClosed = entry.close != nil || entry.messages?.contains { $0.opcode == 8 } == true
        if !isClosed && entry.response?.status == 101 { account.withoutEnd += 1 }
      } else {
        account.polls += 1
      }
      if entry.lacksBody { account.withoutBody += 1 }
    }

    let steps = HARTimeline(document.entries, keepsNumbers: document.ended != nil).steps
    guard let first = steps.first?.time else { return account }
    decoder.captureStarted(
      listen: document.entries[0].origin, upstream: document.entries[0].origin, at: first)
    var last = first
    for step in steps {
      last = max(last, step.time)
      Self.letTimePass(&decoder, until: last)
      take(step, &decoder, at: last)
      guard decoder.records.count < 48 << 10 || output(decoder.records) else { return account }
      if decoder.records.count >= 48 << 10 { decoder.removeRecords() }
    }
    if let ended = document.ended, ended > last {
      Self.letTimePass(&decoder, until: ended)
      last = ended
    }
    decoder.expire(at: last)
    decoder.captureEnded(at: last)
    _ = output(decoder.records)
    decoder.removeRecords()
    return account
  }

  /// What becomes due between two steps is recorded with the time at which it did.
  private static func letTimePass(_ decoder: inout TrafficDecoder, until time: Timestamp) {
    var before: Timestamp?
    while let due = decoder.nextDeadline, due < time, before.map({ $0 < due }) ?? true {
      decoder.expire(at: due)
      before = due
    }
  }

  private func take(_ step: HARTimeline.Step, _ decoder: inout TrafficDecoder, at time: Timestamp) {
    let connection = step.connection
    let entry = document.entries[step.entry]
    switch step.what {
    case .opened:
      decoder.connectionOpened(connection, client: "browser", upstream: entry.server, at: time)
    case .requested:
      decoder.requestStarted(connection, entry.request, at: time)
      entry.requestBody.withUnsafeBytes {
        if !$0.isEmpty { decoder.requestBodyReceived(connection, $0, at: time) }
      }
      decoder.requestEnded(connection, at: time)
    case .answered:
      guard let response = entry.response else { return }
      decoder.responseStarted(connection, response, at: time)
      if response.status == 101 { return }
      (entry.responseBody ?? []).withUnsafeBytes {
        if !$0.isEmpty { decoder.responseBodyReceived(connection, $0, at: time) }
      }
      decoder.responseEnded(connection, at: time)
    case .message(let index):
      guard let message = entry.messages?[index] else { return }
      let frame = WebSocketFrameBytes.frame(message)
      frame.withUnsafeBytes { decoder.bytesReceived(connection, from: message.from, $0, at: time) }
    case .closed:
      guard let close = entry.close else { return }
      switch close.by {
      case .client: decoder.legEnded(connection, .client, .fin, at: time)
      case .server: decoder.legEnded(connection, .server, .fin, at: time)
      case .proxy: break
      }
      decoder.connectionClosed(
        connection, by: close.by, code: close.code, reason: close.reason, clientBytes: close.clientBytes,
        serverBytes: close.serverBytes, at: time)
    }
  }
}
