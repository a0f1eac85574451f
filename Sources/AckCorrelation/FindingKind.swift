/// What is said of a session or connection (VERDICTS.md, *Findings*). The raw values are the words of the capture.
package enum FindingKind: String, CaseIterable, Sendable {
  /// HTTP 400 with code 1.
  case sessionUnknown = "session_unknown"
  /// A session was refused.
  case handshakeRefused = "handshake_refused"
  /// The peers speak different Engine.IO revisions.
  case versionMismatch = "version_mismatch"
  /// A CONNECT_ERROR came.
  case namespaceRefused = "namespace_refused"
  /// Polling gave way to a WebSocket.
  case upgradeCompleted = "upgrade_completed"
  /// A WebSocket was tried, and polling went on.
  case upgradeAbandoned = "upgrade_abandoned"
  /// Two GETs of one session at once.
  case pollOverlap = "poll_overlap"
  /// Connection state recovery worked.
  case recovered
  /// It was asked for, and a new state given.
  case recoveryFailed = "recovery_failed"
  /// Emits from an offline buffer.
  case bufferedBurst = "buffered_burst"
  /// One id used twice.
  case duplicateEmit = "duplicate_emit"
  /// One id answered twice.
  case duplicateAck = "duplicate_ack"
  /// An ack that nobody waits for.
  case strayAck = "stray_ack"
  /// One logical emit in several attempts.
  case retryGroup = "retry_group"
  /// A heartbeat stopped.
  case pingTimeout = "ping_timeout"
  /// A close, and the packet that caused it.
  case closedBecause = "closed_because"
  /// Many sessions ended at one instant.
  case massDisconnect = "mass_disconnect"
  /// A WebSocket rule was broken.
  case protocolError = "protocol_error"
  /// Data behind a close.
  case sentAfterClose = "sent_after_close"
  /// An encoding that is not known.
  case customParser = "custom_parser"
  /// A client never answers a server emit.
  case listenerMissing = "listener_missing"
  /// A slow reader held its sender back.
  case stalledPeer = "stalled_peer"
  /// TLS could not be agreed upon with a peer.
  case tlsFailed = "tls_failed"
}
