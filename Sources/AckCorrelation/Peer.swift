/// Whose bytes these are: one of the two ends that talk through the proxy.
package enum Peer: UInt8, Hashable, Sendable {
  /// The one that connected to the proxy.
  case client
  /// The one that the proxy connected to.
  case server

  /// The one that this peer talks to.
  @inlinable
  package var other: Peer { self == .client ? .server : .client }

  /// The name that records use.
  package var name: StaticString { self == .client ? "client" : "server" }
}

/// How packets of a session travel.
package enum Transport: UInt8, Hashable, Sendable {
  /// HTTP requests.
  case polling
  /// One WebSocket connection.
  case websocket

  /// The name that records use.
  package var name: StaticString { self == .polling ? "polling" : "websocket" }
}
