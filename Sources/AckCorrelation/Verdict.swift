/// What is said of one emit (VERDICTS.md, *Verdicts*). The raw values are the words of the capture.
package enum Verdict: String, CaseIterable, Sendable {
  /// Open, and younger than the ack timeout.
  case pending
  /// Open, and older than the ack timeout; may still be answered.
  case overdue
  case acknowledged
  case late
  case rejected
  case answeredByEvent = "answered_by_event"
  case superseded
  case unanswered
  case unconfirmed

  /// Whether nothing else will be said of the emit afterwards.
  package var isFinal: Bool { self != .pending && self != .overdue }
}

/// Why an emit got its verdict (VERDICTS.md).
package enum Cause: String, CaseIterable, Sendable {
  case afterAckTimeout = "after_ack_timeout"
  case afterPeerLeft = "after_peer_left"
  case exceptionEvent = "exception_event"
  case returnedEventObject = "returned_event_object"
  case retried
  case noHandlerOrNoReturn = "no_handler_or_no_return"
  case conditionalPath = "conditional_path"
  case handlerRegisteredLate = "handler_registered_late"
  case disconnectedBeforeAck = "disconnected_before_ack"
  case overtakenByDisconnect = "overtaken_by_disconnect"
  case pingTimeout = "ping_timeout"
  case payloadTooLarge = "payload_too_large"
  case namespaceNotConnected = "namespace_not_connected"
  case invalidPacket = "invalid_packet"
  case pollBatchTooLarge = "poll_batch_too_large"
  case sessionUnknown = "session_unknown"
  case notDelivered = "not_delivered"
  case decodingStopped = "decoding_stopped"
  case captureEnded = "capture_ended"
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
