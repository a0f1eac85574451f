import AckCorrelation
import NIOCore

/// Where splice loops take connections from, and what they may do with them by themselves: to set up a WebSocket
/// between a plain client and one plain upstream. Whatever turns out to be something else goes to an event loop.
struct FrontDoor: Sendable {
  let upstream: SocketAddress
  /// As the capture names it.
  let upstreamName: String
  let forwarding: ForwardedRequest
  let limits: ProxyLimits
  let admit: @Sendable (SocketAddress?) -> Admission
  let nextNumber: @Sendable () -> ConnectionNumber
  /// A connection that was admitted has ended.
  let ended: @Sendable () -> Void
  /// Takes a connection whose legs are no longer the loop's.
  let giveBack: @Sendable (ReturnedConnection) -> Void

  /// Microseconds.
  var patience: Int64 { limits.patience.nanoseconds / 1000 }
}

/// The front door from one loop's side.
struct OpenDoor {
  let door: FrontDoor
  /// A descriptor of the loop's own of the socket that all loops listen on; negative once no connections are taken.
  var listener: Int32
  /// Connections whose upgrade was not done when they were looked at last, the oldest first.
  var waiting: CircularBuffer<(slot: Int, number: ConnectionNumber, since: Timestamp)> = []
  /// When to try again, where the system had no descriptor left for a connection.
  var closedUntil: Timestamp?
  /// That was said, and no connection could be taken since.
  var isShort = false
}
