/// What is said of one emit (VERDICTS.md, *Verdicts*). The raw values are the words of the capture.
package enum Verdict: String, CaseIterable, Sendable {
  /// Open, and younger than the ack timeout.
  case pending
  /// Open, and older than the ack timeout; may still be answered.
  case overdue
  /// The ack came within the ack timeout.
  case acknowledged
  /// The ack came, too late for its caller perhaps.
  case late
  /// An exception came instead of an ack.
  case rejected
  /// An event came instead of an ack.
  case answeredByEvent = "answered_by_event"
  /// It was sent again under a new id.
  case superseded
  /// No ack came; the cause says why.
  case unanswered
  /// No ack was asked for.
  case unconfirmed

  /// Whether nothing else will be said of the emit afterwards.
  package var isFinal: Bool { self != .pending && self != .overdue }
}

/// Why an emit got its verdict (VERDICTS.md).
package enum Cause: String, CaseIterable, Sendable {
  /// The ack came after the ack timeout.
  case afterAckTimeout = "after_ack_timeout"
  /// The ack came after its caller had left.
  case afterPeerLeft = "after_peer_left"
  /// NestJS: an `exception` event about it.
  case exceptionEvent = "exception_event"
  /// NestJS: the handler returned an object with an `event` member.
  case returnedEventObject = "returned_event_object"
  /// The same event and arguments came again.
  case retried
  /// A healthy connection, and this event was never acknowledged.
  case noHandlerOrNoReturn = "no_handler_or_no_return"
  /// The same event was acknowledged at other times.
  case conditionalPath = "conditional_path"
  /// Only the first emits after CONNECT went unanswered.
  case handlerRegisteredLate = "handler_registered_late"
  /// The connection or namespace ended first.
  case disconnectedBeforeAck = "disconnected_before_ack"
  /// DISCONNECT came in the same burst.
  case overtakenByDisconnect = "overtaken_by_disconnect"
  /// A peer stopped answering heartbeats.
  case pingTimeout = "ping_timeout"
  /// The receiver said that it was too long.
  case payloadTooLarge = "payload_too_large"
  /// Its namespace was not joined, refused, or left.
  case namespaceNotConnected = "namespace_not_connected"
  /// The receiver closed because of it.
  case invalidPacket = "invalid_packet"
  /// A Python server dropped its POST.
  case pollBatchTooLarge = "poll_batch_too_large"
  /// The server did not know the session.
  case sessionUnknown = "session_unknown"
  /// The bytes never reached the receiver.
  case notDelivered = "not_delivered"
  /// Its answer could not be decoded.
  case decodingStopped = "decoding_stopped"
  /// The capture, or its place in memory, ended first.
  case captureEnded = "capture_ended"
  /// It had no ack id.
  case noAckRequested = "no_ack_requested"
}

/// How far a verdict or finding may be relied on.
package enum Certainty: String, Sendable {
  /// Follows from bytes on the wire.
  case proved
  /// Every known implementation behaves so.
  case strong
  /// Likely; other causes remain.
  case inferred
}
