import AckCorrelation
import SessionDecoder
import SocketReadiness
import TLSRecords

/// A connection whose bytes pass without HTTP, with its two sockets.
struct SplicedConnection {
  let number: ConnectionNumber
  var client: SplicedLeg
  var upstream: SplicedLeg
  /// Who ended it first, and with what words where it was the proxy.
  var closing: (by: CloseInitiator, code: UInt16?, reason: String?)?
  /// Its upgrade is not done yet.
  var upgrade: PendingUpgrade?
  /// The proxy has told the peers that it stops.
  var isStopping = false
  /// Called once when it is gone.
  let ended: @Sendable () -> Void

  /// Whether the capture knows it.
  var isOnRecord: Bool { upgrade.map { $0.stage == .answer } ?? true }

  subscript(leg: Leg) -> SplicedLeg {
    _read { if leg == .client { yield client } else { yield upstream } }
    _modify { if leg == .client { yield &client } else { yield &upstream } }
  }
}

/// One of the two sockets of a spliced connection.
struct SplicedLeg {
  /// Negative once it is closed.
  private(set) var descriptor: Int32
  /// Bytes that arrived on it, those before the splice included.
  var received: UInt64
  /// What its peer has not taken yet. While there is something, the partner is not read (promise P5).
  var waiting = WaitingOutput()
  /// What the readiness queue watches for.
  var interest: ReadinessQueue.Interest = .readable
  /// The peer has ended its direction.
  var inputEnded = false
  /// Nothing more is written to this peer.
  var outputEnded = false
  /// The output is to end behind what waits.
  var endsOutput = false
  /// Since when this peer has not taken what the other sends.
  var stalledSince: Timestamp?
  /// TLS on this leg; nil where it is plain.
  let tls: RecordLayer?
  /// The peer ended its direction without the close_notify of TLS: what it sent may be cut off.
  var isCutOff = false

  /// - Parameter received: bytes that arrived before the splice.
  init(descriptor: Int32, received: UInt64, tls: RecordLayer? = nil) {
    self.descriptor = descriptor
    self.received = received
    self.tls = tls
  }

  var isOpen: Bool { descriptor >= 0 }

  /// A leg that is still to be set up.
  static var none: SplicedLeg { SplicedLeg(descriptor: -1, received: 0) }

  /// Forgets the descriptor, which the caller closes.
  mutating func closed() -> Int32 {
    defer { descriptor = -1 }
    inputEnded = true
    outputEnded = true
    waiting = WaitingOutput()
    return descriptor
  }
}

/// Bytes that a socket did not take at once, in their order. Takes no memory while it is empty.
struct WaitingOutput {
  private var bytes: [UInt8] = []
  private var start = 0

  var isEmpty: Bool { start == bytes.count }

  mutating func append(_ more: UnsafeRawBufferPointer) {
    bytes.append(contentsOf: more)
  }

  /// Shows what waits to `send`, which returns how many bytes it took.
  mutating func offer(_ send: (UnsafeRawBufferPointer) -> Int) {
    start += bytes.withUnsafeBytes { send(UnsafeRawBufferPointer(rebasing: $0[start...])) }
    guard isEmpty else { return }
    bytes = []
    start = 0
  }
}
