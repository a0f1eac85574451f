/// How much the correlator remembers. Whatever comes in, it keeps no more than this; what falls out of a limit
/// is said (`evicted`) or, where only memory for a finding is lost, silently not found.
package struct CorrelationLimits: Sendable {
  /// Open emits in all. Beyond it the oldest is given up.
  package var pendingEmits = 65_536
  /// Open emits in one session. Beyond it that session's oldest is given up.
  package var pendingEmitsPerSession = 8_192
  /// Bytes of arguments copied for one emit; longer ones are compared by a 64-bit hash.
  package var argumentBytes = 4_096
  /// Bytes of arguments kept for all open emits together; beyond it only hashes are kept.
  package var argumentBytesInAll = 16 << 20
  /// Different namespaces and event names; later ones still pair, but take no part in statistics.
  package var names = 8_192
  /// Bytes of a name kept for verdicts; longer names are cut there.
  package var nameBytes = 512
  /// Sessions followed at once. Beyond it the one that was quiet longest is given up.
  package var sessions = 32_768
  /// Connections followed at once; beyond it the oldest is forgotten.
  package var connections = 65_536
  /// Namespaces of one session; emits on later ones are judged without knowing whether it was joined.
  package var namespacesPerSession = 64
  /// Answered ids remembered for each namespace and peer, to tell a duplicate ack from a stray one.
  package var answeredIDs = 32
  /// Clients whose session ended, remembered to recognise them when they come back.
  package var endedClients = 256
  /// Emits of ended sessions kept open because the client may come back and send them again.
  package var heldForReconnect = 1_024
  /// Exceptions of one namespace kept until it is clear which emit they belong to.
  package var exceptionsPerNamespace = 32
  /// Groups of retried emits followed at once.
  package var retryGroups = 1_024
  /// How long, in microseconds, an unanswered emit of an ended session waits for the client to come back and
  /// send it again. The JavaScript client waits up to 7.5 s between attempts (PROTOCOL.md B.10).
  package var reconnectWindow: Int64 = 10_000_000
  /// Outcomes waiting to be drained; beyond it findings are dropped and counted, verdicts never are.
  package var waitingFindings = 65_536

  /// The defaults.
  package init() {}
}
