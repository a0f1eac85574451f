import NIOCore
import OutgoingTLS

/// Everything that the proxy is told when it starts.
package struct ProxyConfiguration: Sendable {
  /// Where to listen; port 0 picks a free one.
  package var listenHost = "127.0.0.1"
  package var listenPort = 8090
  /// What is stood before.
  package var mode: Mode
  /// Passes the client's `Host` on instead of the upstream's.
  package var preservesHost = false
  /// Who may use the proxy.
  package var access = AccessRule()
  /// Another proxy that upstreams are reached through.
  package var upstreamProxy: UpstreamProxy?
  /// How TLS is spoken to upstreams; nil where none asks for it.
  package var upstreamTLS: UpstreamTLS?
  /// How TLS is spoken to clients; nil where they speak plain HTTP.
  package var clientTLS: ClientTLS?
  package var limits = ProxyLimits()
  /// Passes bytes behind an upgrade with system calls instead of event loops; for tests of the other way.
  package var splicesDirectly = true

  package init(upstream: UpstreamAddress) {
    mode = .reverse(upstream)
  }

  package init(forward: ForwardRules) {
    mode = .forward(forward)
  }

  /// What the proxy stands before.
  package enum Mode: Sendable {
    /// One upstream, for which clients take the proxy.
    case reverse(UpstreamAddress)
    /// Whatever its clients, which know it as a proxy, ask for.
    case forward(ForwardRules)
  }

  /// The one upstream, where there is one.
  package var upstream: UpstreamAddress? { if case .reverse(let address) = mode { address } else { nil } }
  var forward: ForwardRules? { if case .forward(let rules) = mode { rules } else { nil } }
}

/// What one client, or all of them together, may ask of the proxy (promise P4).
package struct ProxyLimits: Sendable {
  /// Client connections open at once; one more is answered 503 and closed.
  package var connections = 10_000
  /// Bytes of one request's or response's header fields in all, and of each of them; more is answered 431.
  package var headerBytes = 64 << 10
  /// Header fields of one request or response; more are answered 431.
  package var headerFields = 1000
  /// How long a connection may wait for a request, or for the rest of its head. Open WebSockets and requests that
  /// wait for their answer are never timed: they belong to the peers.
  package var idleTimeout = TimeAmount.seconds(75)
  /// How long connecting to the upstream may take.
  package var connectTimeout = TimeAmount.seconds(10)
  /// How long a TLS handshake may take, with either peer.
  package var handshakeTimeout = TimeAmount.seconds(10)
  /// How long a client that was not heard yet, or an upstream that is not connected yet, may keep a splice loop waiting
  /// before an event loop goes on with them, whose timers are the ones above.
  var patience = TimeAmount.seconds(1)
  /// How long a tunnel may stay silent before its server is let speak first.
  var silence = TimeAmount.seconds(1)
  /// How long peers get to close in order when the proxy stops.
  package var stopGrace = TimeAmount.seconds(2)

  package init() {}
}
