/// The names of verdicts, causes and findings that captures of schema `/1` use (VERDICTS.md).
///
/// In a capture they are strings; readers check a user's spelling against these lists, and let names that they do
/// not know pass where a capture holds them.
package enum CaptureNames {
  /// Verdicts, open states last, in the order in which people are shown them.
  package static let verdicts = [
    "acknowledged", "late", "rejected", "answered_by_event", "superseded", "unanswered", "unconfirmed",
    "pending",
    "overdue",
  ]

  /// The causes that go with a verdict.
  package static func causes(of verdict: String) -> [String] {
    switch verdict {
    case "late": ["after_ack_timeout", "after_peer_left"]
    case "rejected": ["exception_event"]
    case "answered_by_event": ["returned_event_object"]
    case "superseded": ["retried"]
    case "unanswered":
      [
        "no_handler_or_no_return", "conditional_path", "handler_registered_late", "disconnected_before_ack",
        "overtaken_by_disconnect", "ping_timeout", "payload_too_large", "namespace_not_connected",
        "invalid_packet",
        "poll_batch_too_large", "session_unknown", "not_delivered", "decoding_stopped", "capture_ended",
      ]
    case "unconfirmed": ["no_ack_requested"]
    default: []
    }
  }

  /// Every cause, in the order of the verdicts.
  package static let causes = verdicts.flatMap(causes(of:))

  /// Findings about sessions and connections.
  package static let findings = [
    "session_unknown", "no_affinity", "handshake_refused", "version_mismatch", "namespace_refused",
    "upgrade_completed", "upgrade_abandoned", "poll_overlap", "recovered", "recovery_failed",
    "buffered_burst",
    "duplicate_emit", "duplicate_ack", "stray_ack", "retry_group", "ping_timeout", "closed_because",
    "mass_disconnect", "protocol_error", "sent_after_close", "custom_parser", "listener_missing",
    "stalled_peer", "tls_failed",
  ]
}
