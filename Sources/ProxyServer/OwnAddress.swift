import NIOCore
import Synchronization

/// Where the proxy listens, so that it never goes to itself.
final class OwnAddress: Sendable {
  private let listening = Mutex<(address: SocketAddress, machine: [String])?>(nil)
  /// Tells this proxy in a chain of proxies.
  let mark: String

  init() {
    mark = "ackscope-" + String(UInt64.random(in: .min ... .max), radix: 36)
  }

  /// The address is bound.
  ///
  /// - Parameter machine: all addresses of this machine.
  func bound(to address: SocketAddress, machine: [SocketAddress]) {
    listening.withLock { $0 = (address, machine.compactMap(\.ipAddress)) }
  }

  /// Whether a connection to that address is a connection to the proxy: what counts is where it leads, not how it was named.
  func isReached(by remote: SocketAddress?) -> Bool {
    guard let remote, let ip = remote.ipAddress else { return false }
    return listening.withLock { listening in
      guard let listening, remote.port == listening.address.port else { return false }
      let own = listening.address.ipAddress
      let isEverywhere = own == "0.0.0.0" || own == "::"
      return ip == own
        || isEverywhere && (AddressRange.isLoopback(remote) || listening.machine.contains(ip))
    }
  }
}
